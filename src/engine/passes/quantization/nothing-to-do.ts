import { countQuantized } from '../../layers/encodings'
import type { NotALayer } from '../../layers/find'
import { reasonsTold } from '../../layers/left-out'
import type { Graph, Node } from '../../onnx'

/** Why a quantizer found nothing: what was skipped, or that everything is done already. */
export function nothingReason(graph: Graph, skipped: readonly NotALayer[]): string {
  if (countQuantized(graph) > 0) return 'its layers are quantized already'
  return reasonsTold(skipped) ?? 'it has no Conv, Gemm, MatMul or embedding with constant weights'
}

export const tableWithin = ({ opType }: Node): string =>
  `a table within ${opType}: codes are looked up in the main graph only`
