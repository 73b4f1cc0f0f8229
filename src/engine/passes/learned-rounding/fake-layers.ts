/** Layers that read a fake-quantized weight while it learns. */
import type { GroupedCodes } from '../../math/quantize/grouped'
import { Tensor, type Graph, type Model } from '../../onnx'
import { writeFakeWeight, type FakeWeight } from '../../training/fake-quant'
import { readInstead } from '../../layers/rewrite'
import type { Layer } from '../../layers/layer'

interface FakeLayer {
  /** The first of the layers that read the weight. */
  layer: Layer
  fake: FakeWeight
}

/**
 * Writes every weight of `model` in its fake-quantized form, once for the layers that share it, and makes them read
 * it; gives them by `rowsKey`. `startOf` tells the codes that a weight [outputs, inputs] starts from.
 */
export function writeFakeLayers(
  model: Model,
  layers: readonly Layer[],
  learns: FakeWeight['learns'],
  by: string,
  startOf: (layer: Layer) => GroupedCodes,
): Map<string, FakeLayer> {
  const { graph } = model
  const found = new Map<string, FakeLayer & { value: string }>()
  for (const layer of layers) {
    let fake = found.get(layer.rowsKey)
    if (!fake) {
      const written = writeFakeWeight(graph, layer.weight, layer.rows(by), startOf(layer), learns)
      found.set(layer.rowsKey, (fake = { layer, ...written }))
    }
    readRows(model, layer, fake.value)
  }
  graph.sort()
  graph.prune()
  return found
}

/** Makes a layer of `model` read `rows` [outputs, inputs] in place of its weight. */
function readRows(model: Model, layer: Layer, rows: string): void {
  const { graph } = model
  readInstead(layer.on(graph.producer(layer.name)!), laidOut(graph, layer, rows))
}

/** `rows` [outputs, inputs] as the layer reads its weight. */
export function laidOut(graph: Graph, { tensor, weight, geometry }: Layer, rows: string): string {
  const add = (opType: string, inputs: string[], attributes = {}): string => {
    const output = graph.freshName(`${weight}/${opType}`)
    graph.addNode({ opType, inputs, outputs: [output], attributes })
    return output
  }
  const value = geometry.turned ? add('Transpose', [rows], { perm: { ints: [1, 0] } }) : rows
  return add('Reshape', [value, graph.addInitializer(`${weight}/shape`, Tensor.int64(tensor.dims))])
}
