/** Seeded random inputs within what a model declares, for tracing, comparing and running without data. */
import { PareError } from '../../contract/errors'
import { isFloat, sizeOf, type Dim, type DType, type Model } from '../onnx'
import { requireMemory } from '../onnx/budget'
import { encode, decode } from '../onnx/numeric'
import { seeded, type Random } from '../math/random'
import type { Value, ValueData, Values } from './value'
import { toFile } from './edge'
import { indexBound } from './gather-bounds'
import { isFree, signatureOf, TIME, type Port } from './signature'

export interface FeedOptions {
  /** Samples; ignored by models whose batch is fixed. Default 1. */
  batch?: number
  /** Default 0. */
  seed?: number
  /** Length given to dynamic axes that look like time. Default 16. */
  sequence?: number
  /** Length given to other dynamic axes, such as the sides of an image. Default 224. */
  side?: number
}

/** Length of a dynamic axis from its name ('past_sequence_length + 1' is summed) or else its place. */
function lengthOf(dim: Dim, axis: number, rank: number, options: Required<FeedOptions>): number {
  if (typeof dim === 'string') {
    const terms = dim.split('+').map((term) => term.trim())
    if (terms.length > 1)
      return terms.reduce((sum, term) => sum + (Number(term) || lengthOf(term, axis, rank, options)), 0)
    // A cache of earlier tokens may be empty: the model then reads its input from the start.
    if (/past|cache/i.test(dim)) return 0
    if (TIME.test(dim)) return options.sequence
  }
  if (rank >= 4) return axis === 1 ? 3 : options.side
  return options.sequence
}

/** Dimensions of an input with every free axis decided. */
export function resolveDims(port: Port, options: FeedOptions = {}): number[] {
  const full = { batch: 1, seed: 0, sequence: 16, side: 224, ...options }
  return port.dims.map((dim, axis) => {
    if (!isFree(dim)) return dim as number
    // What was seen before may be nothing: the model then reads its input from the start.
    if (axis !== port.batchAxis && port.state !== undefined) return 0
    return axis === port.batchAxis ? full.batch : lengthOf(dim, axis, port.dims.length, full)
  })
}

/** What speech models call the rate they listen at, and the rate nearly all of them know. */
const RATE = /^sr$|sampl(e|ing)_?rate/i
const SAMPLE_RATE = 16_000

/** The next number for an input, by what its name, type and use say of it. */
function drawer(
  info: Port,
  model: Model,
  random: Random,
): (index: number, dims: readonly number[]) => number {
  const dtype = info.dtype!
  if (dtype === 'bool' || /mask/i.test(info.name)) return () => 1
  if (RATE.test(info.name)) return () => SAMPLE_RATE
  if (isFloat(dtype)) return () => random.normal()
  const bound = indexBound(model.graph, info.name)
  if (/position/i.test(info.name))
    return (index, dims) => Math.min(index % Math.max(1, dims[dims.length - 1] ?? 1), (bound ?? Infinity) - 1)
  if (bound !== undefined) return () => random.below(bound)
  // Small numbers without a table are lengths, counts or flags; images come as bytes.
  if (info.dims.length <= 1) return () => 1
  return dtype === 'uint8' || dtype === 'int8'
    ? () => random.below(dtype === 'int8' ? 128 : 256)
    : () => random.below(2)
}

function filled(
  dtype: DType,
  dims: readonly number[],
  draw: (index: number, dims: readonly number[]) => number,
): Value {
  const size = sizeOf(dims)
  // As numbers, as bytes and as what the session takes.
  requireMemory(size * 8 * 3, `an input of shape [${dims.join(', ')}]`)
  if (dtype === 'string') return { dtype, dims, data: Array.from({ length: size }, () => 'a') }
  const numbers = new Float64Array(size)
  for (let i = 0; i < size; i++) numbers[i] = draw(i, dims)
  const bytes = encode(dtype, numbers)
  const data =
    dtype === 'float16' || dtype === 'bfloat16' ? decode('uint16', bytes, size) : decode(dtype, bytes, size)
  return { dtype, dims, data: data as ValueData }
}

/**
 * One seeded random feed for every required input: floats normal, masks one, ids within the tables they
 * index, free axes as `options` say. Throws `model/not-a-tensor`.
 */
export function randomFeeds(model: Model, options: FeedOptions = {}): Values {
  const random = seeded(options.seed ?? 0)
  const feeds: Values = {}
  for (const info of signatureOf(model).inputs) {
    if (!info.dtype) throw new PareError('model/not-a-tensor', { file: model.file, input: info.name })
    const drawn = filled(info.dtype, resolveDims(info, options), drawer(info, model, random.fork(info.name)))
    feeds[info.name] = toFile(drawn, info.edge)
  }
  return feeds
}
