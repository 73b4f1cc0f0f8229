import type { Matrix, MatMul } from '../matrix'

/** Sum of |w|^p of each row; p is 1 or 2. */
export function rowPowers({ rows, cols, data }: Matrix, p: 1 | 2): Float64Array {
  const sums = new Float64Array(rows)
  for (let r = 0; r < rows; r++) {
    let sum = 0
    for (let c = 0; c < cols; c++) sum += p === 1 ? Math.abs(data[r * cols + c]!) : data[r * cols + c]! ** 2
    sums[r] = sum
  }
  return sums
}

/** Sum of the distances of each row to all others: small for rows that others can stand in for. */
export async function distancesToOthers(matmul: MatMul, rows: Matrix<Float32Array>): Promise<Float64Array> {
  const { data: gram } = await matmul(rows, rows, { transB: true })
  const n = rows.rows
  const out = new Float64Array(n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      out[i]! += Math.sqrt(Math.max(0, gram[i * n + i]! + gram[j * n + j]! - 2 * gram[i * n + j]!))
  return out
}

/**
 * The slice of a tensor along an axis as rows: [channels, the rest].
 */
export function rowsAlong(
  values: ArrayLike<number>,
  dims: readonly number[],
  axis: number,
): Matrix<Float32Array> {
  const rows = dims[axis]!
  const inner = dims.slice(axis + 1).reduce((n, d) => n * d, 1)
  const outer = dims.slice(0, axis).reduce((n, d) => n * d, 1)
  const data = new Float32Array(rows * outer * inner)
  for (let o = 0; o < outer; o++)
    for (let r = 0; r < rows; r++)
      for (let i = 0; i < inner; i++) data[(r * outer + o) * inner + i] = values[(o * rows + r) * inner + i]!
  return { rows, cols: outer * inner, data }
}
