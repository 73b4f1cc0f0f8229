/** Row-major matrices; the product is handed in by whoever has a fast one, so that the mathematics here stays pure. */

export type Floats = Float32Array | Float64Array

/** Row-major. */
export interface Matrix<T extends Floats = Floats> {
  rows: number
  cols: number
  data: T
}

/** Row-major, in double precision. */
export type F64Matrix = Matrix<Float64Array>

interface Transposes {
  transA?: boolean
  transB?: boolean
}

/** op(A) · op(B) in the precision of A and B. Rejects with RangeError when the inner dimensions differ. */
export type MatMul = <T extends Floats>(a: Matrix<T>, b: Matrix<T>, how?: Transposes) => Promise<Matrix<T>>

/** A matrix over `data`, which is not copied. Throws RangeError when it does not hold rows · cols elements. */
export function matrix<T extends Floats>(rows: number, cols: number, data: T): Matrix<T> {
  if (data.length !== rows * cols)
    throw new RangeError(`${rows}×${cols} needs ${rows * cols} elements, not ${data.length}`)
  return { rows, cols, data }
}

export const like = <T extends Floats>(data: T, length: number): T =>
  (data instanceof Float64Array ? new Float64Array(length) : new Float32Array(length)) as T

export function transpose<T extends Floats>({ rows, cols, data }: Matrix<T>): Matrix<T> {
  const out = like(data, data.length)
  const block = 32
  for (let r0 = 0; r0 < rows; r0 += block)
    for (let c0 = 0; c0 < cols; c0 += block) {
      const r1 = Math.min(rows, r0 + block)
      const c1 = Math.min(cols, c0 + block)
      for (let r = r0; r < r1; r++) for (let c = c0; c < c1; c++) out[c * rows + r] = data[r * cols + c]!
    }
  return { rows: cols, cols: rows, data: out }
}

/** Rows [r0, r1) and columns [c0, c1) as a matrix of their own. */
export function block<T extends Floats>(
  m: Matrix<T>,
  r0: number,
  r1: number,
  c0 = 0,
  c1 = m.cols,
): Matrix<T> {
  const cols = c1 - c0
  const data = like(m.data, (r1 - r0) * cols)
  for (let r = r0; r < r1; r++)
    data.set(m.data.subarray(r * m.cols + c0, r * m.cols + c1) as never, (r - r0) * cols)
  return { rows: r1 - r0, cols, data }
}

export const toF64 = (m: Matrix): F64Matrix => ({ ...m, data: Float64Array.from(m.data) })
