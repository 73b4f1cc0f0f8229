/** Scale and offset per channel in front of a model, as a layer whose numbers can be changed without reading samples again. */
import type { Preprocessing } from '../../contract/dataset'
import { sizeOf } from '../onnx'
import { floatsOf } from '../runtime/value'
import { channelsAt } from './convert'
import type { Batch } from './dataset'
import { measuredInput } from './raw-statistics'
import { spreadOf, withSpread } from './spread'

/** More channels than this are positions, not channels. */
const MOST_CHANNELS = 64

/** x · e^logScale + deviation · offset, by channel; logScales first, then offsets. */
export type Parameters = Float64Array

export interface InputLayer {
  channels: number
  /** Scale alone can be said, as of sounds. */
  gainOnly: boolean
  deviations: Float64Array
  apply(batch: Batch, parameters: Parameters): Batch
}

const nameOf = ({ inputs }: Batch): string | undefined => {
  const value = measuredInput(inputs)
  return Object.keys(inputs).find((name) => inputs[name] === value)
}

/** How many channels a preprocessing can tell apart in a sample of this shape, and which one each number belongs to. */
function channelsOf(
  preprocessing: Preprocessing,
  dims: readonly number[],
): { count: number; of: (i: number) => number } {
  const size = sizeOf(dims)
  const one = { count: 1, of: () => 0 }
  const leading = (count: number) => ({ count, of: (i: number) => Math.floor(i / (size / count)) })
  const trailing = (count: number) => ({ count, of: (i: number) => i % count })
  if (preprocessing.kind === 'image') {
    const { channels, layout } = preprocessing
    return channels === 1 ? one : layout === 'nhwc' ? trailing(channels) : leading(channels)
  }
  if (preprocessing.kind !== 'array') return one
  const axis = dims.length === 1 ? 0 : channelsAt(dims)
  if (axis === undefined || dims[axis]! > MOST_CHANNELS) return one
  return axis === 0 ? leading(dims[0]!) : trailing(dims.at(-1)!)
}

/** Undefined where no input of the batches is scaled by the preprocessing. */
export function inputLayer(
  preprocessing: Preprocessing,
  batches: readonly Batch[],
  byChannel: boolean,
): InputLayer | undefined {
  const [sample] = batches
  const name = sample && nameOf(sample)
  if (!sample || name === undefined || preprocessing.kind === 'text') return undefined
  const dims = sample.inputs[name]!.dims.slice(1)
  const size = sizeOf(dims)
  const all = channelsOf(preprocessing, dims)
  const { count, of } = byChannel ? all : { count: 1, of: () => 0 }
  const channel = Uint8Array.from({ length: size }, (_, i) => of(i))
  const [n, sum, squares] = [0, 1, 2].map(() => new Float64Array(count)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  for (const { inputs } of batches)
    for (const [i, value] of floatsOf(inputs[name]!).entries()) {
      const c = channel[i % size]!
      n[c]!++
      sum[c]! += value
      squares[c]! += value * value
    }
  const deviations = squares.map((square, c) => {
    const mean = sum[c]! / n[c]!
    return Math.sqrt(Math.max(0, square / n[c]! - mean * mean)) || 1
  })
  return {
    channels: count,
    gainOnly: spreadOf(preprocessing) === undefined,
    deviations,
    apply(batch, parameters) {
      const value = batch.inputs[name]!
      const scales = Float64Array.from(deviations, (_, c) => Math.exp(parameters[c]!))
      const offsets = deviations.map((deviation, c) => deviation * (parameters[count + c] ?? 0))
      const read = floatsOf(value)
      const data = new Float32Array(read.length)
      for (let at = 0; at < data.length; at += size)
        for (let i = 0; i < size; i++) {
          const c = channel[i]!
          data[at + i] = read[at + i]! * scales[c]! + offsets[c]!
        }
      const changed = { dtype: 'float32' as const, dims: value.dims, data }
      return { ...batch, inputs: { ...batch.inputs, [name]: changed } }
    },
  }
}

/**
 * The parameters that make one preprocessing of another; undefined where the layer has not a number for each of theirs.
 */
export function between(
  from: Preprocessing,
  to: Preprocessing,
  { channels, deviations }: InputLayer,
): Parameters | undefined {
  if (from.kind === 'audio' && to.kind === 'audio' && !from.features && channels === 1)
    return Float64Array.of(Math.log(to.scale / from.scale), 0)
  const [before, after] = [spreadOf(from), spreadOf(to)]
  if (!before || !after || after.mean.length !== channels || after.std.length !== channels) return undefined
  const at = (list: readonly number[], c: number): number => list[list.length === 1 ? 0 : c]!
  const found = new Float64Array(2 * channels)
  for (const [c, deviation] of deviations.entries()) {
    found[c] = Math.log(at(before.std, c) / after.std[c]!)
    found[channels + c] = (at(before.mean, c) - after.mean[c]!) / (after.std[c]! * deviation)
  }
  return found
}

const FOUR_DIGITS = 4
const rounded = (value: number): number => Number(value.toPrecision(FOUR_DIGITS))

/**
 * Units and conventions lie further apart: what a model gains by a nearer fit is a better tuned model, not another way to
 * read. Gain as a logarithm, offset in deviations of the input.
 */
const LEAST = { gain: Math.log(1.25), offset: 0.25 }

const isAnother = (parameters: Parameters, { channels }: InputLayer): boolean =>
  parameters.some((value, p) => Math.abs(value) > (p < channels ? LEAST.gain : LEAST.offset))

/** Times that the largest deviation of a channel may be that of the smallest: where one nears nothing, it is not read any more. */
const APART = 16

/** Whether no channel is lost: with the parameters they are no further apart than those of samples that are read, or than they were. */
export function keepsChannels({ channels, deviations }: InputLayer, parameters: Parameters): boolean {
  const apart = (values: Float64Array): number => Math.max(...values) / Math.min(...values)
  const after = deviations.map((deviation, c) => deviation * Math.exp(parameters[c]!))
  return channels === 1 || apart(after) <= Math.max(APART, apart(deviations))
}

/** The preprocessing that does what the layer does after the one it was fitted to; undefined where that is no other way. */
export function fitted(
  preprocessing: Preprocessing,
  layer: InputLayer,
  parameters: Parameters,
): Preprocessing | undefined {
  if (!isAnother(parameters, layer)) return undefined
  const { channels, deviations } = layer
  const scales = Array.from({ length: channels }, (_, c) => Math.exp(parameters[c]!))
  if (preprocessing.kind === 'audio' && !preprocessing.features)
    return { ...preprocessing, scale: rounded(preprocessing.scale * scales[0]!) }
  const before = spreadOf(preprocessing)
  if (!before) return undefined
  const { mean, std } = before
  const count = Math.max(channels, mean.length, std.length)
  if (channels > 1 && count > channels) return undefined
  const at = (list: readonly number[], c: number): number => list[list.length === 1 ? 0 : c]!
  const deviation = (c: number): number => at(std, c) / at(scales, c)
  const offset = (c: number): number => at([...deviations], c) * at([...parameters.subarray(channels)], c)
  const indices = Array.from({ length: count }, (_, c) => c)
  return withSpread(preprocessing, {
    mean: indices.map((c) => rounded(at(mean, c) - deviation(c) * offset(c))),
    std: indices.map((c) => rounded(deviation(c))),
  })
}
