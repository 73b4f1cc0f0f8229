/**
 * Thin singular value decomposition on top of matrix products. Sources: Golub & Van Loan §8.6 (one-sided
 * Jacobi, which cleans up what the Gram matrix blurs); Halko, Martinsson & Tropp, arXiv:0909.4061 (randomised).
 */
import { seeded } from './random'
import { block, toF64, transpose, type Matrix, type MatMul, type F64Matrix } from './matrix'
import { cholesky, solveLower } from './cholesky'
import { eigSymmetric } from './eigen'

/** A ≈ U·diag(S)·Vᵀ: U rows×k and V cols×k with orthonormal columns, S largest first. */
export interface Svd {
  u: F64Matrix
  s: Float64Array
  v: F64Matrix
}

interface SvdOptions {
  /** Only this many leading triplets. */
  rank?: number
  /** Power iterations of the randomised method; default 3. */
  iterations?: number
  seed?: number
}

/** From this many columns on, a low rank is found by random projection. */
const RANDOMISED_FROM = 320
const OVERSAMPLE = 12

/**
 * Thin SVD in double precision; with `rank`, the leading part of it. A large matrix of which at most a third
 * of the rank is wanted goes by random projection with power iterations.
 */
export async function svd(matmul: MatMul, a: Matrix, options: SvdOptions = {}): Promise<Svd> {
  const least = Math.min(a.rows, a.cols)
  const rank = Math.min(options.rank ?? least, least)
  const exact = toF64(a)
  if (a.rows < a.cols) return swap(await tall(matmul, transpose(exact), rank, options))
  return tall(matmul, exact, rank, options)
}

const swap = ({ u, s, v }: Svd): Svd => ({ u: v, s, v: u })

async function tall(matmul: MatMul, a: F64Matrix, rank: number, options: SvdOptions): Promise<Svd> {
  const randomised = a.cols > RANDOMISED_FROM && rank + OVERSAMPLE < a.cols / 3
  return cut(randomised ? await projected(matmul, a, rank, options) : await complete(matmul, a), rank)
}

function cut({ u, s, v }: Svd, rank: number): Svd {
  if (s.length === rank) return { u, s, v }
  return { u: block(u, 0, u.rows, 0, rank), s: s.slice(0, rank), v: block(v, 0, v.rows, 0, rank) }
}

/** All triplets of a matrix with at least as many rows as columns. */
async function complete(matmul: MatMul, a: F64Matrix): Promise<Svd> {
  const { vectors } = await eigSymmetric(matmul, await matmul(a, a, { transA: true }))
  const columns = transpose(await matmul(a, vectors))
  const right = transpose(vectors)
  await orthogonalise(matmul, columns, right)
  return normalised(columns, right)
}

/** Jacobi rotations on the rows of `columns` (A·V transposed) until they are orthogonal; `right` follows. */
async function orthogonalise(matmul: MatMul, columns: F64Matrix, right: F64Matrix): Promise<void> {
  const n = columns.rows
  for (let round = 0; round < 30; round++) {
    const { data: gram } = await matmul(columns, columns, { transB: true })
    let turned = false
    for (let i = 0; i < n; i++)
      for (let j = i + 1; j < n; j++) {
        const seen = Math.abs(gram[i * n + j]!)
        if (seen <= 1e-13 * Math.sqrt(gram[i * n + i]! * gram[j * n + j]!)) continue
        turned = rotatePair(columns, right, i, j) || turned
      }
    if (!turned) return
  }
}

function rotatePair(columns: F64Matrix, right: F64Matrix, i: number, j: number): boolean {
  const m = columns.cols
  const x = columns.data.subarray(i * m, (i + 1) * m)
  const y = columns.data.subarray(j * m, (j + 1) * m)
  let xx = 0
  let yy = 0
  let xy = 0
  for (let k = 0; k < m; k++) {
    xx += x[k]! ** 2
    yy += y[k]! ** 2
    xy += x[k]! * y[k]!
  }
  if (Math.abs(xy) <= 1e-14 * Math.sqrt(xx * yy) || xx * yy === 0) return false
  const zeta = (yy - xx) / (2 * xy)
  const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta))
  const cosine = 1 / Math.hypot(1, tangent)
  rotate(x, y, cosine, cosine * tangent)
  const n = right.cols
  rotate(
    right.data.subarray(i * n, (i + 1) * n),
    right.data.subarray(j * n, (j + 1) * n),
    cosine,
    cosine * tangent,
  )
  return true
}

