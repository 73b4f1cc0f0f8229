/** The bias of Gemm as one number an output: ONNX allows whatever broadcasts to [rows, outputs]. Source: ONNX Gemm. */
import { Tensor, type Graph, type Node } from '../../onnx'
import { layerOf } from '../find'
import { gemmTerms } from '../kinds/matrix'
import { Layer } from '../layer'

/**
 * Edits the graph: constants of [outputs], [1, outputs], [1] and none become vectors [outputs]; what is one value
 * a row, or computed by the model, is added behind the product.
 */
export function biasesPerOutput(graph: Graph): void {
  const producers = graph.producers()
  for (const node of [...graph.nodes]) {
    const layer = node.is('Gemm') && node.inputs[2] ? layerOf(graph, node, producers) : undefined
    if (!(layer instanceof Layer)) continue
    const vector = vectorOf(layer.bias?.tensor, layer.channels)
    if (!vector) addBehind(graph, node)
    else if (vector !== layer.bias!.tensor) node.inputs[2] = graph.addInitializer(node.inputs[2]!, vector)
  }
  graph.prune()
}

function vectorOf(bias: Tensor | undefined, outputs: number): Tensor | undefined {
  if (!bias) return undefined
  const { dims, size, dtype } = bias
  if (size === 1 && outputs > 1)
    return Tensor.of(dtype, [outputs], new Float64Array(outputs).fill(bias.numbers()[0]!))
  if (size !== outputs || (dims.at(-1) ?? 1) !== outputs) return undefined
  return dims.length === 1 ? bias : bias.reshape([outputs])
}

function addBehind(graph: Graph, node: Node): void {
  if (gemmTerms(node).beta !== 1) return
  const [name] = node.outputs as [string]
  const product = graph.freshName(`${name}_product`)
  const bias = node.inputs.pop()!
  node.outputs = [product]
  const next = graph.nodes[graph.nodes.indexOf(node) + 1]
  graph.addNode({ opType: 'Add', inputs: [product, bias], outputs: [name] }, next)
}
