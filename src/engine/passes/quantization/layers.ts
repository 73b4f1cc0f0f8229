/** Which models are quantized already. */
import type { Graph, Node } from '../../onnx'

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
