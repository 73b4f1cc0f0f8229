/** Shapes a dependency graph is built from: traced at two sizes wherever the model lets sizes vary. */
import type { Model } from '../../onnx'
import {
  computedValues,
  randomFeeds,
  shapesAt,
  traceShapes,
  type FeedOptions,
  type Values,
} from '../../runtime'
import type { ShapeSource } from './collect'

/** Other lengths than tracing takes; where the model refuses them all, its sizes count as fixed. */
const OTHER: readonly FeedOptions[] = [
  { batch: 3, sequence: 12, side: 192 },
  { batch: 3, sequence: 12 },
  { batch: 3 },
]

/** Throws what `traceShapes` throws. */
export async function traceSource(model: Model, feeds?: Values): Promise<ShapeSource> {
  const shapes = await traceShapes(model, feeds ? { feeds } : {})
  const fixed = model.graph.requiredInputs.every((input) =>
    input.dims?.every((dim) => typeof dim === 'number' && dim > 0),
  )
  if (fixed) return { shapes }
  const names = computedValues(model)
  for (const options of OTHER) {
    try {
      const other = randomFeeds(model, options)
      const traced = await shapesAt(model, names, other)
      const dims = new Map<string, readonly number[]>([...traced].map(([name, value]) => [name, value.dims]))
      for (const [name, value] of Object.entries(other)) dims.set(name, value.dims)
      return { shapes, others: dims }
    } catch {
      continue
    }
  }
  return { shapes }
}
