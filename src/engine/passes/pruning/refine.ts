/** Common factors of the dimensions on both sides of a reshape. */

interface Refinement {
  /** Row-major lengths whose products give both sides. */
  lengths: number[]
  /** For each axis of a side, its factors in `lengths`. */
  from: number[][]
  to: number[][]
}

/**
 * The coarsest row-major factorization that both shapes group: [2, 128] and [8, 32] give 2 · 4 · 32.
 * Undefined where none exists, as for [4, 6] and [6, 4], or where a dimension is zero.
 */
export function refine(from: readonly number[], to: readonly number[]): Refinement | undefined {
  const result: Refinement = { lengths: [], from: from.map(() => []), to: to.map(() => []) }
  const left = [...from]
  const right = [...to]
  let [i, j] = [0, 0]
  while (i < left.length && j < right.length) {
    const [a, b] = [left[i]!, right[j]!]
    if (a === 1) {
      i++
      continue
    }
    if (b === 1) {
      j++
      continue
    }
    const step = Math.min(a, b)
    if (step === 0 || Math.max(a, b) % step !== 0) return undefined
    const atom = result.lengths.push(step) - 1
    result.from[i]!.push(atom)
    result.to[j]!.push(atom)
    left[i] = a / step
    right[j] = b / step
    if (left[i] === 1) i++
    if (right[j] === 1) j++
  }
  const restIsOne = [...left.slice(i), ...right.slice(j)].every((length) => length === 1)
  return restIsOne ? result : undefined
}
