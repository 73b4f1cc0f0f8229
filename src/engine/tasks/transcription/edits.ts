/** Texts held against each other by the fewest changes between them. Source: V. I. Levenshtein, Soviet Physics Doklady 10 (1966). */

/** What stands at one place in each; absent where the other has more there. */
interface Pair<T> {
  given?: T
  truth?: T
}

/** Fewest parts replaced, added and left out. */
export function editDistance<T>(given: readonly T[], truth: readonly T[]): number {
  return tableOf(given, truth)[(given.length + 1) * (truth.length + 1) - 1]!
}

/** Costs of the beginnings of both: row `i` begins with `i` parts of `given`. */
function tableOf<T>(given: readonly T[], truth: readonly T[]): Int32Array {
  const width = truth.length + 1
  const costs = new Int32Array((given.length + 1) * width)
  for (let j = 1; j < width; j++) costs[j] = j
  for (let i = 1; i <= given.length; i++) {
    costs[i * width] = i
    for (let j = 1; j < width; j++) {
      const at = i * width + j
      const replaced = costs[at - width - 1]! + Number(given[i - 1] !== truth[j - 1])
      costs[at] = Math.min(replaced, costs[at - width]! + 1, costs[at - 1]! + 1)
    }
  }
  return costs
}

/** Both beside each other, as few places as can be different. */
export function aligned<T>(given: readonly T[], truth: readonly T[]): Pair<T>[] {
  const costs = tableOf(given, truth)
  const width = truth.length + 1
  const pairs: Pair<T>[] = []
  let [i, j] = [given.length, truth.length]
  while (i > 0 || j > 0) {
    const at = i * width + j
    const differ = Number(given[i - 1] !== truth[j - 1])
    if (i > 0 && j > 0 && costs[at] === costs[at - width - 1]! + differ)
      pairs.push({ given: given[--i]!, truth: truth[--j]! })
    else if (i > 0 && costs[at] === costs[at - width]! + 1) pairs.push({ given: given[--i]! })
    else pairs.push({ truth: truth[--j]! })
  }
  return pairs.reverse()
}
