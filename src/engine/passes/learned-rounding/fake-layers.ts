/** Layers that read a fake-quantized weight while it learns. */
import { Tensor, type Model } from '../../onnx'
import type { WeightedLayer } from '../quantization/layers'
import { rowShape } from '../quantization/readers'

/** Layers of one key read the same rows. */
export const keyOf = (layer: WeightedLayer): string => `${layer.weight}|${rowShape(layer).turned}`

/** Makes a layer of `model` read `rows` [outputs, inputs] in place of its weight. */
export function readRows(model: Model, layer: WeightedLayer, rows: string): void {
  const { graph } = model
  const { tensor, weight } = layer
  const { turned } = rowShape(layer)
  let value = rows
  const add = (opType: string, inputs: string[], attributes = {}): string => {
    const output = graph.freshName(`${weight}/${opType}`)
    graph.addNode({ opType, inputs, outputs: [output], attributes })
    return output
  }
  if (turned) value = add('Transpose', [value], { perm: { ints: [1, 0] } })
  const shape = graph.addInitializer(`${weight}/shape`, Tensor.int64(tensor.dims))
  value = add('Reshape', [value, shape])
  const node = graph.producer(layer.layer)!
  node.inputs = node.inputs.map((input) => (input === weight ? value : input))
}
