/** A vector for each reader, so that cutting one layer's leaves another's whole. */
import { sizeOf, type Graph, type Tensor } from '../../onnx'

function identitiesToUses(graph: Graph): void {
  for (const node of [...graph.nodes]) {
    const [from] = node.inputs
    const [to] = node.outputs
    if (!node.is('Identity') || !from || !to || !graph.initializers.has(from) || graph.isOutput(to)) continue
    graph.replaceUses(to, from)
    graph.removeNode(node)
  }
}

const isVector = (tensor: Tensor): boolean =>
  tensor.size > 1 && tensor.dtype !== 'string' && sizeOf(tensor.dims) === Math.max(...tensor.dims)

/** Edits the graph, whose constants are initializers; gives copy → the name it was taken from. */
export function separateVectors(graph: Graph): Map<string, string> {
  identitiesToUses(graph)
  const copies = new Map<string, string>()
  const seen = new Set<string>()
  for (const node of graph.nodes) {
    node.inputs = node.inputs.map((input) => {
      const tensor = graph.initializers.get(input)
      if (!tensor || !isVector(tensor)) return input
      if (!seen.has(input)) {
        seen.add(input)
        return input
      }
      const copy = graph.addInitializer(input, tensor)
      copies.set(copy, input)
      return copy
    })
  }
  return copies
}

/** Names that still hold the same tensor become one again. */
export function mergeCopies(graph: Graph, copies: ReadonlyMap<string, string>): void {
  for (const [copy, source] of copies) {
    const tensor = graph.initializers.get(copy)
    if (!tensor || tensor !== graph.initializers.get(source)) continue
    graph.replaceUses(copy, source)
    graph.initializers.delete(copy)
  }
}
