/** Every sample as a question, the others ranked by how alike they are. */

/** Numbers from `start` on as a vector of length 1; what is no number counts as 0. */
export function unit(data: Float32Array, start: number, size: number): Float32Array {
  const vector = data.slice(start, start + size)
  let norm = 0
  for (let i = 0; i < size; i++) {
    if (!Number.isFinite(vector[i]!)) vector[i] = 0
    norm += vector[i]! * vector[i]!
  }
  if (norm > 0) for (let i = 0; i < size; i++) vector[i]! /= Math.sqrt(norm)
  return vector
}

/** Alike by the product of unit vectors; a sample itself is no answer. */
export function similarities(vectors: readonly Float32Array[]): Float64Array[] {
  const all = vectors.map(() => new Float64Array(vectors.length).fill(-Infinity))
  for (let i = 0; i < vectors.length; i++)
    for (let j = i + 1; j < vectors.length; j++) {
      const [a, b] = [vectors[i]!, vectors[j]!]
      let dot = 0
      for (let k = 0; k < a.length; k++) dot += a[k]! * b[k]!
      all[i]![j] = all[j]![i] = dot
    }
  return all
}

/** Positions of the others, the most alike first; of equal ones the first. */
export const rankedBy = (row: Float64Array): number[] =>
  Array.from(row.keys())
    .filter((i) => row[i] !== -Infinity)
    .sort((a, b) => row[b]! - row[a]! || a - b)

const FIRST = 10

/**
 * Means over questions that have an answer, those of the same class. nDCG has gains of 1 and the discount log₂(rank + 1),
 * as trec_eval. Source: K. Järvelin, J. Kekäläinen, ACM TOIS 20 (2002) 422–446.
 */
export function retrieval(
  rows: readonly Float64Array[],
  labels: readonly number[],
): { ndcg10: number; recall10: number } | undefined {
  let [gain, recall, asked] = [0, 0, 0]
  for (const [i, row] of rows.entries()) {
    const there = labels.filter((label, j) => j !== i && label === labels[i]).length
    if (there === 0) continue
    asked++
    let [own, best, found] = [0, 0, 0]
    for (const [rank, j] of rankedBy(row).slice(0, FIRST).entries()) {
      const discount = 1 / Math.log2(rank + 2)
      if (rank < there) best += discount
      if (labels[j] !== labels[i]) continue
      own += discount
      found++
    }
    gain += own / best
    recall += found / there
  }
  return asked > 0 ? { ndcg10: gain / asked, recall10: recall / asked } : undefined
}

/** Ranks from 1 on, equal ones sharing their mean. */
function ranksOf(row: Float64Array): Float64Array {
  const order = rankedBy(row)
  const ranks = new Float64Array(row.length)
  for (let from = 0; from < order.length;) {
    let to = from + 1
    while (to < order.length && row[order[to]!] === row[order[from]!]) to++
    for (let k = from; k < to; k++) ranks[order[k]!] = (from + to + 1) / 2
    from = to
  }
  return ranks
}

/** Spearman's ρ of one row's ranking and another's. Source: C. Spearman, Am. J. Psychology 15 (1904). */
export function spearman(a: Float64Array, b: Float64Array): number {
  const [x, y] = [ranksOf(a), ranksOf(b)]
  const asked = Array.from(a.keys()).filter((i) => a[i] !== -Infinity)
  const mean = (asked.length + 1) / 2
  let [both, first, second] = [0, 0, 0]
  for (const i of asked) {
    const [dx, dy] = [x[i]! - mean, y[i]! - mean]
    both += dx * dy
    first += dx * dx
    second += dy * dy
  }
  if (first === 0 || second === 0) return first === second ? 1 : 0
  return both / Math.sqrt(first * second)
}

/** Mean over questions of how alike two models rank the answers. */
export function rankCorrelation(now: readonly Float64Array[], before: readonly Float64Array[]): number {
  if (now.length < 3) return 1
  return now.reduce((sum, row, i) => sum + spearman(row, before[i]!), 0) / now.length
}
