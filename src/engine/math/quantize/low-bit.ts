/** Codes for a matrix of weights by the methods that look at weights alone: pure, so that any thread can do it. */
import { dequantizeGroups, quantizeGroups, type GroupedCodes, type GroupShape } from './grouped'
import type { GridName } from './grids'
import { sharedValues } from './kmeans'
import { sqnr } from './sqnr'

interface LowBitTask {
  /** [rows, cols], finite. */
  values: Float32Array
  shape: GroupShape
  method: GridName | 'kmeans'
  symmetric: boolean
  /** For 'kmeans': one list of values, or one a row. */
  codebook: 'tensor' | 'channel'
}

interface BlindLowBit extends GroupShape {
  codes: Uint8Array
  /** Scales and zero points, or … */
  grouped?: GroupedCodes
  /** … the values codes stand for: one list, or one a row. */
  codebook?: Float32Array
  weightSqnr: number
  /** How it was done in the end. */
  method: GridName | 'kmeans'
}

/** Scales are stored as float16: half the bytes, and rounded before the codes are chosen. */
export const HALF_SCALES = true

export function lowBit(task: LowBitTask): BlindLowBit {
  const { values, shape, method, symmetric } = task
  if (method === 'kmeans') return codebookOf(task)
  const grouped = quantizeGroups(values, shape, { method, symmetric, halfScales: HALF_SCALES })
  const weightSqnr = sqnr(values, dequantizeGroups(grouped))
  return { ...shape, codes: grouped.codes, grouped, weightSqnr, method }
}

function codebookOf({ values, shape: given, codebook }: LowBitTask): BlindLowBit {
  const { rows, cols, bits } = given
  const size = 2 ** bits
  const shape = { rows, cols, block: cols, bits }
  if (codebook === 'tensor') {
    const { centroids, codes } = sharedValues(values, size, { keepZeros: false })
    const restored = Float32Array.from(codes, (code) => centroids[code]!)
    return {
      ...shape,
      codes,
      codebook: filled(centroids, size),
      weightSqnr: sqnr(values, restored),
      method: 'kmeans',
    }
  }
  const codes = new Uint8Array(values.length)
  const books = new Float32Array(rows * size)
  const restored = new Float32Array(values.length)
  for (let r = 0; r < rows; r++) {
    const row = sharedValues(values.subarray(r * cols, (r + 1) * cols), size, { keepZeros: false })
    codes.set(row.codes, r * cols)
    books.set(filled(row.centroids, size), r * size)
    for (let c = 0; c < cols; c++) restored[r * cols + c] = row.centroids[row.codes[c]!]!
  }
  return { ...shape, codes, codebook: books, weightSqnr: sqnr(values, restored), method: 'kmeans' }
}

function filled(centroids: Float32Array, size: number): Float32Array {
  const out = new Float32Array(size)
  out.set(centroids)
  return out
}
