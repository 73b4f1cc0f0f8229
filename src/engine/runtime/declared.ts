/**
 * What constants a graph makes of a few bytes: sizes that stand in the file are added up before anything runs, as
 * ONNX Runtime allocates them all when it loads a model.
 * Sources: ONNX ConstantOfShape, Expand, Tile, Range, RandomNormal, RandomUniform.
 */
import { encodedLength, sizeOf, type Graph, type Model, type Node, type Tensor } from '../onnx'
import { GIVEN_MEMORY, MEMORY_BUDGET, requireMemory } from '../onnx/budget'

/** float32, in the four copies that ONNX Runtime 1.30 was seen to hold while it folds one. */
const BYTES_PER_ELEMENT = 4 * 4

/**
 * Bytes of constants that are in proportion to a model: so many times its file, and at least this much. Masks and
 * states of real models stay far below; whoever sets a budget of memory by hand has said what is right.
 */
const PROPORTION = { times: 8, least: 2 ** 30 }

const product = (dims: readonly number[]): number => dims.reduce((n, d) => n * Math.max(0, d), 1)

/** Elements that the node's output has whatever the model is given; 0 where that is not known from the file. */
function elementsOf(
  graph: Graph,
  node: Node,
  producers: Map<string, Node>,
  made: Map<string, number>,
): number {
  const constant = (slot: number): Tensor | undefined =>
    node.inputs[slot] ? graph.constant(node.inputs[slot], producers) : undefined
  const dims = (slot: number): number[] | undefined => {
    const tensor = constant(slot)
    return tensor && tensor.dims.length <= 1 ? Array.from(tensor.values(), Number) : undefined
  }
  const size = (slot: number): number => {
    const tensor = constant(slot)
    return tensor ? sizeOf(tensor.dims) : (made.get(node.inputs[slot] ?? '') ?? 0)
  }
  switch (node.opType) {
    case 'ConstantOfShape':
      return product(dims(0) ?? [0])
    case 'Expand':
      return size(0) > 0 ? product(dims(1) ?? [0]) : 0
    case 'Tile':
      return size(0) * product(dims(1) ?? [0])
    case 'Range': {
      const [start, limit, step] = [0, 1, 2].map((slot) => dims(slot)?.[0])
      const length = (limit! - start!) / step!
      return Number.isFinite(length) ? Math.max(0, Math.ceil(length)) : 0
    }
    case 'RandomNormal':
    case 'RandomUniform':
      return product(node.ints('shape') ?? [0])
    default:
      return 0
  }
}

/**
 * Throws `limit/memory` where the constants a model makes are more than a job may take, or out of all proportion to
 * its file where nobody said how much (`given`, bytes).
 */
export function requireRoomForConstants(model: Model, given = GIVEN_MEMORY): void {
  let most = given || MEMORY_BUDGET
  let all = 0
  for (const graph of model.graphs()) {
    const producers = graph.producers()
    const made = new Map<string, number>()
    for (const node of graph.nodes) {
      const elements = elementsOf(graph, node, producers, made)
      if (elements === 0) continue
      made.set(node.outputs[0]!, elements)
      all += elements * BYTES_PER_ELEMENT
      if (!given && all > PROPORTION.least)
        most = Math.min(most, Math.max(PROPORTION.least, PROPORTION.times * encodedLength(model)))
      requireMemory(all, `${node.opType} “${node.label}” makes a constant of ${elements} numbers`, most)
    }
  }
}
