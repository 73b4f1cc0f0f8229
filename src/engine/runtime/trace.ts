/**
 * Shapes of every value, found by running the model in ONNX Runtime: what runs cannot disagree with itself.
 * Two runs at batch 1 and 2 tell which axis is the batch.
 */
import { errorData, PareError } from '../../contract/errors'
import { isSubByte, sizeOf, type DType, type Model } from '../onnx'
import { computedValues, typesOf, withShapeOutputs } from './expose'
import { randomFeeds, resolveDims, type FeedOptions } from './feeds'
import { likelySizes, sizesIn } from './likely-sizes'
import { feedOf, samplesIn, samplesOf } from './samples'
import { zeroWeightClone, largeWeightBytes } from './zero-weights'
import { openSession, withSession, type Session, type SessionOptions } from './session'
import { signatureOf, type Signature } from './signature'
import type { Values } from './value'

export interface TracedValue {
  dtype: DType
  /** At batch 1, or at the batch the model fixes. */
  dims: readonly number[]
  /** The axis that doubles when the batch does; null where none does or the batch is fixed. */
  batchAxis: number | null
}

/** Whether the first axis of a value counts samples one by one; `batch` is the number of them that the model fixes, if any. */
export const countsSamples = ({ dims, batchAxis }: TracedValue, batch?: number): boolean =>
  dims[0] === (batch ?? 1) && (batch !== undefined || batchAxis === 0)

interface TraceOptions {
  /** Real inputs with one or more samples; random ones are made otherwise. */
  feeds?: Values
  /** Seed of random inputs; default 0. */
  seed?: number
}

/** No arena and no fused or folded nodes: every value is there, and memory goes back as soon as it is free. */
const LEAN: SessionOptions = { optimization: 'disabled', arena: false, memoryPattern: false }

/** Elements of a guessed feed: what one second of sound or one image never needs is no likely size. */
const MOST_GUESSED = 2 ** 24

/** Above this many bytes of large weights a model is traced by a zero-weight clone. */
const TRACE_ZERO_WEIGHTS_FROM = 2 ** 25

/**
 * Dtype, dimensions and batch axis of every tensor of the main graph: inputs, constants, and what its nodes
 * compute. Sequences and other values that are no tensors are left out.
 * Throws `model/not-loadable`, or `model/no-working-input` when it runs with no feed tried.
 */
export async function traceShapes(
  model: Model,
  options: TraceOptions = {},
): Promise<Map<string, TracedValue>> {
  if (largeWeightBytes(model) < TRACE_ZERO_WEIGHTS_FROM) return trace(model, model, options)
  try {
    return await trace(model, zeroWeightClone(model), options)
  } catch {
    // Some operators want their weights constant, and a shape may hang on a weight after all.
    return trace(model, model, options)
  }
}

/** Types of those that have a shape to ask for: ONNX Runtime has no Shape of numbers below a byte. */
async function shapedTypes(model: Model, names: readonly string[]): Promise<Map<string, DType>> {
  const types = await typesOf(model, names)
  for (const [name, dtype] of types) if (isSubByte(dtype)) types.delete(name)
  return types
}

async function trace(
  model: Model,
  runnable: Model,
  options: TraceOptions,
): Promise<Map<string, TracedValue>> {
  const names = computedValues(model)
  const types = await shapedTypes(runnable, names)
  // Nothing of it can be looked at, so there is nothing that a run could tell.
  if (types.size === 0)
    return givenValues(model, options.feeds ?? randomFeeds(model, { seed: options.seed ?? 0 }))
  const prepared = withShapeOutputs(runnable, [...types.keys()])
  const session = await openSession(prepared.model, LEAN)
  try {
    const [one, two] = await feedsThatRun(model, session, options)
    const dimsOne = await runShapes(session, prepared.shapes, one)
    const dimsTwo = two && (await runShapes(session, prepared.shapes, two))
    const traced = givenValues(model, one, two)
    for (const [name, dtype] of types) traced.set(name, entry(dtype, dimsOne.get(name)!, dimsTwo?.get(name)))
    return traced
  } finally {
    await session.release()
  }
}

/** What is there before a run: inputs and constants. */
function givenValues(model: Model, one: Values, two?: Values): Map<string, TracedValue> {
  const traced = new Map<string, TracedValue>()
  for (const [name, value] of Object.entries(one))
    traced.set(name, entry(value.dtype, value.dims, two?.[name]?.dims))
  for (const { name, tensor } of model.constants())
    if (!traced.has(name)) traced.set(name, entry(tensor.dtype, tensor.dims, undefined))
  return traced
}

