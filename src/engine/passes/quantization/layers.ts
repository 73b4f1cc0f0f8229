/** Layers with weights: what each operator's weight looks like to a quantizer. */
import { PareError } from '../../../contract/errors'
import type { Graph, Node, Tensor } from '../../onnx'

export interface WeightedLayer {
  node: Node
  /** Name of the node's first output: its identity in every report. */
  layer: string
  /** Name of the weight's value, as the node reads it. */
  weight: string
  tensor: Tensor
  /** Axis of the weight that runs over output channels (rows of an embedding). */
  axis: number
}

/** Layers of the main graph whose weight is a constant of floats; `ops` narrows the operators. */
export function weightedLayers(
  graph: Graph,
  ops: readonly string[] = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'Gather'],
): WeightedLayer[] {
  const producers = graph.producers()
  const found: WeightedLayer[] = []
  for (const node of graph.nodes) {
    if (!node.is(...ops)) continue
    const index = node.is('Gather') ? 0 : 1
    const weight = node.inputs[index]
    const tensor = weight ? graph.constant(weight, producers) : undefined
    if (!weight || !tensor || !isWeightType(tensor)) continue
    const axis = channelAxis(node, tensor.dims.length)
    if (axis === undefined) continue
    found.push({ node, layer: node.outputs[0]!, weight, tensor, axis })
  }
  return found
}

const isWeightType = (tensor: Tensor): boolean =>
  tensor.dtype === 'float32' || tensor.dtype === 'float16' || tensor.dtype === 'bfloat16'

function channelAxis(node: Node, rank: number): number | undefined {
  switch (node.opType) {
    case 'Conv':
      return rank >= 3 ? 0 : undefined
    case 'ConvTranspose':
      return rank >= 3 ? 1 : undefined
    case 'Gemm':
      return rank !== 2 ? undefined : node.int('transB', 0) ? 0 : 1
    case 'Gather':
      return rank === 2 && node.int('axis', 0) === 0 ? 0 : undefined
    default:
      return rank >= 2 ? rank - 1 : undefined
  }
}

/** The weight's values; throws `model/non-finite` where one is NaN or infinite, as no integer stands for that. */
export function finiteWeights(name: string, tensor: Tensor, by: string): Float32Array {
  const values = tensor.floats()
  for (let i = 0; i < values.length; i++)
    if (values[i]! - values[i]! !== 0) throw new PareError('model/non-finite', { tensor: name, by })
  return values
}

/** Operators of a model that already is quantized, wholly or in part. */
const QUANTIZED_OPS = new Set([
  'QuantizeLinear',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'QLinearConv',
  'QLinearMatMul',
  'ConvInteger',
  'MatMulInteger',
  'MatMulNBits',
  'QGemm',
  'MatMulIntegerToFloat',
  'DynamicQuantizeMatMul',
  'GatherBlockQuantized',
])

export const isQuantizedNode = (node: Node): boolean =>
  QUANTIZED_OPS.has(node.opType) || node.opType.startsWith('QLinear')

export const countQuantized = (graph: Graph): number => graph.nodes.filter(isQuantizedNode).length

/** Why a quantizer found nothing: what was skipped first, or that everything is done already. */
export function nothingReason(graph: Graph, skipped: readonly { reason: string }[]): string {
  if (countQuantized(graph) > 0) return 'its layers are quantized already'
  return skipped[0]?.reason ?? 'it has no Conv, Gemm, MatMul or embedding with constant weights'
}
