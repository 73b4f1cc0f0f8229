/** Small dense systems of equations. */

/**
 * x with (A + damping · diag A) x = b, A symmetric and positive semidefinite, n × n row by row: Gaussian elimination with the
 * largest pivot. A direction that A says nothing of gets 0.
 */
export function solveDamped(a: Float64Array, b: Float64Array, damping: number): Float64Array {
  const n = b.length
  const rows = Array.from({ length: n }, (_, r) => [...a.subarray(r * n, (r + 1) * n), b[r]!])
  const largest = Math.max(...rows.map((row, r) => Math.abs(row[r]!)))
  for (const [r, row] of rows.entries()) row[r] = row[r]! * (1 + damping) + largest * 1e-12
  for (let pivot = 0; pivot < n; pivot++) {
    let best = pivot
    for (let r = pivot + 1; r < n; r++)
      if (Math.abs(rows[r]![pivot]!) > Math.abs(rows[best]![pivot]!)) best = r
    ;[rows[pivot], rows[best]] = [rows[best]!, rows[pivot]!]
    const top = rows[pivot]!
    if (top[pivot] === 0) continue
    for (let r = 0; r < n; r++) {
      if (r === pivot) continue
      const factor = rows[r]![pivot]! / top[pivot]!
      if (factor !== 0) for (let c = pivot; c <= n; c++) rows[r]![c]! -= factor * top[c]!
    }
  }
  return Float64Array.from(rows, (row, r) => (row[r] === 0 ? 0 : row[n]! / row[r]!))
}
