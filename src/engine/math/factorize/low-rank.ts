/**
 * W ≈ A·B of low rank, nearest in the weights or, whitened, in what the layer gives for its real inputs.
 * Sources: Eckart & Young, 1936; SVD-LLM, arXiv:2403.07378, section 3.1 (truncation-aware whitening).
 */
import { choleskyDamped, solveLowerTransposed } from '../cholesky'
import { svd } from '../svd'
import { matrix, type MatMul, type F64Matrix } from '../matrix'

interface LowRank {
  /** [inputs, rank] */
  a: F64Matrix
  /** [rank, outputs] */
  b: F64Matrix
  /** Squared error over squared norm, in the metric that was minimised. */
  error: number
}

export type RankRule = number | ((singular: Float64Array) => number)

/** How much of the inputs' mean variance is added to each, so that inputs never seen still count a little. */
const DAMPING = 1e-4

/**
 * Factors of W [inputs, outputs]. With `covariance` [inputs, inputs] of the inputs the error of x·W is
 * minimised, without it that of W. A function as rank is given the singular values, largest first.
 */
export async function lowRank(
  matmul: MatMul,
  w: F64Matrix,
  rank: RankRule,
  covariance?: F64Matrix,
): Promise<LowRank> {
  const l = covariance && (await choleskyDamped(matmul, covariance, DAMPING)).l
  const seen = l ? await matmul(l, w, { transA: true }) : w
  const least = Math.min(w.rows, w.cols)
  const fixed = typeof rank === 'number' ? Math.min(rank, least) : undefined
  const full = await svd(matmul, seen, fixed === undefined ? {} : { rank: fixed })
  const r = Math.max(1, Math.min(fixed ?? (rank as (s: Float64Array) => number)(full.s), full.s.length))
  const roots = full.s.slice(0, r).map(Math.sqrt)
  const left = scaledColumns(full.u, roots)
  const a = l ? await solveLowerTransposed(matmul, l, left) : left
  return { a, b: transposedColumns(full.v, roots), error: lost(seen, full.s, r) }
}

function scaledColumns(m: F64Matrix, factors: Float64Array): F64Matrix {
  const cols = factors.length
  const data = new Float64Array(m.rows * cols)
  for (let r = 0; r < m.rows; r++)
    for (let c = 0; c < cols; c++) data[r * cols + c] = m.data[r * m.cols + c]! * factors[c]!
  return matrix(m.rows, cols, data)
}

function transposedColumns(m: F64Matrix, factors: Float64Array): F64Matrix {
  const rows = factors.length
  const data = new Float64Array(rows * m.rows)
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < m.rows; c++) data[r * m.rows + c] = m.data[c * m.cols + r]! * factors[r]!
  return matrix(rows, m.rows, data)
}

function lost(m: F64Matrix, singular: Float64Array, rank: number): number {
  const total = m.data.reduce((sum, value) => sum + value ** 2, 0)
  let held = 0
  for (let i = 0; i < rank; i++) held += singular[i]! ** 2
  return total > 0 ? Math.max(0, 1 - held / total) : 0
}

/** tr(DᵀCD) / tr(WᵀCW) with D = W − W̃: the share of the output's variance that an approximation gets wrong. */
export async function outputError(
  matmul: MatMul,
  w: F64Matrix,
  approximation: F64Matrix,
  covariance?: F64Matrix,
): Promise<number> {
  const difference = matrix(
    w.rows,
    w.cols,
    w.data.map((value, i) => value - approximation.data[i]!),
  )
  const energy = async (m: F64Matrix): Promise<number> => {
    const seen = covariance ? await matmul(covariance, m) : m
    return m.data.reduce((sum, value, i) => sum + value * seen.data[i]!, 0)
  }
  const total = await energy(w)
  return total > 0 ? Math.max(0, (await energy(difference)) / total) : 0
}
