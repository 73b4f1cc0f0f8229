/** Calibration batches of a run's dataset, the same ones each time they are asked for. */
import { PareError } from '../../../contract/errors'
import type { Values } from '../../runtime'
import type { PassContext } from '../pass'
import type { Batches } from './observe'

/** At most `limit` samples of the calibration split, `batch` at a time. Throws `data/split-missing` without any. */
export function calibrationBatches(context: PassContext, limit: number, by: string, batch = 16): Batches {
  const split = context.data?.splits.calibration
  if (!split || split.length === 0) throw new PareError('data/split-missing', { split: 'calibration', by })
  return async function* (): AsyncIterable<Values> {
    for await (const { inputs } of split.batches(batch, { limit, signal: context.signal })) yield inputs
  }
}

/**
 * Samples to judge by: the calibration split and, where that is small, training samples. Never validation:
 * what decides must not also be what proves.
 */
export function judgingBatches(context: PassContext, limit: number, by: string, batch = 16): Batches {
  const { calibration, training } = context.data?.splits ?? {}
  const first = calibrationBatches(context, limit, by, batch)
  const more = limit - (calibration?.length ?? 0)
  return async function* (): AsyncIterable<Values> {
    yield* first()
    if (more <= 0 || !training || training.length === 0) return
    for await (const { inputs } of training.batches(batch, { limit: more, signal: context.signal }))
      yield inputs
  }
}
