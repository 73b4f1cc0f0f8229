/** The trade-off front: what is not beaten in everything at once. */

/** Lower is better in every coordinate. */
export type Costs = readonly number[]

/** True when `a` is at least as good everywhere and better somewhere. */
export function dominates(a: Costs, b: Costs): boolean {
  return a.every((cost, i) => cost <= b[i]!) && a.some((cost, i) => cost < b[i]!)
}

/**
 * The items no other item dominates. Of items with equal costs the first by `key` stays, so that the front does
 * not depend on the order in which workers finished.
 */
export function front<T>(items: readonly T[], costs: (item: T) => Costs, key: (item: T) => string): T[] {
  const ordered = items
    .map((item) => ({ item, costs: costs(item), key: key(item) }))
    .sort((a, b) => compareCosts(a.costs, b.costs) || (a.key < b.key ? -1 : 1))
  const kept: typeof ordered = []
  for (const entry of ordered) {
    const beaten = kept.some(
      (other) => dominates(other.costs, entry.costs) || compareCosts(other.costs, entry.costs) === 0,
    )
    if (!beaten) kept.push(entry)
  }
  return kept.map((entry) => entry.item)
}

function compareCosts(a: Costs, b: Costs): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}
