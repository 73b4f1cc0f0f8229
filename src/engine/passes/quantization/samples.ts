/** Calibration batches of a run's dataset, the same ones each time they are asked for. */
import { PareError } from '../../../contract/errors'
import type { Split } from '../../data/dataset'
import type { Model } from '../../onnx'
import { concatRows, fixedBatchOf, sliceRows, type Value, type Values } from '../../runtime'
import type { PassContext } from '../pass'
import type { Batches } from './observe'

const BATCH = 16

/** At most `limit` samples of the calibration split. Throws `data/split-missing` without any. */
export function calibrationBatches(context: PassContext, limit: number, by: string): Batches {
  const split = context.data?.splits.calibration
  if (!split || split.length === 0) throw new PareError('data/split-missing', { split: 'calibration', by })
  return () => batchesOf(split, limit, context)
}

/**
 * Samples to judge by: the calibration split and, where that is small, training samples. Never validation:
 * what decides must not also be what proves.
 */
export function judgingBatches(context: PassContext, limit: number, by: string): Batches {
  const { calibration, training } = context.data?.splits ?? {}
  const first = calibrationBatches(context, limit, by)
  const more = limit - (calibration?.length ?? 0)
  return async function* (): AsyncIterable<Values> {
    yield* first()
    if (more > 0 && training && training.length > 0) yield* batchesOf(training, more, context)
  }
}

const batchesOf = (split: Split, limit: number, context: PassContext): AsyncIterable<Values> =>
  feedsOf(context.original, split, limit, context.signal)

/** Feeds of a split in the batch the model insists on, where it does. */
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
