/**
 * What constants a graph makes of a few bytes: sizes that stand in the file are added up before anything runs, as
 * ONNX Runtime allocates them all when it loads a model.
 * Sources: ONNX ConstantOfShape, Expand, Tile, RandomNormal, RandomUniform.
 */
import { sizeOf, type Graph, type Model, type Node, type Tensor } from '../onnx'
import { requireMemory } from '../onnx/budget'

/** float32, in the four copies that ONNX Runtime 1.30 was seen to hold while it folds one. */
const BYTES_PER_ELEMENT = 4 * 4

const product = (dims: readonly number[]): number => dims.reduce((n, d) => n * Math.max(0, d), 1)

/** Elements that the node's output has whatever the model is given; 0 where that is not known from the file. */
function elementsOf(graph: Graph, node: Node, producers: Map<string, Node>): number {
  const constant = (slot: number): Tensor | undefined =>
    node.inputs[slot] ? graph.constant(node.inputs[slot], producers) : undefined
  const dims = (slot: number): number[] | undefined => {
    const tensor = constant(slot)
    return tensor && tensor.dims.length <= 1 ? Array.from(tensor.values(), Number) : undefined
  }
  switch (node.opType) {
    case 'ConstantOfShape':
      return product(dims(0) ?? [0])
    case 'Expand':
      return constant(0) ? product(dims(1) ?? [0]) : 0
    case 'Tile':
      return sizeOf(constant(0)?.dims ?? [0]) * product(dims(1) ?? [0])
    case 'RandomNormal':
    case 'RandomUniform':
      return product(node.ints('shape') ?? [0])
    default:
      return 0
  }
}

/** Throws `limit/memory` where the constants a model makes are more than a job may take. */
export function requireRoomForConstants(model: Model): void {
  for (const graph of model.graphs()) {
    const producers = graph.producers()
    for (const node of graph.nodes) {
      const bytes = elementsOf(graph, node, producers) * BYTES_PER_ELEMENT
      if (bytes > 0)
        requireMemory(
          bytes,
          `${node.opType} “${node.label}” makes a constant of ${bytes / BYTES_PER_ELEMENT} numbers`,
        )
    }
  }
}
