import { block, transpose, type MatMul, type F64Matrix } from './matrix'
import { identity } from './cholesky'
import { NumericalFailure } from './numerical-failure'

interface Eigen {
  /** Largest first. */
  values: Float64Array
  /** Column i belongs to values[i]; orthonormal. */
  vectors: F64Matrix
}

/**
 * All eigenpairs of a symmetric matrix, in double precision. Takes about 6 s at 1024²; for the leading part
 * of a larger matrix use `svd` with a rank. Throws RangeError where the matrix is not square, NumericalFailure where
 * it is not finite.
 */
export async function eigSymmetric(matmul: MatMul, a: F64Matrix): Promise<Eigen> {
  const n = a.rows
  if (a.cols !== n) throw new RangeError(`a ${n}×${a.cols} matrix has no eigenvalues`)
  const { diagonal, off, reflectors } = tridiagonalize(a)
  const rows = transpose(await accumulate(matmul, reflectors, n))
  diagonalize(diagonal, off, rows.data, n)
  return sorted(diagonal, rows)
}

/** H = I − 2·v·vᵀ, v of unit length and zero above `from`. */
interface Reflector {
  from: number
  v: Float64Array
}

function tridiagonalize(a: F64Matrix): {
  diagonal: Float64Array
  off: Float64Array
  reflectors: Reflector[]
} {
  const n = a.rows
  const m = new Float64Array(a.data)
  const reflectors: Reflector[] = []
  const off = new Float64Array(n)
  for (let k = 0; k + 1 < n; k++) {
    const from = k + 1
    const v = new Float64Array(n)
    let norm = 0
    for (let i = from; i < n; i++) norm = Math.hypot(norm, (v[i] = m[i * n + k]!))
    if (!Number.isFinite(norm)) throw new NumericalFailure('the matrix is not finite')
    const alpha = v[from]! > 0 ? -norm : norm
    off[k] = k + 2 < n ? alpha : v[from]!
    if (k + 2 >= n || norm === 0) continue
    v[from]! -= alpha
    let length = 0
    for (let i = from; i < n; i++) length = Math.hypot(length, v[i]!)
    if (length === 0) continue
    for (let i = from; i < n; i++) v[i]! /= length
    reflect(m, n, from, v)
    reflectors.push({ from, v })
  }
  const diagonal = Float64Array.from({ length: n }, (_, i) => m[i * n + i]!)
  return { diagonal, off, reflectors }
}

/** M ← H·M·H on the rows and columns from `from` on. */
function reflect(m: Float64Array, n: number, from: number, v: Float64Array): void {
  const w = new Float64Array(n)
  let dot = 0
  for (let i = from; i < n; i++) {
    let sum = 0
    const row = i * n
    for (let j = from; j < n; j++) sum += m[row + j]! * v[j]!
    w[i] = 2 * sum
    dot += 2 * sum * v[i]!
  }
  for (let i = from; i < n; i++) w[i]! -= dot * v[i]!
  for (let i = from; i < n; i++) {
    const row = i * n
    const vi = v[i]!
    const wi = w[i]!
    for (let j = from; j < n; j++) m[row + j]! -= vi * w[j]! + wi * v[j]!
  }
}

const GROUP = 48

/** Q = H₀·H₁·…, grouped as I − V·T·Vᵀ so that it is matrix products. */
async function accumulate(matmul: MatMul, reflectors: readonly Reflector[], n: number): Promise<F64Matrix> {
  const q = identity(n)
  for (let end = reflectors.length; end > 0; end -= GROUP) {
    const group = reflectors.slice(Math.max(0, end - GROUP), end)
    const k = group.length
    const vt: F64Matrix = { rows: k, cols: n, data: new Float64Array(k * n) }
    group.forEach((reflector, i) => vt.data.set(reflector.v, i * n))
    const t = triangleOf(await matmul(vt, vt, { transB: true }))
    const { from } = group[0]!
    const below = block(q, from, n)
    const left = block(vt, 0, k, from, n)
    const update = await matmul(left, await matmul(t, await matmul(left, below)), { transA: true })
    for (let i = 0; i < update.data.length; i++) q.data[from * n + i]! -= update.data[i]!
  }
  return q
}

/** T of the compact WY form H₀·…·Hₖ₋₁ = I − V·T·Vᵀ, from the products of the reflectors' vectors. */
function triangleOf(products: F64Matrix): F64Matrix {
  const k = products.rows
  const t = new Float64Array(k * k)
  for (let j = 0; j < k; j++) {
    t[j * k + j] = 2
    for (let i = 0; i < j; i++) {
      let sum = 0
      for (let l = i; l < j; l++) sum += t[i * k + l]! * products.data[l * k + j]!
      t[i * k + j] = -2 * sum
    }
  }
  return { rows: k, cols: k, data: t }
}

/** Implicit QL; row i of `vectors` is turned into the eigenvector of diagonal[i]. */
function diagonalize(diagonal: Float64Array, off: Float64Array, vectors: Float64Array, n: number): void {
  for (let low = 0; low < n; low++) {
    for (let turn = 0; ; turn++) {
      const high = endOfBlock(diagonal, off, low, n)
      if (high === low) break
      if (turn > 60) throw new NumericalFailure('the eigenvalues do not converge')
      sweep(diagonal, off, vectors, n, low, high)
    }
  }
}

function endOfBlock(diagonal: Float64Array, off: Float64Array, low: number, n: number): number {
  for (let i = low; i + 1 < n; i++) {
    const size = Math.abs(diagonal[i]!) + Math.abs(diagonal[i + 1]!)
    if (Math.abs(off[i]!) <= Number.EPSILON * size) return i
  }
  return n - 1
}

function sweep(
  d: Float64Array,
  e: Float64Array,
  vectors: Float64Array,
  n: number,
  low: number,
  high: number,
): void {
  const half = (d[low + 1]! - d[low]!) / (2 * e[low]!)
  const shift = half + (half < 0 ? -1 : 1) * Math.hypot(half, 1)
  let bulge = d[high]! - d[low]! + e[low]! / shift
  let sine = 1
  let cosine = 1
  let moved = 0
  for (let i = high - 1; i >= low; i--) {
    const f = sine * e[i]!
    const b = cosine * e[i]!
    const r = Math.hypot(f, bulge)
    e[i + 1] = r
    if (r === 0) {
      d[i + 1]! -= moved
      e[high] = 0
      return
    }
    sine = f / r
    cosine = bulge / r
    const g = d[i + 1]! - moved
    const s = (d[i]! - g) * sine + 2 * cosine * b
    moved = sine * s
    d[i + 1] = g + moved
    bulge = cosine * s - b
    rotateRows(vectors, i * n, (i + 1) * n, n, sine, cosine)
  }
  d[low]! -= moved
  e[low] = bulge
  e[high] = 0
}

function rotateRows(m: Float64Array, a: number, b: number, n: number, sine: number, cosine: number): void {
  for (let k = 0; k < n; k++) {
    const x = m[a + k]!
    const y = m[b + k]!
    m[b + k] = sine * x + cosine * y
    m[a + k] = cosine * x - sine * y
  }
}

function sorted(values: Float64Array, rows: F64Matrix): Eigen {
  const n = values.length
  const order = Array.from(values.keys()).sort((i, j) => values[j]! - values[i]!)
  const data = new Float64Array(n * n)
  order.forEach((from, to) => data.set(rows.data.subarray(from * n, (from + 1) * n), to * n))
  return {
    values: Float64Array.from(order, (i) => values[i]!),
    vectors: transpose({ rows: n, cols: n, data }),
  }
}
