/** From rows as they are stored to a tensor as the model declares it: dtype, shape, scale, mean and deviation. */
import { PareError } from '../../contract/errors'
import { ELEMENT_ARRAYS, encode } from '../onnx/numeric'
import { sizeOf, type DType, type Dim, type ValueInfo } from '../onnx'
import { floatsOf, type Value, type ValueData } from '../runtime/value'

/** value = (raw · scale − mean) / std; mean and std hold one number, one per channel, or one per element. */
export interface Affine {
  scale: number
  mean: readonly number[]
  std: readonly number[]
}

/** How the elements of a stored row become those of the model's row. */
export interface RowFit {
  /** Shape of one sample for the model, all numbers. */
  dims: number[]
  /** Element order: position in the model's row → position in the stored row; absent where they agree. */
  order?: Uint32Array
  /** The same as axes of the stored row, taken as of shape `stored` where that is there. */
  axes?: readonly number[]
  stored?: readonly number[]
  /** The axis of the model's row whose first three are the other way round after that. */
  reversed?: number
  /** In words, where the stored shape differs. */
  note?: string
}

/** Shape of one sample: the first axis of an input counts samples. */
export const rowDims = (info: ValueInfo): readonly Dim[] => (info.dims ?? []).slice(1)

const fits = (have: readonly number[], want: readonly Dim[]): boolean =>
  have.length === want.length && want.every((dim, i) => typeof dim !== 'number' || dim === have[i])

export const shapeText = (dims: readonly Dim[]): string => `[${dims.map((d) => d ?? '?').join(', ')}]`

/** How rows of shape `have` become rows of shape `want`, or undefined where they cannot. */
export function fitRows(have: readonly number[], want: readonly Dim[]): RowFit | undefined {
  if (fits(have, want)) return { dims: [...have] }
  const swapped = swapChannels(have, want)
  if (swapped) return swapped
  const fixed = want.filter((dim) => typeof dim === 'number')
  const size = sizeOf(have)
  const known = sizeOf(fixed)
  if (fixed.length < want.length - 1 || known === 0 || size % known !== 0) return undefined
  if (fixed.length === want.length && size !== known) return undefined
  const dims = want.map((dim) => (typeof dim === 'number' ? dim : size / known))
  return { dims, note: `shape ${shapeText(have)} is read as ${shapeText(dims)}` }
}

/** Channels (or time steps) of two or three axes that lie last where the model has them first, or the other way round. */
function swapChannels(have: readonly number[], want: readonly Dim[]): RowFit | undefined {
  if (have.length !== want.length || have.length < 2 || have.length > 3) return undefined
  const rank = have.length
  const turns = [
    { axes: [rank - 1, ...have.keys()].slice(0, rank), note: 'channels are moved from last to first' },
    { axes: [...have.keys(), 0].slice(1), note: 'channels are moved from first to last' },
  ]
  for (const { axes, note } of turns) {
    const dims = axes.map((axis) => have[axis]!)
    if (!fits(dims, want)) continue
    const words = rank === 2 ? 'the two axes of a sample change places' : note
    return { dims, order: orderOf(have, axes), axes, note: words }
  }
  return undefined
}

/** Where each element of a row comes from whose axes were in another order. */
function orderOf(have: readonly number[], axes: readonly number[]): Uint32Array {
  const size = sizeOf(have)
  // One axis moved to an end is a matrix turned.
  const inner = axes[0] === have.length - 1 ? have.at(-1)! : size / have[0]!
  return Uint32Array.from({ length: size }, (_, to) => {
    const outer = size / inner
    return (to % outer) * inner + Math.floor(to / outer)
  })
}

/** Whether rows of one axis become channels of pixels or of steps, so that how they lie is not told. */
const isUnrolled = (have: readonly number[], { dims, order }: RowFit): boolean =>
  !order && have.length === 1 && channelsAt(dims) !== undefined

/** The axis of channels: of pictures their colours, of windows the one that is shorter than time. */
export function channelsAt(dims: readonly number[]): number | undefined {
  if (dims.length !== 2) return channelAxis(dims)
  const [a, b] = dims as [number, number]
  return a === b || Math.min(a, b) === 1 ? undefined : Number(b < a)
}

/** The axis of a sample that counts its colours: the first of three, else the last; undefined where none can. */
export function channelAxis(dims: readonly number[]): number | undefined {
  if (dims.length !== 3) return undefined
  const isColours = (axis: number): boolean => dims[axis] === 3 || dims[axis] === 4
  return [0, 2].find(isColours)
}

interface PixelOrder {
  reversed?: boolean | undefined
  stored?: 'chw' | 'hwc' | undefined
}

