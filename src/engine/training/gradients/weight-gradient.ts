/**
 * Weight gradient of a convolution: six ways, chosen by what was measured to be quick in ONNX Runtime.
 * Every way computes dW[o, c, k] = Σ over n, p of dY[n, o, p] · X[n, c, p·stride + k·dilation − pad].
 */
import { sizeOf } from '../../onnx'
import { depthwiseWeightGradient, rowsTogether, type ConvDims } from './depthwise'
import { range, type Tape } from './tape'
import { leftovers, spans, type Windows } from '../../layers/windows'

/** Few channels or groups: Conv with batch and channels changing places, strides and dilations too. */
function byConvolution(t: Tape, x: string, dy: string, dims: ConvDims, w: Windows, group: number): string {
  const [batch, channels, ...wide] = dims.x as [number, number, ...number[]]
  const inner = dims.w[1]!
  const spatial = range(wide.length)
  let image: string
  if (group === 1) image = t.transpose(x, [1, 0, ...spatial.map((i) => i + 2)])
  else {
    const split = t.reshape(x, [batch, group, channels / group, ...wide])
    const turned = t.transpose(split, [2, 1, 0, ...spatial.map((i) => i + 3)])
    image = t.reshape(turned, [inner, group * batch, ...wide])
  }
  const kernels = t.transpose(dy, [1, 0, ...spatial.map((i) => i + 2)])
  const rest = leftovers(w, wide, dims.y.slice(2))
  const after = w.after.map((a, i) => a - rest[i]!)
  const trimmed = after.some((a) => a < 0)
    ? t.pad(
        image,
        range(wide.length + 2).map(() => 0),
        [0, 0, ...after.map((a) => Math.min(0, a))],
      )
    : image
  const product = t.op('Conv', [trimmed, kernels], {
    strides: { ints: w.dilations },
    dilations: { ints: w.strides },
    pads: { ints: [...w.before, ...after.map((a) => Math.max(0, a))] },
    kernel_shape: { ints: dims.y.slice(2) },
    group: { int: group },
  })
  // It comes as [C/g, O, …kernel].
  return t.transpose(product, [1, 0, ...spatial.map((i) => i + 2)])
}

/**
 * One kernel a channel: every row of dY times every row of X by one product a channel, of which the pairs of rows a
 * kernel row lies between are added up. Most products are thrown away, and it is still the quickest: a matrix
 * product is an order of magnitude faster than a convolution with one channel.
 */
function byRows(t: Tape, x: string, dy: string, dims: ConvDims, w: Windows): string {
  const [batch, channels] = dims.x as [number, number]
  const flat = dims.x.length === 3
  const [height, width] = flat ? [1, dims.x[2]!] : (dims.x.slice(2) as [number, number])
  const [high, wide] = flat ? [1, dims.y[2]!] : (dims.y.slice(2) as [number, number])
  const last = w.kernel.length - 1
  const vertical = (of: readonly number[], none: number): number => (flat ? none : of[0]!)
  const columns = width + w.before[last]! + w.after[last]!
  const turn = (value: string, size: readonly number[]): string =>
    t.transpose(t.reshape(value, [batch, channels, ...size]), [1, 2, 0, 3])
  const sides = (of: readonly number[]): number[] => [0, 0, ...of.map((n, i) => (i === last ? n : 0))]
  const image = turn(t.pad(x, sides(w.before), sides(w.after)), [height, columns])
  const gradient = t.reshape(turn(dy, [high, wide]), [channels, high, batch * wide])
  const products = range(w.kernel[last]!).map((k) => {
    const from = k * w.dilations[last]!
    const cut = t.slice(image, [3], [from], [from + (wide - 1) * w.strides[last]! + 1], [w.strides[last]!])
    const rowsOfX = t.transpose(t.reshape(cut, [channels, height, batch * wide]), [0, 2, 1])
    return t.reshape(t.op('MatMul', [gradient, rowsOfX]), [channels, high * height])
  })
  const all = products.length === 1 ? products[0]! : t.op('Concat', products, { axis: { int: 1 } })
  const tall = vertical(w.kernel, 1)
  // Rows of zeros above and below would make the products longer: pairs with them are left out of the sum instead.
  const under = range(tall).flatMap((ky) =>
    products.flatMap(() =>
      range(high).map(
        (row) => row * vertical(w.strides, 1) + ky * vertical(w.dilations, 1) - vertical(w.before, 0),
      ),
    ),
  )
  const inside = under.map((row) => row >= 0 && row < height)
  const picks = under.map((row, i) => {
    const pair = i % (products.length * high)
    return pair * height + (inside[i] ? row : 0)
  })
  const size = [tall * products.length, high]
  const picked = t.reshape(t.op('Gather', [all, t.ints(picks)], { axis: { int: 1 } }), [channels, ...size])
  const kept = inside.every(Boolean) ? picked : t.mul(picked, t.floats(size, inside.map(Number)))
  return t.reshape(t.reduceSum(kept, [2], false), dims.w)
}

