/**
 * XᵀX of the inputs of layers, as many layers at a time as fit into memory: what GPTQ, AWQ and the other methods that
 * look at data need.
 */
import type { Batches } from '../../data/feeds'
import type { F64Matrix } from '../../math/matrix'
import type { Model, Node } from '../../onnx'
import { productLayer } from '../product'
import { collect } from './collect'
import { planGrams } from './plan'

/** One matrix for each group of a convolution; one for all else. */
type Hessians = ReadonlyMap<Node, F64Matrix[]>

const HESSIAN_BYTES = 2 ** 28

/** In the order of the nodes, a pass over the data for each part; nodes that are no products are left out. */
export async function* hessiansOf(
  model: Model,
  nodes: readonly Node[],
  batches: Batches,
  progress?: () => void,
): AsyncIterable<Hessians> {
  const layers = nodes.flatMap((node) => productLayer(model.graph, node) ?? [])
  for (const part of planGrams(layers, HESSIAN_BYTES)) {
    const found = await collect(model, { grams: part }, batches, { progress })
    yield new Map(part.map((layer) => [layer.node, found.gram(layer)!.xx]))
  }
}
