/** Makes a model ready for cutting: every constant an initializer, vectors that exporters merged apart again. */
import { sizeOf, type Graph, type Model, type Tensor } from '../../onnx'

export interface Prepared {
  model: Model
  /** Copy → the name it was taken from; put back where both stay alike. */
  copies: ReadonlyMap<string, string>
}

/**
 * Exporters keep equal tensors once: two zero biases of unrelated layers become one, and their channels would
 * seem coupled. Vectors get a name per use here (the bytes stay shared); matrices stay tied.
 */
export function prepare(original: Model): Prepared {
  const model = original.clone()
  const { graph } = model
  constantsToInitializers(graph)
  identitiesToUses(graph)
  const copies = separateVectors(graph)
  return { model, copies }
}

function constantsToInitializers(graph: Graph): void {
  for (const node of [...graph.nodes]) {
    const tensor = node.is('Constant') ? constantOf(node.tensor('value')) : undefined
    if (!tensor || graph.isOutput(node.outputs[0]!)) continue
    graph.initializers.set(node.outputs[0]!, tensor)
    graph.removeNode(node)
  }
}

const constantOf = (tensor: Tensor | undefined): Tensor | undefined =>
  tensor?.dtype === 'string' ? undefined : tensor

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

function separateVectors(graph: Graph): Map<string, string> {
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
