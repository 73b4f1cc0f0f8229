/** The factors of Gemm multiplied into its constants: y = α·A·B + β·C. Source: ONNX Gemm. */
import { Tensor, type Graph, type Node } from '../../onnx'
import { gemmTerms } from '../kinds/matrix'

/**
 * Edits the graph; gives the layers whose factors became 1. Those whose weight, or bias under a factor, is
 * computed by the model stay as they are, and so does what is not float32.
 */
export function foldFactors(graph: Graph): string[] {
  const folded: string[] = []
  for (const node of graph.nodes) if (node.is('Gemm') && foldInto(graph, node)) folded.push(node.outputs[0]!)
  if (folded.length > 0) graph.prune()
  return folded
}

function foldInto(graph: Graph, node: Node): boolean {
  const [, weight, bias] = node.inputs
  const { alpha, beta: added } = gemmTerms(node)
  const beta = bias ? added : 1
  if (alpha === 1 && beta === 1) return false
  const isFloat = (name: string | undefined): boolean =>
    graph.initializers.get(name ?? '')?.dtype === 'float32'
  if ((alpha !== 1 && !isFloat(weight)) || (beta !== 1 && !isFloat(bias))) return false
  node.inputs = node.inputs.map((name, i) =>
    i === 1 ? scaled(graph, name, alpha) : i === 2 ? scaled(graph, name, beta) : name,
  )
  node.attributes.delete('alpha')
  node.attributes.delete('beta')
  return true
}

/** A constant of its own: others may read the one it comes from. */
function scaled(graph: Graph, name: string, factor: number): string {
  if (factor === 1) return name
  const tensor = graph.initializers.get(name)!
  const product = Tensor.float32(
    tensor.dims,
    tensor.floats().map((value) => value * factor),
  )
  return graph.addInitializer(`${name}_scaled`, product)
}