/** The fit with its pixels lying as `stored` says and their channels the other way round where they are `reversed`. */
export function pixelFit(have: readonly number[], fit: RowFit, { reversed, stored }: PixelOrder): RowFit {
  const axis = channelsAt(fit.dims)
  if (axis === undefined) return fit
  const channels = fit.dims[axis]!
  const pixels = sizeOf(fit.dims) / channels
  const opposite = reversed && fit.dims.length === 3
  const moved = stored !== undefined && isUnrolled(have, fit) && (stored === 'chw') !== (axis === 0)
  if (!moved && !opposite) return fit
  const first = moved ? axis !== 0 : axis === 0
  const order = new Uint32Array(channels * pixels)
  for (let channel = 0; channel < channels; channel++)
    for (let pixel = 0; pixel < pixels; pixel++) {
      const to = axis === 0 ? channel * pixels + pixel : pixel * channels + channel
      const from = opposite && channel < 3 ? 2 - channel : channel
      order[to] = first ? from * pixels + pixel : pixel * channels + from
    }
  const rest = fit.dims.toSpliced(axis, 1)
  const indices = [...rest.keys()]
  return {
    ...fit,
    order: fit.order ? order.map((at) => fit.order![at]!) : order,
    ...(moved &&
      (axis === 0
        ? { stored: [...rest, channels], axes: [rest.length, ...indices] }
        : { stored: [channels, ...rest], axes: [...indices.map((i) => i + 1), 0] })),
    ...(opposite && { reversed: axis }),
  }
}

export const isIdentity = ({ scale, mean, std }: Affine): boolean =>
  scale === 1 && mean.every((m) => m === 0) && std.every((s) => s === 1)

/** Every digit of integers up to 53 bits: a float32 would lose those beyond 24. */
function numbersOf(value: Value): ArrayLike<number> {
  const { data, dtype } = value
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number)
  return dtype === 'float16' || dtype === 'bfloat16' ? floatsOf(value) : (data as Float64Array)
}

/** Elements as `dtype`; integers are rounded and saturated as ONNX's QuantizeLinear does. */
export function castData(value: Value, dtype: DType): ValueData {
  if (value.dtype === dtype) return value.data
  if (Array.isArray(value.data))
    throw new PareError('data/shape-mismatch', { input: '', expected: dtype, got: 'text' })
  if (dtype === 'float32') return floatsOf(value)
  const bytes = encode(dtype, numbersOf(value))
  const type = ELEMENT_ARRAYS[dtype]
  return type ? new type(bytes.buffer) : bytes
}

/** Stored rows as the model takes them. */
export function convertRows(value: Value, fit: RowFit, dtype: DType, affine: Affine): Value {
  const count = value.dims[0]!
  const dims = [count, ...fit.dims]
  const ordered = fit.order ? { ...value, data: reorder(value.data, fit.order) } : value
  if (isIdentity(affine)) return { dtype, dims, data: castData(ordered, dtype) }
  const data = Float32Array.from(floatsOf(ordered))
  applyAffine(data, fit.dims, affine)
  return { dtype, dims, data: castData({ dtype: 'float32', dims, data }, dtype) }
}

/** Rows one after another, their elements in another order. */
export function reorder(data: ValueData, order: Uint32Array): ValueData {
  if (Array.isArray(data)) return data
  const out = new (data.constructor as new (length: number) => Float32Array)(data.length)
  for (let row = 0; row < data.length; row += order.length)
    for (let i = 0; i < order.length; i++) out[row + i] = (data as Float32Array)[row + order[i]!]!
  return out
}

/** Element i of a row has mean and std of index floor(i / inner) mod their length, which is the same for both. */
export interface SpreadAffine extends Affine {
  inner: number
}

/**
 * Per-channel numbers belong to the first axis of the row, else to its last, else to each element. Throws
 * `data/shape-mismatch` where there are as many as none of these has.
 */
export function spreadAffine(dims: readonly number[], { scale, mean, std }: Affine): SpreadAffine {
  const size = sizeOf(dims)
  const count = Math.max(mean.length, std.length)
  const last = dims[dims.length - 1] ?? 1
  if (count > 1 && count !== dims[0] && count !== last && count !== size)
    throw new PareError('data/shape-mismatch', {
      input: 'mean and std',
      expected: `1, ${dims[0] ?? 1}, ${last} or ${size} numbers`,
      got: `${count} numbers`,
    })
  const spread = (list: readonly number[]): readonly number[] =>
    list.length === count ? list : new Array<number>(count).fill(list[0]!)
  return { scale, mean: spread(mean), std: spread(std), inner: count === dims[0] ? size / count : 1 }
}

/** In place, rows of `dims` one after another. Throws what `spreadAffine` throws. */
export const applyAffine = (data: Float32Array, dims: readonly number[], affine: Affine): void =>
  applySpread(data, sizeOf(dims), spreadAffine(dims, affine))

/** In place, rows of `size` elements one after another. */
export function applySpread(
  data: Float32Array,
  size: number,
  { scale, mean, std, inner }: SpreadAffine,
): void {
  const a = new Float64Array(size)
  const b = new Float64Array(size)
  for (let i = 0; i < size; i++) {
    const k = Math.floor(i / inner) % mean.length
    a[i] = scale / std[k]!
    b[i] = -mean[k]! / std[k]!
  }
  for (let row = 0; row < data.length; row += size)
    for (let i = 0; i < size; i++) data[row + i] = data[row + i]! * a[i]! + b[i]!
}
