/** Pools. Source: ONNX MaxPool, AveragePool, LpPool and their global forms. */
import { sizeOf, Tensor, type Node } from '../../onnx'
import { single, unsupported, type Rule, type Rules } from './rule'
import { range, type Tape } from './tape'
import { leftovers, spans, windowsOf, type Windows } from '../../layers/windows'

const maxPool = single((t, node, dy) => {
  if (node.int('storage_order', 0) !== 0) throw unsupported(node, 'column-major indices')
  const dims = t.shape(node.inputs[0]!)
  const count = t.elements(node.outputs[0]!)
  const total = sizeOf(dims)
  const indices = t.reshape(t.extraOutput(node, 1), [count])
  const updates = t.reshape(dy, [count])
  const narrow = t.shape(node.outputs[0]!).slice(2)
  const w = windowsOf(node, node.ints('kernel_shape')!, dims.slice(2), narrow)
  const overlapping = spans(w).some((span, i) => span > w.strides[i]!)
  if (overlapping && t.opset < 16) throw unsupported(node, 'overlapping windows before opset 16')
  const flat = overlapping
    ? t.scatterAdd([total], indices, updates, 0)
    : t.op('ScatterElements', [t.zeros([total]), indices, updates], { axis: { int: 0 } })
  return [t.reshape(flat, dims)]
})

/** How many real elements each window averages over. */
function counts(node: Node, w: Windows, wide: readonly number[], narrow: readonly number[]): Float32Array {
  const padding = node.int('count_include_pad', 0) !== 0
  const perAxis = w.kernel.map((kernel, i) =>
    range(narrow[i]!).map((p) => {
      const start = p * w.strides[i]! - w.before[i]!
      const low = padding ? -w.before[i]! : 0
      const high = padding ? wide[i]! + w.after[i]! : wide[i]!
      return range(kernel).filter((k) => {
        const at = start + k * w.dilations[i]!
        return at >= low && at < high
      }).length
    }),
  )
  const all = perAxis.reduce<number[]>((sizes, axis) => sizes.flatMap((s) => axis.map((n) => s * n)), [1])
  return Float32Array.from(all, (n) => 1 / n)
}

/** The transpose of summing over windows: what each element of the input gets from `value`, shaped like the output. */
function toInputs(t: Tape, node: Node, value: string, w: Windows): string {
  const dims = t.shape(node.inputs[0]!)
  const [wide, narrow] = [dims.slice(2), t.shape(node.outputs[0]!).slice(2)]
  const rest = leftovers(w, wide, narrow)
  const ones = t.graph.addInitializer(
    'grad/constant',
    Tensor.float32([1, 1, ...w.kernel], new Float32Array(sizeOf(w.kernel)).fill(1)),
  )
  const full = t.op('ConvTranspose', [t.reshape(value, [dims[0]! * dims[1]!, 1, ...narrow]), ones], {
    strides: { ints: w.strides },
    dilations: { ints: w.dilations },
    kernel_shape: { ints: w.kernel },
    pads: { ints: [...w.before, ...w.after.map((a, i) => Math.max(0, a - rest[i]!))] },
  })
  const missing = rest.map((r, i) => Math.max(0, r - w.after[i]!))
  const whole = t.pad(
    full,
    range(dims.length).map(() => 0),
    [0, 0, ...missing],
  )
  return t.reshape(whole, dims)
}

function windowsIn(t: Tape, node: Node): Windows {
  const [wide, narrow] = [t.shape(node.inputs[0]!), t.shape(node.outputs[0]!)]
  return windowsOf(node, node.ints('kernel_shape')!, wide.slice(2), narrow.slice(2))
}

const averagePool = single((t, node, dy) => {
  const [wide, narrow] = [t.shape(node.inputs[0]!).slice(2), t.shape(node.outputs[0]!).slice(2)]
  const w = windowsIn(t, node)
  const shares = t.floats([1, 1, ...narrow], counts(node, w, wide, narrow))
  return [toInputs(t, node, t.mul(dy, shares), w)]
})

/** y = (Σ |x|ᵖ)^(1/p): dy · y^(1−p) goes to each x of its window, times |x|ᵖ⁻¹ · sign(x); to none where y is 0. */
const norm = (spread: (t: Tape, node: Node, value: string) => string): Rule =>
  single((t, node, dy) => {
    const [x, y] = [node.inputs[0]!, node.outputs[0]!]
    const p = node.int('p', 2)
    const power = (value: string, exponent: number): string =>
      exponent === 1 ? value : t.op('Pow', [value, t.scalar(exponent)])
    if (p === 1) return [t.mul(spread(t, node, dy), t.op('Sign', [x]))]
    const known = t.op('Greater', [y, t.scalar(0)])
    const share = t.masked(known, t.div(dy, power(t.op('Where', [known, y, t.scalar(1)]), p - 1)))
    const slope = p === 2 ? x : t.mul(power(t.op('Abs', [x]), p - 1), t.op('Sign', [x]))
    return [t.mul(spread(t, node, share), slope)]
  })

const spatialAxes = (t: Tape, node: Node): number[] => range(t.shape(node.inputs[0]!).length).slice(2)

export const pooling: Rules = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: norm((t, node, value) => toInputs(t, node, value, windowsIn(t, node))),
  GlobalLpPool: norm((_t, _node, value) => value),
  GlobalAveragePool: single((t, node, dy) => {
    const dims = t.shape(node.inputs[0]!)
    return [t.expand(t.scale(dy, 1 / sizeOf(dims.slice(2))), dims)]
  }),
  GlobalMaxPool: single((t, node, dy) => {
    const hit = t.op('Cast', [t.op('Equal', [node.inputs[0]!, node.outputs[0]!])], { to: { int: 1 } })
    const shared = t.div(dy, t.reduceSum(hit, spatialAxes(t, node), true))
    return [t.mul(hit, shared)]
  }),
}
