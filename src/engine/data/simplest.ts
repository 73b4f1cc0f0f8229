/** Of readings that samples do not tell apart, the one that supposes least. */
import { gainByChance } from '../math/paired'

/** Below this a loss more is one that the samples show. */
const SHOWN = 0.1

/** `gains`: how much better one is than the other, sample by sample. */
export const isAsGood = (gains: ArrayLike<number>): boolean => gainByChance(gains) >= SHOWN

/** Best first; the simplest of those as good as the best, and of them the best. */
export function simplest<T extends { involved: number }>(
  ways: readonly T[],
  asGood: (way: T, best: T) => boolean,
): T | undefined {
  const [best] = ways
  if (!best) return undefined
  return ways
    .filter((way) => way === best || asGood(way, best))
    .reduce((a, b) => (b.involved < a.involved ? b : a))
}
