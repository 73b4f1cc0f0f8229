/** What a model is fed when it is measured: inputs without labels, never of the validation split, whose part is to prove. */
import { PareError } from '../../contract/errors'
import type { Model } from '../onnx'
import { feedOf, runsOf, signatureOf, workingFeeds, type Values } from '../runtime'
import type { Dataset, Split } from './dataset'

/** The same batches each time it is called. */
export type Batches = () => AsyncIterable<Values>

/** Gives batches of `size` samples, at most `limit` in all; the same ones each time. */
export type SampleSource = (size: number, limit: number) => AsyncIterable<Values>

/** A model with the samples it is measured on. */
interface Sampled {
  original: Model
  data?: Dataset
  signal?: AbortSignal
}

const BATCH = 16

/** At most `limit` samples of the calibration split. Throws `data/split-missing` without any. */
export function calibrationBatches({ original, data, signal }: Sampled, limit: number, by: string): Batches {
  const split = data?.splits.calibration
  if (!split || split.length === 0) throw new PareError('data/split-missing', { split: 'calibration', by })
  return () => feedsOf(original, split, { limit, signal })
}

/** Samples to evaluate on: the calibration split and, where that is small, training samples. Throws as above. */
export function evaluationBatches(sampled: Sampled, limit: number, by: string): Batches {
  const first = calibrationBatches(sampled, limit, by)
  const { calibration, training } = sampled.data!.splits
  const more = limit - calibration.length
  return async function* () {
    yield* first()
    if (more > 0) yield* feedsOf(sampled.original, training, { limit: more, signal: sampled.signal })
  }
}

/** Samples to evaluate on or, without any, as many random ones as say something: what outputs are compared on. */
export async function comparisonBatches(sampled: Sampled, limit: number, by: string): Promise<Batches> {
  if ((sampled.data?.splits.calibration.length ?? 0) > 0) return evaluationBatches(sampled, limit, by)
  const feeds = await workingFeeds(sampled.original, { batch: BATCH })
  return async function* () {
    yield feeds
  }
}

/**
 * Calibration samples, then training samples until there are enough; where the batch is fixed, samples that do not
 * fill one are left out. Throws `data/split-missing` without any.
 */
export function sampleSource({ original, data, signal }: Sampled, by: string): SampleSource {
  const { calibration, training } = data?.splits ?? {}
  if (!calibration || calibration.length + (training?.length ?? 0) === 0)
    throw new PareError('data/split-missing', { split: 'calibration', by })
  return async function* (size, limit) {
    yield* feedsOf(original, calibration, { limit, size, signal, full: true })
    const more = limit - calibration.length
    if (training && more > 0) yield* feedsOf(original, training, { limit: more, size, signal, full: true })
  }
}

interface FeedsOptions {
  /** Samples in all, at most. */
  limit: number
  /** Samples a run, where the model leaves that open; default 16. */
  size?: number
  signal?: AbortSignal
  /** Leaves out samples that do not fill a fixed batch; by default the last one stands in for what is missing. */
  full?: boolean
}

/** Feeds of a split, run by run, as the model takes them. Throws `data/shape-mismatch`. */
export async function* feedsOf(
  model: Model,
  split: Split,
  { limit, size = BATCH, signal, full }: FeedsOptions,
): AsyncIterable<Values> {
  const signature = signatureOf(model)
  const { batch = 1 } = signature
  // Whole runs are read at once; a model that takes one sample at a time is fed from batches all the same.
  const reading = Math.ceil(size / batch) * batch
  for await (const { inputs } of split.batches(reading, { limit, signal }))
    for (const { from, to, feeds } of runsOf(signature, inputs, size)) {
      if (full && signature.batch !== undefined && to - from < signature.batch) continue
      yield feeds
    }
}

/**
 * Feeds that the model surely runs with, in sizes that are its own: `count` samples of its data (of the last
 * there are as many as needed) or, where there is none, random ones. Throws `data/shape-mismatch`, `model/no-working-input`.
 */
export async function exampleFeeds({ original, data, signal }: Sampled, count = 1): Promise<Values> {
  const signature = signatureOf(original)
  const size = signature.batch ?? count
  for (const split of [data?.splits.calibration, data?.splits.training])
    for await (const { inputs } of split?.batches(size, { limit: size, signal }) ?? [])
      return feedOf(signature, inputs)
  return workingFeeds(original, { batch: count })
}
