/** Running only as much of a model as a layer needs. */
import type { Model } from '../../onnx'

/** The part of a model that computes `values`; its inputs stay. */
export function prefixOf(model: Model, values: readonly string[]): Model {
  const part = model.clone()
  part.graph.outputs = values.map((name) => ({ name, dtype: 'float32' }))
  part.graph.prune()
  part.metadata.clear()
  return part
}
