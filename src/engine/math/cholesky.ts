import { block, matrix, transpose, type MatMul, type F64Matrix } from './matrix'
import { NumericalFailure } from './numerical-failure'

const BLOCK = 96

/**
 * Lower triangular L with L·Lᵀ = A, A symmetric positive definite (only its lower half is read).
 * Throws NumericalFailure naming the pivot where A is not positive definite; see `choleskyDamped`.
 */
export async function cholesky(matmul: MatMul, a: F64Matrix): Promise<F64Matrix> {
  const n = a.rows
  if (a.cols !== n) throw new RangeError(`a ${n}×${a.cols} matrix has no Cholesky factor`)
  const l = new Float64Array(a.data)
  for (let from = 0; from < n; from += BLOCK) {
    const to = Math.min(n, from + BLOCK)
    factorPanel(l, n, from, to)
    if (to < n) await updateTrailing(matmul, l, n, from, to)
  }
  for (let r = 0; r < n; r++) l.fill(0, r * n + r + 1, (r + 1) * n)
  return { rows: n, cols: n, data: l }
}

/** Columns [from, to) of the factor, all rows below included. */
function factorPanel(l: Float64Array, n: number, from: number, to: number): void {
  for (let j = from; j < to; j++) {
    const rowJ = j * n
    let pivot = l[rowJ + j]!
    for (let k = from; k < j; k++) pivot -= l[rowJ + k]! ** 2
    if (!(pivot > 0)) throw new NumericalFailure(`not positive definite at pivot ${j}`)
    const root = Math.sqrt(pivot)
    l[rowJ + j] = root
    for (let i = j + 1; i < n; i++) {
      const rowI = i * n
      let sum = l[rowI + j]!
      for (let k = from; k < j; k++) sum -= l[rowI + k]! * l[rowJ + k]!
      l[rowI + j] = sum / root
    }
  }
}

async function updateTrailing(
  matmul: MatMul,
  l: Float64Array,
  n: number,
  from: number,
  to: number,
): Promise<void> {
  const panel = block({ rows: n, cols: n, data: l }, to, n, from, to)
  const { data } = await matmul(panel, panel, { transB: true })
  const rest = n - to
  for (let r = 0; r < rest; r++) {
    const into = (to + r) * n + to
    for (let c = 0; c <= r; c++) l[into + c]! -= data[r * rest + c]!
  }
}

/**
 * The factor of A + λ·I with λ = `relative` times the mean of A's diagonal, ten times more as often as
 * needed. Gives the λ that was used. Throws NumericalFailure when even λ of 10⁴ means does not help (A is not finite).
 */
export async function choleskyDamped(
  matmul: MatMul,
  a: F64Matrix,
  relative = 0.01,
): Promise<{ l: F64Matrix; damping: number }> {
  let mean = 0
  for (let i = 0; i < a.rows; i++) mean += a.data[i * a.rows + i]! / a.rows
  const scale = mean > 0 ? mean : 1
  for (let factor = relative; factor <= 1e4; factor = factor === 0 ? 1e-8 : factor * 10) {
    const damping = factor * scale
    const data = new Float64Array(a.data)
    for (let i = 0; i < a.rows; i++) data[i * a.rows + i]! += damping
    try {
      return { l: await cholesky(matmul, { ...a, data }), damping }
    } catch (cause) {
      if (!(cause instanceof NumericalFailure)) throw cause
    }
  }
  throw new NumericalFailure('not positive definite however much it is damped')
}

/** X with L·X = B, L lower triangular n×n, B n×k. */
export async function solveLower(matmul: MatMul, l: F64Matrix, b: F64Matrix): Promise<F64Matrix> {
  const n = l.rows
  const x = new Float64Array(b.data)
  const k = b.cols
  for (let from = 0; from < n; from += BLOCK) {
    const to = Math.min(n, from + BLOCK)
    if (from > 0) {
      const known = matrix(from, k, x.subarray(0, from * k))
      const { data } = await matmul(block(l, from, to, 0, from), known)
      for (let i = 0; i < data.length; i++) x[from * k + i]! -= data[i]!
    }
    for (let r = from; r < to; r++) {
      const row = x.subarray(r * k, (r + 1) * k)
      for (let j = from; j < r; j++) subtractRow(row, l.data[r * n + j]!, x, j * k)
      divideRow(row, l.data[r * n + r]!)
    }
  }
  return { rows: n, cols: k, data: x }
}

/** X with Lᵀ·X = B, L lower triangular n×n, B n×k. */
export async function solveLowerTransposed(matmul: MatMul, l: F64Matrix, b: F64Matrix): Promise<F64Matrix> {
  const n = l.rows
  const x = new Float64Array(b.data)
  const k = b.cols
  for (let to = n; to > 0; to -= BLOCK) {
    const from = Math.max(0, to - BLOCK)
    if (to < n) {
      const known = matrix(n - to, k, x.subarray(to * k))
      const { data } = await matmul(block(l, to, n, from, to), known, { transA: true })
      for (let i = 0; i < data.length; i++) x[from * k + i]! -= data[i]!
    }
    for (let r = to - 1; r >= from; r--) {
      const row = x.subarray(r * k, (r + 1) * k)
      for (let j = r + 1; j < to; j++) subtractRow(row, l.data[j * n + r]!, x, j * k)
      divideRow(row, l.data[r * n + r]!)
    }
  }
  return { rows: n, cols: k, data: x }
}

function subtractRow(row: Float64Array, factor: number, from: Float64Array, at: number): void {
  if (factor === 0) return
  for (let c = 0; c < row.length; c++) row[c]! -= factor * from[at + c]!
}

function divideRow(row: Float64Array, by: number): void {
  for (let c = 0; c < row.length; c++) row[c]! /= by
}

/** X with A·X = B where L·Lᵀ = A. */
export const choleskySolve = async (matmul: MatMul, l: F64Matrix, b: F64Matrix): Promise<F64Matrix> =>
  solveLowerTransposed(matmul, l, await solveLower(matmul, l, b))

/** L⁻¹, lower triangular. */
const invertLower = (matmul: MatMul, l: F64Matrix): Promise<F64Matrix> =>
  solveLower(matmul, l, identity(l.rows))

/** A⁻¹ where L·Lᵀ = A. */
export async function choleskyInverse(matmul: MatMul, l: F64Matrix): Promise<F64Matrix> {
  const inverse = await invertLower(matmul, l)
  return matmul(inverse, inverse, { transA: true })
}

/**
 * Upper triangular U with Uᵀ·U = A⁻¹ where L·Lᵀ = A: the factor GPTQ walks along (arXiv:2210.17323, §3.3).
 */
export async function choleskyOfInverse(matmul: MatMul, l: F64Matrix): Promise<F64Matrix> {
  return transpose(await cholesky(matmul, await choleskyInverse(matmul, l)))
}

export function identity(n: number): F64Matrix {
  const data = new Float64Array(n * n)
  for (let i = 0; i < n; i++) data[i * n + i] = 1
  return { rows: n, cols: n, data }
}
