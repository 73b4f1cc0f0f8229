/** Seeded random inputs within what a model declares, for tracing, comparing and running without data. */
import { PareError } from '../../contract/errors'
import { isFloat, sizeOf, type Dim, type DType, type Model, type ValueInfo } from '../onnx'
import { encode, decode } from '../onnx/numeric'
import { seeded, type Random } from '../math/random'
import type { Value, ValueData, Values } from './value'
import { indexBound } from './gather-bounds'

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

const BATCH = /batch|^n$|^b$|^bs$/i
const TIME = /seq|time|len|token|step|frame|past|total/i

const isDynamic = (dim: Dim): boolean => typeof dim !== 'number' || dim <= 0

/** The axis of an input along which samples lie and whose length is free; null where there is none. */
export function batchAxisOf(info: ValueInfo): number | null {
  const dims = info.dims ?? []
  const named = dims.findIndex((dim) => typeof dim === 'string' && BATCH.test(dim))
  if (named >= 0) return named
  const [first] = dims
  if (first === undefined || !isDynamic(first)) return null
  return typeof first === 'string' && TIME.test(first) ? null : 0
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

/** The batch that inputs fix, where they agree on one; undefined where it is free. */
export function fixedBatchOf(inputs: readonly ValueInfo[]): number | undefined {
  const sizes = new Set(inputs.map((input) => input.dims?.[0]))
  const [size] = sizes
  return sizes.size === 1 && typeof size === 'number' && size > 0 ? size : undefined
}

/** Dimensions of an input with every dynamic axis decided. */
export function resolveDims(info: ValueInfo, options: FeedOptions = {}): number[] {
  const full = { batch: 1, seed: 0, sequence: 16, side: 224, ...options }
  const dims = info.dims ?? []
  const batchAxis = batchAxisOf(info)
  return dims.map((dim, axis) => {
    if (typeof dim === 'number' && dim > 0) return dim
    return axis === batchAxis ? full.batch : lengthOf(dim, axis, dims.length, full)
  })
}

/** The next number for an input, by what its name, type and use say of it. */
function drawer(
  info: ValueInfo,
  model: Model,
  random: Random,
): (index: number, dims: readonly number[]) => number {
  const dtype = info.dtype!
  if (dtype === 'bool' || /mask/i.test(info.name)) return () => 1
  if (isFloat(dtype)) return () => random.normal()
  const bound = indexBound(model.graph, info.name)
  if (/position/i.test(info.name))
    return (index, dims) => Math.min(index % Math.max(1, dims[dims.length - 1] ?? 1), (bound ?? Infinity) - 1)
  if (bound !== undefined) return () => random.below(bound)
  // Small numbers without a table are lengths, counts or flags; images come as bytes.
  if ((info.dims?.length ?? 0) <= 1) return () => 1
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
 * index, dynamic axes as `options` say. Values of sample i do not depend on the batch only where the batch
 * is the first axis. Throws `model/not-a-tensor`.
 */
export function randomFeeds(model: Model, options: FeedOptions = {}): Values {
  const random = seeded(options.seed ?? 0)
  const feeds: Values = {}
  for (const info of model.graph.requiredInputs) {
    if (!info.dtype) throw new PareError('model/not-a-tensor', { file: model.file, input: info.name })
    feeds[info.name] = filled(
      info.dtype,
      resolveDims(info, options),
      drawer(info, model, random.fork(info.name)),
    )
  }
  return feeds
}