/** [N, O, P] · [N, Q, P]ᵀ summed over samples, as [O, Q]. */
function correlate(t: Tape, dy: string, columns: string): string {
  return t.reduceSum(t.op('MatMul', [dy, t.transpose(columns, [0, 2, 1])]), [0], false)
}

/** One position a window: a plain product. */
function pointwise(t: Tape, x: string, dy: string, dims: ConvDims): string {
  const [batch, channels] = dims.x as [number, number]
  const [outer] = dims.w as [number]
  const points = sizeOf(dims.x.slice(2))
  return t.reshape(
    correlate(t, t.reshape(dy, [batch, outer, points]), t.reshape(x, [batch, channels, points])),
    dims.w,
  )
}

function padded(t: Tape, x: string, w: Windows): string {
  return t.pad(x, [0, 0, ...w.before], [0, 0, ...w.after])
}

/** Positions of a window, each as its offsets along the spatial axes. */
function offsets(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>((all, size) => all.flatMap((o) => range(size).map((i) => [...o, i])), [[]])
}

/** im2col by one Slice per position of the window. */
function bySlices(t: Tape, x: string, dy: string, dims: ConvDims, w: Windows): string {
  const [batch, channels] = dims.x as [number, number]
  const [outer, , ...kernel] = dims.w as [number, number, ...number[]]
  const narrow = dims.y.slice(2)
  const points = sizeOf(narrow)
  const image = padded(t, x, w)
  const axes = kernel.map((_, i) => i + 2)
  const positions = offsets(kernel)
  const columns = positions.map((at) => {
    const starts = at.map((k, i) => k * w.dilations[i]!)
    const ends = starts.map((s, i) => s + (narrow[i]! - 1) * w.strides[i]! + 1)
    return t.reshape(t.slice(image, axes, starts, ends, w.strides), [batch, channels, points])
  })
  const stacked = columns.length === 1 ? columns[0]! : t.op('Concat', columns, { axis: { int: 1 } })
  const product = correlate(t, t.reshape(dy, [batch, outer, points]), stacked)
  const split = t.reshape(product, [outer, positions.length, channels])
  return t.reshape(t.transpose(split, [0, 2, 1]), dims.w)
}

/** Channels last, rows picked by one Gather, one Gemm over all samples. */
function byGather(t: Tape, x: string, dy: string, dims: ConvDims, w: Windows): string {
  const [batch, channels, ...wide] = dims.x as [number, number, ...number[]]
  const [outer, , ...kernel] = dims.w as [number, number, ...number[]]
  const narrow = dims.y.slice(2)
  const full = wide.map((size, i) => size + w.before[i]! + w.after[i]!)
  const positions = offsets(kernel)
  const rows: number[] = []
  for (const point of offsets(narrow))
    for (const at of positions) {
      let row = 0
      point.forEach((p, i) => (row = row * full[i]! + p * w.strides[i]! + at[i]! * w.dilations[i]!))
      rows.push(row)
    }
  const area = sizeOf(full)
  const points = sizeOf(narrow)
  const last = t.transpose(t.reshape(padded(t, x, w), [batch, channels, area]), [0, 2, 1])
  const picked = t.op('Gather', [last, t.ints(rows)], { axis: { int: 1 } })
  const columns = t.reshape(picked, [batch * points, positions.length * channels])
  const turned = t.reshape(t.transpose(t.reshape(dy, [batch, outer, points]), [0, 2, 1]), [
    batch * points,
    outer,
  ])
  const product = t.op('Gemm', [turned, columns], { transA: { int: 1 } })
  const split = t.reshape(product, [outer, positions.length, channels])
  return t.reshape(t.transpose(split, [0, 2, 1]), dims.w)
}

/** Kernels along one axis up to this long are cut out by Slices, which cost one copy of the input each. */
const SHORT = 16

/** Rows of an image up to which products of all pairs of them pay. */
const LOW = 64

/** Gradient of the weight [O, C/g, kernel] from input `x` and output gradient `dy`. */
export function convWeightGradient(
  t: Tape,
  x: string,
  dy: string,
  dims: ConvDims,
  w: Windows,
  group: number,
): string {
  const channels = dims.x[1]!
  const strided = w.strides.some((s) => s > 1)
  const bare = [...w.before, ...w.after].every((p) => p === 0)
  if (group === 1 && !strided && bare && spans(w).every((s) => s === 1)) return pointwise(t, x, dy, dims)
  const line = w.kernel.length === 1
  const depthwise = group > 1 && group === channels && dims.w[0] === group
  const together = depthwise && w.kernel.length === 2 ? rowsTogether(dims, w) : undefined
  if (together) return depthwiseWeightGradient(t, x, dy, dims, w, together)
  if (depthwise && (line || (w.kernel.length === 2 && dims.y[2]! <= LOW))) return byRows(t, x, dy, dims, w)
  if (line && group === 1 && !strided && channels <= 8 && w.kernel[0]! <= SHORT)
    return bySlices(t, x, dy, dims, w)
  if (group > 1 || channels <= 8) return byConvolution(t, x, dy, dims, w, group)
  return line || strided || channels >= 128 ? byGather(t, x, dy, dims, w) : bySlices(t, x, dy, dims, w)
}
