/** Samples to measure by: no labels, never the validation split. */
import { PareError } from '../../../contract/errors'
import type { Model } from '../../onnx'
import { fixedBatchOf, type Values } from '../../runtime'
import type { PassContext } from '../pass'

/** Calibration samples, then training samples until there are `limit`; whole batches only where the batch is fixed. */
export function samplesFor(
  model: Model,
  context: PassContext,
  by: string,
): (size: number, limit: number) => AsyncIterable<Values> {
  const { calibration, training } = context.data?.splits ?? {}
  if (!calibration || calibration.length + (training?.length ?? 0) === 0)
    throw new PareError('data/split-missing', { split: 'calibration', by })
  const fixed = fixedBatchOf(model.graph.requiredInputs)
  const names = new Set(model.graph.requiredInputs.map((input) => input.name))
  return async function* (size, limit) {
    let left = limit
    for (const split of [calibration, training]) {
      if (!split || left <= 0 || split.length === 0) continue
      for await (const { inputs, indices } of split.batches(fixed ?? size, {
        limit: left,
        signal: context.signal,
      })) {
        if (fixed && indices.length < fixed) continue
        left -= indices.length
        yield Object.fromEntries(Object.entries(inputs).filter(([name]) => names.has(name)))
      }
    }
  }
}