function rotate(x: Float64Array, y: Float64Array, cosine: number, sine: number): void {
  for (let k = 0; k < x.length; k++) {
    const a = x[k]!
    const b = y[k]!
    x[k] = cosine * a - sine * b
    y[k] = sine * a + cosine * b
  }
}

function normalised(columns: F64Matrix, right: F64Matrix): Svd {
  const k = columns.rows
  const lengths = Float64Array.from({ length: k }, (_, i) => normOf(columns, i))
  const order = Array.from(lengths.keys()).sort((i, j) => lengths[j]! - lengths[i]!)
  const left = permuted(columns, order)
  const s = Float64Array.from(order, (i) => lengths[i]!)
  const floor = s[0]! * Number.EPSILON * columns.cols
  const random = seeded(1)
  for (let i = 0; i < k; i++) {
    const row = left.data.subarray(i * left.cols, (i + 1) * left.cols)
    if (s[i]! > floor) for (let c = 0; c < row.length; c++) row[c]! /= s[i]!
    else complement(left, i, () => random.normal())
    if (s[i]! <= floor) s[i] = 0
  }
  return { u: transpose(left), s, v: transpose(permuted(right, order)) }
}

function normOf(m: F64Matrix, row: number): number {
  let sum = 0
  for (let c = 0; c < m.cols; c++) sum += m.data[row * m.cols + c]! ** 2
  return Math.sqrt(sum)
}

function permuted(m: F64Matrix, order: readonly number[]): F64Matrix {
  const data = new Float64Array(m.data.length)
  order.forEach((from, to) => data.set(m.data.subarray(from * m.cols, (from + 1) * m.cols), to * m.cols))
  return { ...m, data }
}

/** Row i becomes a unit vector orthogonal to all rows before it: a null direction of A has no other. */
function complement(rows: F64Matrix, i: number, draw: () => number): void {
  const { cols, data } = rows
  const row = data.subarray(i * cols, (i + 1) * cols)
  for (let c = 0; c < cols; c++) row[c] = draw()
  for (let pass = 0; pass < 2; pass++)
    for (let j = 0; j < i; j++) {
      let dot = 0
      for (let c = 0; c < cols; c++) dot += row[c]! * data[j * cols + c]!
      for (let c = 0; c < cols; c++) row[c]! -= dot * data[j * cols + c]!
    }
  const length = normOf(rows, i)
  for (let c = 0; c < cols; c++) row[c]! /= length
}

async function projected(matmul: MatMul, a: F64Matrix, rank: number, options: SvdOptions): Promise<Svd> {
  const width = rank + OVERSAMPLE
  const random = seeded(options.seed ?? 0)
  const start = Float64Array.from({ length: a.cols * width }, () => random.normal())
  let basis = await orthonormal(matmul, await matmul(a, { rows: a.cols, cols: width, data: start }))
  for (let i = 0; i < (options.iterations ?? 3); i++) {
    const back = await orthonormal(matmul, await matmul(a, basis, { transA: true }))
    basis = await orthonormal(matmul, await matmul(a, back))
  }
  const small = await complete(matmul, await matmul(a, basis, { transA: true }))
  return { u: await matmul(basis, small.v), s: small.s, v: small.u }
}

/** Orthonormal columns that span those of Y: shifted Cholesky QR, thrice (arXiv:1809.11085). */
export async function orthonormal(matmul: MatMul, y: F64Matrix): Promise<F64Matrix> {
  let q = y
  for (let round = 0; round < 3; round++) {
    const gram = await matmul(q, q, { transA: true })
    let trace = 0
    for (let i = 0; i < gram.rows; i++) trace += gram.data[i * gram.cols + i]!
    const shift = round === 0 ? 1e-14 * Math.max(trace, Number.MIN_VALUE * 1e20) * gram.rows : 0
    for (let i = 0; i < gram.rows; i++) gram.data[i * gram.cols + i]! += shift
    q = await whiten(matmul, q, gram)
  }
  return q
}

/** Q·R⁻¹ where RᵀR = gram; a gram matrix without full rank gets the least shift that lets it through. */
async function whiten(matmul: MatMul, q: F64Matrix, gram: F64Matrix): Promise<F64Matrix> {
  for (let shift = 0; ; shift = shift === 0 ? 1e-15 : shift * 100) {
    try {
      const data = new Float64Array(gram.data)
      for (let i = 0; i < gram.rows; i++) data[i * gram.cols + i]! += shift
      return transpose(await solveLower(matmul, await cholesky(matmul, { ...gram, data }), transpose(q)))
    } catch (cause) {
      if (!(cause instanceof RangeError) || shift > 1) throw cause
    }
  }
}
