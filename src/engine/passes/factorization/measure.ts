/** Time of one layer against its factors, on this machine, with the shapes it really sees. */
import { Model, type Node } from '../../onnx'
import { randomFeeds, samplesOf, signatureOf } from '../../runtime'
import { measureLatency } from '../../evaluate/latency'
import type { Layer } from '../../layers/layer'
import { applyForm, type Form } from './form'

/** A model of the layer alone. */
function alone(model: Model, layer: Layer, inDims: readonly number[]): { model: Model; node: Node } {
  const part = new Model()
  part.irVersion = 8
  for (const [domain, version] of model.opsets) part.opsets.set(domain, version)
  const node = layer.node.clone()
  part.graph.nodes.push(node)
  for (const input of node.inputs.slice(1)) {
    const tensor = model.graph.initializers.get(input)
    if (tensor) part.graph.initializers.set(input, tensor)
  }
  part.graph.inputs.push({ name: layer.input, dtype: 'float32', dims: inDims })
  part.graph.outputs.push({ name: layer.name, dtype: 'float32' })
  return { model: part, node }
}

/** Below 1 the factors are faster. */
export async function timeShare(
  model: Model,
  layer: Layer,
  form: Form,
  inDims: readonly number[],
  signal: AbortSignal,
): Promise<number> {
  const before = alone(model, layer, inDims)
  const after = alone(model, layer, inDims)
  applyForm(after.model.graph, layer.on(after.node), form)
  const { candidates } = await measureLatency(before.model, [after.model], {
    sample: samplesOf(signatureOf(before.model), randomFeeds(before.model)),
    seconds: 0.4,
    rounds: 100,
    signal,
  })
  return candidates[0]!.ratio.value
}
