/** Pools. Source: ONNX MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool. */
import { sizeOf, Tensor, type Node } from '../../onnx'
import { single, unsupported, type Rules } from './rule'
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

const averagePool = single((t, node, dy) => {
  const dims = t.shape(node.inputs[0]!)
  const outDims = t.shape(node.outputs[0]!)
  const [wide, narrow] = [dims.slice(2), outDims.slice(2)]
  const w = windowsOf(node, node.ints('kernel_shape')!, wide, narrow)
  const planes = dims[0]! * dims[1]!
  const shares = t.floats([1, 1, ...narrow], counts(node, w, wide, narrow))
  const spread = t.mul(t.reshape(dy, [planes, 1, ...narrow]), shares)
  const rest = leftovers(w, wide, narrow)
  const ones = t.graph.addInitializer(
    'grad/constant',
    Tensor.float32([1, 1, ...w.kernel], new Float32Array(sizeOf(w.kernel)).fill(1)),
  )
  const full = t.op('ConvTranspose', [spread, ones], {
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
  return [t.reshape(whole, dims)]
})

const spatialAxes = (t: Tape, node: Node): number[] => range(t.shape(node.inputs[0]!).length).slice(2)

export const pooling: Rules = {
  MaxPool: maxPool,
  AveragePool: averagePool,
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
