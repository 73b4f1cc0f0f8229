/** Samples to measure by: no labels, never the validation split. */
import { PareError } from '../../../contract/errors'
import type { Model } from '../../onnx'
import type { Values } from '../../runtime'
import type { PassContext } from '../pass'

/** The batch a model fixes; undefined where it is free. */
export function fixedBatchOf(model: Model): number | undefined {
  const sizes = new Set(model.graph.requiredInputs.map((input) => input.dims?.[0]))
  const [size] = sizes
  return sizes.size === 1 && typeof size === 'number' && size > 0 ? size : undefined
}

/** Calibration samples, then training samples until there are `limit`; whole batches only where the batch is fixed. */
export function samplesFor(
  model: Model,
  context: PassContext,
  by: string,
): (size: number, limit: number) => AsyncIterable<Values> {
  const { calibration, training } = context.data?.splits ?? {}
  if (!calibration || calibration.length + (training?.length ?? 0) === 0)
    throw new PareError('data/split-missing', { split: 'calibration', by })
  const fixed = fixedBatchOf(model)
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
