/** One rule per family of operators; what stands in no rule freezes the channels it touches. */
import { opOf } from '../../../layers/kinds'
import type { Node } from '../../../onnx'
import type { Rule } from '../relations'
import { elementwise, quantize, unary } from './elementwise'
import { concat, gather, pad, slice, split } from './join'
import { convolution, product } from './linear'
import { acrossChannels, batchNorm, layerNorm, pooling, resize, softmax } from './normalize'
import { recurrent } from './recurrent'
import { reduce } from './reduce'
import { blocks, expand, filled, flatten, reshape, shape, squeeze, transpose } from './shape'
import { cumulative, einsum, gatherElements, tile } from './sums'

const RULES: readonly Rule[] = [
  convolution,
  product,
  recurrent,
  elementwise,
  unary,
  quantize,
  batchNorm,
  layerNorm,
  softmax,
  acrossChannels,
  pooling,
  resize,
  concat,
  split,
  slice,
  pad,
  gather,
  reshape,
  flatten,
  transpose,
  squeeze,
  expand,
  filled,
  blocks,
  shape,
  reduce,
  einsum,
  cumulative,
  tile,
  gatherElements,
]

const BY_OP = new Map(RULES.flatMap((rule) => rule.ops.map((op) => [op, rule] as const)))

export const ruleOf = (node: Node): Rule | undefined =>
  node.subgraphs().length > 0 ? undefined : BY_OP.get(opOf(node))
