/** The registry: a kind of layer is a file and its line here. */
import type { Node } from '../../onnx'
import { attention } from './attention'
import { convolution, transposedConvolution } from './convolution'
import { embedding } from './embedding'
import type { LayerKind } from './kind'
import { gemm, matmul } from './matrix'
import { recurrent } from './recurrent'

const KINDS: readonly LayerKind[] = [
  convolution,
  transposedConvolution,
  gemm,
  matmul,
  embedding,
  recurrent,
  attention,
]

const byOp = new Map(KINDS.flatMap((kind) => kind.ops.map((op) => [op, kind] as const)))

export const opOf = (node: Node): string => (node.domain ? `${node.domain}:${node.opType}` : node.opType)

export const kindOf = (node: Node): LayerKind | undefined => byOp.get(opOf(node))

export const ALL_OPS: readonly string[] = [...byOp.keys()]
