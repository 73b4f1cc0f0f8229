/**
 * BatchNormalization folded into the Conv, ConvTranspose or Gemm before it: int8 graphs that keep it are
 * 2–3 times slower, and its scale belongs to the weights' channels anyway.
 * Source: ONNX BatchNormalization; arXiv:1712.05877, section 3.2.
 */
import { Tensor, type Graph, type Node } from '../../onnx'

interface Folded {
  weight: Float32Array
  bias: Float32Array
}

/** Edits the graph; gives how many were folded. Nodes whose value others read too are left alone. */
export function foldBatchNorm(graph: Graph): number {
  const producers = graph.producers()
  const consumers = graph.consumerMap()
  let folded = 0
  for (const norm of [...graph.nodes]) {
    if (!norm.is('BatchNormalization') || norm.int('training_mode', 0) === 1) continue
    const before = producers.get(norm.inputs[0]!)
    if (!before?.is('Conv', 'ConvTranspose', 'Gemm')) continue
    const value = norm.inputs[0]!
    if (graph.isOutput(value) || consumers.get(value)!.length !== 1) continue
    if (before.is('Gemm') && (before.float('alpha', 1) !== 1 || before.float('beta', 1) !== 1)) continue
    const weight = graph.constant(before.inputs[1]!, producers)
    const bias = before.inputs[2] ? graph.constant(before.inputs[2], producers) : null
    if (weight?.dtype !== 'float32' || bias === undefined) continue
    const result = fold(graph, norm, before, weight, bias, producers)
    if (!result) continue
    before.inputs = [
      before.inputs[0]!,
      graph.addInitializer(before.inputs[1]!, Tensor.float32(weight.dims, result.weight)),
      graph.addInitializer(`${before.inputs[1]!}_bias`, Tensor.float32([result.bias.length], result.bias)),
    ]
    before.outputs = [norm.outputs[0]!]
    graph.removeNode(norm)
    folded++
  }
  if (folded > 0) graph.prune()
  return folded
}

function fold(
  graph: Graph,
  norm: Node,
  before: Node,
  weight: Tensor,
  bias: Tensor | null,
  producers: Map<string, Node>,
): Folded | undefined {
  const constants = norm.inputs.slice(1, 5).map((name) => graph.constant(name, producers)?.floats())
  const [gamma, beta, mean, variance] = constants
  if (!gamma || !beta || !mean || !variance) return undefined
  const epsilon = norm.float('epsilon', 1e-5)
  const factors = Float32Array.from(gamma, (g, c) => g / Math.sqrt(variance[c]! + epsilon))
  const channels = factors.length
  const old = bias?.floats()
  if (old && old.length !== channels) return undefined
  const source = weight.floats()
  const channelOf = channelIndex(before, weight.dims, channels)
  if (!channelOf) return undefined
  return {
    weight: source.map((w, i) => w * factors[channelOf(i)]!),
    bias: factors.map((factor, c) => ((old?.[c] ?? 0) - mean[c]!) * factor + beta[c]!),
  }
}

/** Which output channel element `i` of the weight belongs to. */
function channelIndex(
  node: Node,
  dims: readonly number[],
  channels: number,
): ((i: number) => number) | undefined {
  const rest = dims.slice(1).reduce((n, d) => n * d, 1)
  if (node.is('ConvTranspose')) {
    if (node.int('group', 1) !== 1 || dims[1] !== channels) return undefined
    const inner = dims.slice(2).reduce((n, d) => n * d, 1)
    return (i) => Math.floor(i / inner) % channels
  }
  if (node.is('Gemm') && node.int('transB', 0) === 0)
    return dims[1] === channels ? (i) => i % channels : undefined
  return dims[0] === channels ? (i) => Math.floor(i / rest) : undefined
}
