/** Products with a constant matrix. Sources: ONNX Gemm, MatMul; com.microsoft FusedGemm, FusedMatMul. */
import { sizeOf, type Node } from '../../onnx'
import type { Geometry, LayerKind } from './kind'

const isTurned = (node: Node, attribute: string): boolean => node.int(attribute, 0) !== 0

function matrixOf(dims: readonly number[], byRows: boolean): Geometry {
  const [outAxis, inAxis] = byRows ? [0, 1] : [dims.length - 1, dims.length - 2]
  const rows = dims[outAxis]!
  return { rows, cols: sizeOf(dims) / rows, turned: !byRows, outAxis, inAxis, groups: 1 }
}

const alpha = (node: Node): number => node.float('alpha', 1)

/** What a Gemm says of y = α·A·B + β·C: which factors it reads transposed, and α and β. Source: ONNX Gemm. */
export const gemmTerms = (node: Node): { transA: boolean; transB: boolean; alpha: number; beta: number } => ({
  transA: isTurned(node, 'transA'),
  transB: isTurned(node, 'transB'),
  alpha: alpha(node),
  beta: node.float('beta', 1),
})

/** y = α·A·B + β·C with B [inputs, outputs], or [outputs, inputs] where transB says so. */
export const gemm: LayerKind = {
  kind: 'matrix',
  ops: ['Gemm', 'com.microsoft:FusedGemm'],
  weights: [1],
  input: 0,
  bias: 2,
  turnsInput: (node) => gemmTerms(node).transA,
  factors: (node) => ({ product: gemmTerms(node).alpha, bias: gemmTerms(node).beta }),
  geometry: (node, dims) =>
    dims.length === 2 ? matrixOf(dims, gemmTerms(node).transB) : 'its weight is not a matrix',
}

/** Weights of more than two dimensions are [batch…, inputs, outputs]: a row sees what all of the batch holds. */
export const matmul: LayerKind = {
  kind: 'matrix',
  ops: ['MatMul', 'com.microsoft:FusedMatMul', 'com.microsoft:TransposeMatMul'],
  weights: [1],
  input: 0,
  turnsInput: (node) => isTurned(node, 'transA') || isTurned(node, 'transBatchA'),
  factors: (node) => ({ product: alpha(node), bias: 1 }),
  geometry(node, dims) {
    if (dims.length < 2) return 'its weight is a vector'
    const byRows = isTurned(node, 'transB')
    const batches = node.int('transBatchB', 0) !== 0
    if (dims.length > 2 && (byRows || batches)) return 'a batch of weights is read transposed'
    return matrixOf(dims, byRows)
  },
}
