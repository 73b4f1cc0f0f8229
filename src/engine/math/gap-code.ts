/**
 * Sparse weights as two streams of bytes that deflate well: distances between entries, and which shared value
 * each has. Source: arXiv:1510.00149, section 3.1 (relative indices with padding entries for long gaps).
 */
interface GapCode {
  /** Distance of each entry from the one before; the first from the start. */
  gaps: Uint8Array
  /** Which value each entry has; entries that only bridge a long gap have the code of zero. */
  codes: Uint8Array
}

/** Entries that differ from `zero`, the code of zero, in a sequence of codes; none further than `longest` from the one before. */
export function encodeGaps(all: Uint8Array, zero: number, longest = 255): GapCode {
  const gaps: number[] = []
  const codes: number[] = []
  let last = 0
  for (let i = 0; i < all.length; i++) {
    if (all[i] === zero) continue
    while (i - last > longest) {
      gaps.push(longest)
      codes.push(zero)
      last += longest
    }
    gaps.push(i - last)
    codes.push(all[i]!)
    last = i
  }
  return { gaps: Uint8Array.from(gaps), codes: Uint8Array.from(codes) }
}

/** Distinct values, rising, and the code of each element; undefined above 256 values. −0 counts as 0. */
export function distinctValues(values: Float32Array): { table: Float32Array; codes: Uint8Array } | undefined {
  const seen = new Map<number, number>()
  for (const value of values) {
    seen.set(value === 0 ? 0 : value, 0)
    if (seen.size > 256) return undefined
  }
  const table = Float32Array.from([...seen.keys()].sort((a, b) => a - b))
  table.forEach((value, code) => seen.set(value, code))
  return { table, codes: Uint8Array.from(values, (value) => seen.get(value === 0 ? 0 : value)!) }
}
