/** What a model is fed when it is measured: inputs without labels, never of the validation split, whose part is to prove. */
import { PareError } from '../../contract/errors'
import type { Model } from '../onnx'
import { concatRows, fixedBatchOf, sliceRows, type Value, type Values } from '../runtime'
import type { Dataset, Split } from './dataset'

/** The same batches each time it is called. */
export type Batches = () => AsyncIterable<Values>

/** Gives batches of `size` samples, at most `limit` in all; the same ones each time. */
export type SampleSource = (size: number, limit: number) => AsyncIterable<Values>

/** A model with the samples it is measured on. */
export interface Sampled {
  original: Model
  data?: Dataset
  signal?: AbortSignal
}

const BATCH = 16

/** At most `limit` samples of the calibration split. Throws `data/split-missing` without any. */
export function calibrationBatches({ original, data, signal }: Sampled, limit: number, by: string): Batches {
  const split = data?.splits.calibration
  if (!split || split.length === 0) throw new PareError('data/split-missing', { split: 'calibration', by })
  return () => feedsOf(original, split, limit, signal)
}

/** Samples to evaluate on: the calibration split and, where that is small, training samples. Throws as above. */
export function evaluationBatches(sampled: Sampled, limit: number, by: string): Batches {
  const first = calibrationBatches(sampled, limit, by)
  const { calibration, training } = sampled.data!.splits
  const more = limit - calibration.length
  return async function* () {
    yield* first()
    if (more > 0) yield* feedsOf(sampled.original, training, more, sampled.signal)
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
  const inputs = original.graph.requiredInputs
  const fixed = fixedBatchOf(inputs)
  return async function* (size, limit) {
    let left = limit
    for (const split of [calibration, training]) {
      if (!split || left <= 0) continue
      for await (const batch of split.batches(fixed ?? size, { limit: left, signal })) {
        if (fixed && batch.indices.length < fixed) continue
        left -= batch.indices.length
        yield Object.fromEntries(
          inputs.flatMap(({ name }) => (batch.inputs[name] ? [[name, batch.inputs[name]]] : [])),
        )
      }
    }
  }
}

/** Feeds of a split in the batch the model insists on, where it does; a last batch that is too small is filled up. */
export async function* feedsOf(
  model: Model,
  split: Split,
  limit: number,
  signal?: AbortSignal,
): AsyncIterable<Values> {
  const fixed = fixedBatchOf(model.graph.requiredInputs)
  for await (const { inputs } of split.batches(fixed ?? BATCH, { limit, signal }))
    yield fixed === undefined ? inputs : filled(inputs, fixed)
}

/** A last batch that is too small starts over with its own samples. */
function filled(inputs: Values, batch: number): Values {
  const fill = (value: Value): Value => {
    let full = value
    while (full.dims[0]! < batch)
      full = concatRows([full, sliceRows(value, 0, Math.min(value.dims[0]!, batch - full.dims[0]!))])
    return full
  }
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, fill(value)]))
}

/**
 * One sample as the whole input of a model: only the inputs it has, repeated where its batch is fixed.
 * Inputs whose first axis is not one sample stay as they are.
 */
export function feedsFor(model: Model, sample: Values): Values {
  const inputs = model.graph.requiredInputs
  const size = fixedBatchOf(inputs) ?? 1
  return Object.fromEntries(
    inputs.flatMap(({ name }): [string, Value][] => {
      const value = sample[name]
      if (!value) return []
      return [[name, size > 1 && value.dims[0] === 1 ? concatRows(Array<Value>(size).fill(value)) : value]]
    }),
  )
}
