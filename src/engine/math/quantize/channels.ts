/**
 * Per-channel integer weights, as QLinearConv, QGemm and MatMulIntegerToFloat take them.
 * Sources: ONNX DequantizeLinear (axis); arXiv:1806.08342 (Krishnamoorthi); arXiv:1810.05723 (clipping by MSE).
 */
import { affineOf, codeRange, quantize, type IntegerType } from './affine'

export interface ChannelCodes {
  codes: Int8Array | Uint8Array
  /** One a channel; a single one when quantized per tensor. */
  scales: Float32Array
  zeroPoints: Int8Array | Uint8Array
}

interface ChannelOptions extends IntegerType {
  /** Axis of the channels; absent for one scale for the whole tensor. */
  axis?: number
  /** 'max' keeps every value in range, 'mse' clips where that lowers the squared error. */
  clip: 'max' | 'mse'
  /** Lower limit of each channel's scale, so that a bias in int32 units of it does not overflow. */
  smallestScales?: Float32Array
}

/** An all-zero channel may take any scale; a small one keeps its bias, counted in units of it, precise. */
const ZERO_CHANNEL_SCALE = 2 ** -20

/** Walks a tensor as [outer, channel, inner]. */
function channelShape(
  dims: readonly number[],
  axis: number | undefined,
): [outer: number, channels: number, inner: number] {
  const product = (from: number, to: number): number => dims.slice(from, to).reduce((n, d) => n * d, 1)
  if (axis === undefined) return [1, 1, product(0, dims.length)]
  return [product(0, axis), dims[axis]!, product(axis + 1, dims.length)]
}

/** Calls `visit` with each channel's values, gathered; `visit` may keep nothing of the buffer. */
export function forChannels(
  values: ArrayLike<number>,
  dims: readonly number[],
  axis: number | undefined,
  visit: (channel: number, row: Float32Array, indexOf: (i: number) => number) => void,
): void {
  const [outer, channels, inner] = channelShape(dims, axis)
  const row = new Float32Array(outer * inner)
  for (let c = 0; c < channels; c++) {
    const indexOf = (i: number): number => (Math.floor(i / inner) * channels + c) * inner + (i % inner)
    let at = 0
    for (let o = 0; o < outer; o++) {
      const base = (o * channels + c) * inner
      for (let i = 0; i < inner; i++) row[at++] = values[base + i]!
    }
    visit(c, row, indexOf)
  }
}

function range(row: Float32Array): [number, number] {
  let min = 0
  let max = 0
  for (let i = 0; i < row.length; i++) {
    const v = row[i]!
    if (v < min) min = v
    else if (v > max) max = v
  }
  return [min, max]
}

/** The share of [min, max] that gives the smallest squared error, found on a grid down to 40%. */
function bestClip(row: Float32Array, min: number, max: number, type: IntegerType): number {
  let best = 1
  let least = Infinity
  for (let share = 1; share > 0.395; share -= 0.02) {
    const affine = affineOf(min * share, max * share, type)
    const { scale, zeroPoint, low, high } = affine
    let error = 0
    for (let i = 0; i < row.length && error < least; i++) {
      const x = row[i]!
      const code = Math.min(high, Math.max(low, Math.round(x / scale) + zeroPoint))
      const d = x - (code - zeroPoint) * scale
      error += d * d
    }
    if (error < least) {
      least = error
      best = share
    }
  }
  return best
}

/** Codes, scales and zero points of a weight of any rank. `values` must be finite. */
export function quantizeChannels(
  values: Float32Array,
  dims: readonly number[],
  options: ChannelOptions,
): ChannelCodes {
  const [, channels] = channelShape(dims, options.axis)
  const Codes = options.signed ? Int8Array : Uint8Array
  const codes = new Codes(values.length)
  const zeroPoints = new Codes(channels)
  const scales = new Float32Array(channels)
  const [low, high] = codeRange(options)
  forChannels(values, dims, options.axis, (c, row, indexOf) => {
    const [min, max] = range(row)
    const share = options.clip === 'mse' && max > min ? bestClip(row, min, max, options) : 1
    let affine = affineOf(min * share, max * share, options)
    const floor = options.smallestScales?.[c] ?? 0
    if (min === max) affine = { ...affine, scale: ZERO_CHANNEL_SCALE }
    if (affine.scale < floor) affine = { ...affine, scale: Math.fround(floor) }
    scales[c] = affine.scale
    zeroPoints[c] = affine.zeroPoint
    for (let i = 0; i < row.length; i++) codes[indexOf(i)] = quantize(row[i]!, { ...affine, low, high })
  })
  return { codes, scales, zeroPoints }
}

/** The weights that per-channel codes stand for. */
export function dequantizeChannels(
  { codes, scales, zeroPoints }: ChannelCodes,
  dims: readonly number[],
  axis: number | undefined,
): Float32Array {
  const [outer, channels, inner] = channelShape(dims, axis)
  const out = new Float32Array(codes.length)
  let at = 0
  for (let o = 0; o < outer; o++)
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < inner; i++, at++) out[at] = (codes[at]! - zeroPoints[c]!) * scales[c]!
  return out
}
