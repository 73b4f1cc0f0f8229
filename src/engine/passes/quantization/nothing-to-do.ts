import { countQuantized } from '../../layers/encodings'
import type { Graph } from '../../onnx'

/** Why a quantizer found nothing: what was skipped first, or that everything is done already. */
export function nothingReason(graph: Graph, skipped: readonly { reason: string }[]): string {
  if (countQuantized(graph) > 0) return 'its layers are quantized already'
  return skipped[0]?.reason ?? 'it has no Conv, Gemm, MatMul or embedding with constant weights'
}