function entry(dtype: DType, one: readonly number[], two: readonly number[] | undefined): TracedValue {
  const axis = two ? one.findIndex((dim, i) => dim > 0 && two[i] === 2 * dim) : -1
  return { dtype, dims: one, batchAxis: axis < 0 ? null : axis }
}

/** Exact dimensions of tensors at one feed. Names that are no tensors are left out. */
export async function shapesAt(
  model: Model,
  names: readonly string[],
  feeds: Values,
): Promise<Map<string, TracedValue>> {
  const types = await shapedTypes(model, names)
  // ONNX Runtime opens no model that gives nothing.
  if (types.size === 0) return new Map()
  const prepared = withShapeOutputs(model, [...types.keys()])
  const session = await openSession(prepared.model, LEAN)
  try {
    const dims = await runShapes(session, prepared.shapes, feeds)
    return new Map(
      [...types].map(([name, dtype]) => [name, { dtype, dims: dims.get(name)!, batchAxis: null }]),
    )
  } finally {
    await session.release()
  }
}

async function runShapes(
  session: Session,
  shapes: ReadonlyMap<string, string>,
  feeds: Values,
): Promise<Map<string, number[]>> {
  const outputs = shapes.size > 0 ? await session.run(feeds, [...shapes.values()]) : {}
  return new Map(
    [...shapes].map(([name, output]) => [name, Array.from(outputs[output]!.data as BigInt64Array, Number)]),
  )
}

/** Feeds at batch 1 and 2 that the model accepts; the second is absent where the batch is fixed. */
async function feedsThatRun(
  model: Model,
  session: Session,
  options: TraceOptions,
): Promise<[Values, Values?]> {
  const signature = signatureOf(model)
  if (options.feeds) return oneAndTwo(signature, options.feeds)
  const { one, shape } = await searchFeeds(model, session, options.seed ?? 0)
  if (signature.batch !== undefined) return [one]
  const two = randomFeeds(model, { ...shape, batch: 2 })
  return (await runs(session, two)) ? [one, two] : [one]
}

/** Throws `model/no-working-input`. */
async function searchFeeds(
  model: Model,
  session: Session,
  seed: number,
): Promise<{ one: Values; shape: FeedOptions }> {
  const signature = signatureOf(model)
  const queue: FeedOptions[] = likelySizes(signature)
  const tried: string[] = []
  let reason = ''
  for (const size of queue) {
    const shape = { ...size, seed }
    const elements = signature.inputs.reduce((sum, port) => sum + sizeOf(resolveDims(port, shape)), 0)
    if (tried.length > 0 && elements > MOST_GUESSED) continue
    const one = randomFeeds(model, { ...shape, batch: 1 })
    const shapes = Object.entries(one).map(([name, { dims }]) => `${name} [${dims.join(', ')}]`)
    if (tried.includes(shapes.join(', '))) continue
    tried.push(shapes.join(', '))
    try {
      await session.run(one)
      return { one, shape }
    } catch (cause) {
      const error = errorData(cause)
      if (error.code !== 'model/run-failed') throw cause
      reason = error.reason
      if (tried.length === 1) queue.splice(1, 0, ...sizesIn(reason))
    }
  }
  throw new PareError('model/no-working-input', { file: model.file, tried, reason })
}

/**
 * Random feeds of `batch` samples that the model accepts, free axes in lengths that were found to run.
 * Throws `model/not-loadable`, or `model/no-working-input` when it runs with no feed tried.
 */
export async function workingFeeds(
  model: Model,
  options: { batch?: number; seed?: number } = {},
): Promise<Values> {
  return withSession(model, { optimization: 'basic' }, async (session) => {
    const { shape } = await searchFeeds(model, session, options.seed ?? 0)
    const wanted = randomFeeds(model, { ...shape, batch: options.batch ?? 1 })
    return (await runs(session, wanted)) ? wanted : randomFeeds(model, { ...shape, batch: 1 })
  })
}

async function runs(session: Session, feeds: Values): Promise<boolean> {
  try {
    await session.run(feeds)
    return true
  } catch {
    return false
  }
}

/** The first sample, and the first two (the first twice where there is but one); what fills a batch that is fixed. */
function oneAndTwo(signature: Signature, feeds: Values): [Values, Values?] {
  const samples = samplesOf(signature, feeds)
  const { batch = 1 } = signature
  const one = feedOf(signature, samples, { from: 0, to: Math.min(batch, samplesIn(samples)) })
  if (signature.batch !== undefined) return [one]
  return [one, feedOf(signature, samples, { from: 0, to: Math.min(2, samplesIn(samples)), size: 2 })]
}
