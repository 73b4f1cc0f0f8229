/** The constant term of a layer, wherever the graph keeps it. */
import { Tensor, type Graph } from '../../onnx'
import type { LinearLayer } from '../layerwise/patches'

/** Adds `change` [outputs] to what the layer gives. Returns false where the graph offers no place for it. */
export function addToBias(graph: Graph, layer: LinearLayer, change: ArrayLike<number>): boolean {
  const { node } = layer
  if (!node.is('MatMul')) return addToInput(graph, layer, change)
  const readers = graph.consumers(layer.output)
  const [next] = readers
  const slot = next?.is('Add') ? next.inputs.findIndex((input) => input !== layer.output) : -1
  const bias = slot >= 0 ? graph.initializers.get(next!.inputs[slot]!) : undefined
  if (readers.length === 1 && bias && isVector(bias, change.length) && !graph.isOutput(layer.output)) {
    next!.inputs[slot] = graph.addInitializer(next!.inputs[slot]!, sum(bias, change))
    return true
  }
  const inner = graph.freshName(`${layer.output}_product`)
  const constant = graph.addInitializer(
    `${layer.output}_bias`,
    Tensor.float32([change.length], Float32Array.from(change)),
  )
  node.outputs[0] = inner
  const at = graph.nodes[graph.nodes.indexOf(node) + 1]
  graph.addNode({ opType: 'Add', inputs: [inner, constant], outputs: [layer.output] }, at)
  return true
}

const isVector = (bias: Tensor, length: number): boolean =>
  bias.dtype === 'float32' && bias.size === length && bias.dims[bias.dims.length - 1] === length

const sum = (bias: Tensor, change: ArrayLike<number>): Tensor =>
  Tensor.float32(
    bias.dims,
    bias.floats().map((value, i) => value + change[i]!),
  )

function addToInput(graph: Graph, { node, output }: LinearLayer, change: ArrayLike<number>): boolean {
  const name = node.inputs[2]
  const old = name ? graph.initializers.get(name) : undefined
  if (name && (!old || !isVector(old, change.length))) return false
  const tensor = old ? sum(old, change) : Tensor.float32([change.length], Float32Array.from(change))
  node.inputs[2] = graph.addInitializer(name || `${output}_bias`, tensor)
  return true
}
