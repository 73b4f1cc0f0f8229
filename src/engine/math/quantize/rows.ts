/** Weights as rows of output channels and back: the one layout all weight-only methods work on. */

/** [rows, cols] → [cols, rows]. */
export function transposed<T extends Int8Array | Uint8Array | Float32Array>(
  values: T,
  rows: number,
  cols: number,
): T {
  const out = new (values.constructor as new (length: number) => T)(values.length)
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) out[c * rows + r] = values[r * cols + c]!
  return out
}
