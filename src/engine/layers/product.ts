/** Layers that are a product with a constant float32 matrix and nothing else: what least squares can be solved for. */
import type { Graph, Node } from '../onnx'
import { layerOf } from './find'
import { Layer } from './layer'

export const NO_PRODUCT = 'its weight is not a plain float32 matrix or kernel'

const OPS = ['Conv', 'Gemm', 'MatMul']

/** Undefined for all else. The weight is an initializer, the input is none. */
export function productLayer(graph: Graph, node: Node): Layer | undefined {
  const layer = node.is(...OPS) ? layerOf(graph, node, new Map()) : undefined
  if (!(layer instanceof Layer) || layer.tensor.dtype !== 'float32' || !layer.isPlain) return undefined
  if (!layer.input || graph.initializers.has(layer.input)) return undefined
  return layer.kind === 'conv' || layer.tensor.dims.length === 2 ? layer : undefined
}
