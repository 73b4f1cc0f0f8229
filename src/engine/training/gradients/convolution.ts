/** Convolutions and their transposes, of any number of spatial axes. Source: ONNX Conv, ConvTranspose. */
import { sizeOf } from '../../onnx'
import { depthwiseInputGradient, fewPositions, type ConvDims } from './depthwise'
import { single, type Rules } from './rule'
import { range, type Tape } from './tape'
import { convWeightGradient } from './weight-gradient'
import { leftovers, spans, windowsOf, type Windows } from '../../layers/windows'

const ints = (values: readonly number[]): { ints: readonly number[] } => ({ ints: values })

/** Sum over everything but the channel axis. */
const biasGradient = (t: Tape, dy: string, rank: number): string =>
  t.reduceSum(
    dy,
    range(rank).filter((i) => i !== 1),
    false,
  )

/** Kernel [O, C/g, …] as the kernel [C, O/g, …] of the flipped convolution that goes backwards. */
function flippedKernel(t: Tape, weight: string, dims: readonly number[], group: number): string {
  const [outer, inner, ...kernel] = dims as [number, number, ...number[]]
  const area = sizeOf(kernel)
  const flat = t.reshape(weight, [group, outer / group, inner, area])
  const reversed =
    area === 1 ? flat : t.op('Gather', [flat, t.ints(range(area).reverse())], { axis: { int: 3 } })
  return t.reshape(t.transpose(reversed, [0, 2, 1, 3]), [inner * group, outer / group, ...kernel])
}

/** Input gradient of a convolution. */
function inputGradient(
  t: Tape,
  dy: string,
  weight: string,
  dims: ConvDims,
  w: Windows,
  group: number,
): string {
  const wide = dims.x.slice(2)
  const depthwise = group > 1 && group === dims.x[1] && group === dims.w[0]
  if (depthwise && wide.length === 2 && fewPositions(dims))
    return depthwiseInputGradient(t, dy, weight, dims, w)
  const rest = leftovers(w, wide, dims.y.slice(2))
  const back = spans(w).map((span) => span - 1)
  const before = back.map((b, i) => b - w.before[i]!)
  const after = back.map((b, i) => b - w.after[i]!)
  const strideOne = w.strides.every((s) => s === 1)
  const flippable = strideOne && before.every((n) => n >= 0) && after.every((n) => n >= 0)
  // ConvTranspose is slow where channels are many or grouped; a flipped Conv is the same sum.
  if (flippable && (group > 1 || Math.min(dims.x[1]!, dims.w[0]!) >= 16)) {
    return t.op('Conv', [dy, flippedKernel(t, weight, dims.w, group)], {
      pads: ints([...before, ...after]),
      dilations: ints(w.dilations),
      kernel_shape: ints(w.kernel),
      group: { int: group },
    })
  }
  const full = t.op('ConvTranspose', [dy, weight], {
    strides: ints(w.strides),
    dilations: ints(w.dilations),
    kernel_shape: ints(w.kernel),
    group: { int: group },
    pads: ints([...w.before, ...w.after.map((a, i) => Math.max(0, a - rest[i]!))]),
  })
  // What no window reached gets zeros where padding did not already stand for it.
  const missing = rest.map((r, i) => Math.max(0, r - w.after[i]!))
  return t.pad(
    full,
    range(dims.x.length).map(() => 0),
    [0, 0, ...missing],
  )
}

const conv = single((t, node, dy) => {
  const [x, weight, bias] = node.inputs as [string, string, string | undefined]
  const dims = { x: t.shape(x), w: t.shape(weight), y: t.shape(node.outputs[0]!) }
  const group = node.int('group', 1)
  const w = windowsOf(node, dims.w.slice(2), dims.x.slice(2), dims.y.slice(2))
  return [
    t.wants(x) ? inputGradient(t, dy, weight, dims, w, group) : undefined,
    t.wants(weight) ? convWeightGradient(t, x, dy, dims, w, group) : undefined,
    t.wants(bias) ? biasGradient(t, dy, dims.y.length) : undefined,
  ]
})

/** A ConvTranspose is the input gradient of a Conv; its own gradients are that Conv and its weight gradient. */
const convTranspose = single((t, node, dy) => {
  const [x, weight, bias] = node.inputs as [string, string, string | undefined]
  const dims = { x: t.shape(x), w: t.shape(weight), y: t.shape(node.outputs[0]!) }
  const group = node.int('group', 1)
  const w = windowsOf(node, dims.w.slice(2), dims.y.slice(2), dims.x.slice(2))
  if (node.attributes.has('output_shape')) {
    // total = stride·(in − 1) + output_padding + span − out, split as auto_pad says.
    const extra = node.ints('output_padding') ?? w.kernel.map(() => 0)
    spans(w).forEach((span, i) => {
      const total = w.strides[i]! * (dims.x[i + 2]! - 1) + extra[i]! + span - dims.y[i + 2]!
      const small = Math.floor(total / 2)
      w.before[i] = node.string('auto_pad', 'NOTSET') === 'SAME_UPPER' ? small : total - small
      w.after[i] = total - w.before[i]!
    })
  }
  // output_padding adds rows the convolution back never reaches.
  const rest = leftovers(w, dims.y.slice(2), dims.x.slice(2))
  const cut = rest.map((r) => Math.max(0, r))
  const inner: Windows = { ...w, after: w.after.map((a, i) => a - cut[i]!) }
  const forward = { x: dims.y, w: dims.w, y: dims.x }
  const negative = [...inner.before, ...inner.after].some((n) => n < 0)
  const from = negative
    ? t.pad(
        dy,
        [0, 0, ...inner.before.map((n) => Math.min(0, n))],
        [0, 0, ...inner.after.map((n) => Math.min(0, n))],
      )
    : dy
  const fromDims = [...dims.y]
  if (negative) {
    inner.before.forEach((n, i) => (fromDims[i + 2]! += Math.min(0, n)))
    inner.after.forEach((n, i) => (fromDims[i + 2]! += Math.min(0, n)))
    inner.before = inner.before.map((n) => Math.max(0, n))
    inner.after = inner.after.map((n) => Math.max(0, n))
  }
  const attributes = {
    strides: ints(w.strides),
    dilations: ints(w.dilations),
    kernel_shape: ints(w.kernel),
    group: { int: group },
    pads: ints([...inner.before, ...inner.after]),
  }
  return [
    t.wants(x) ? t.op('Conv', [from, weight], attributes) : undefined,
    t.wants(weight) ? convWeightGradient(t, from, x, { ...forward, x: fromDims }, inner, group) : undefined,
    t.wants(bias) ? biasGradient(t, dy, dims.y.length) : undefined,
  ]
})

export const convolution: Rules = { Conv: conv, ConvTranspose: convTranspose }
