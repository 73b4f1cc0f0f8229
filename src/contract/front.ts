/** The trade-off front: what is not beaten in everything at once. */

/** Lower is better in every coordinate. */
export type Costs = readonly number[]

/**
 * Times within a tenth of each other count as equal. Two candidates of one sitting, measured five times over, moved
 * against each other by up to 8% on a busy machine, where each sitting's own intervals were 2 to 5% wide.
 */
export const TIME_MARGIN = 0.1

/** A time as a ratio to the original's, with its 95% interval where it was measured. */
export interface Timed {
  value: number
  interval?: readonly [low: number, high: number]
}

/** The margin for these times together: wider where the intervals say that the machine was noisier than usual. */
export function timeMargin(times: readonly (Timed | undefined)[]): number {
  const noise = times.map((time) =>
    time?.interval ? (time.interval[1] - time.interval[0]) / (2 * time.value) : 0,
  )
  return Math.max(TIME_MARGIN, ...noise)
}

/** False also where either time is not known. */
export const clearlyFaster = (a: Timed | undefined, b: Timed | undefined, margin: number): boolean =>
  a !== undefined && b !== undefined && a.value < (1 - margin) * b.value

/** True when `a` is at least as good everywhere and better somewhere. */
export function dominates(a: Costs, b: Costs): boolean {
  return a.every((cost, i) => cost <= b[i]!) && a.some((cost, i) => cost < b[i]!)
}

/** What is held against each other. */
export interface Figures {
  costs: Costs
  time: Timed | undefined
}

/** True when `a` is at least as good in every cost without being clearly slower; also of equals. */
export const beats = (a: Figures, b: Figures, margin: number): boolean =>
  a.costs.every((cost, i) => cost <= b.costs[i]!) && !clearlyFaster(b.time, a.time, margin)

interface Entry<T> extends Figures {
  item: T
  key: string
}

/**
 * The items no other item beats: none is at least as good in every cost without being clearly slower. Of items
 * with equal costs and no clear difference in time the first by `key` stays, so that the front does not depend on
 * the order in which workers finished.
 *
 * "Clearly faster" is not transitive: three items may each be just within the margin of the next. So an item
 * leaves only because of one that stays, and none is lost to one that is itself beaten.
 */
export function front<T>(
  items: readonly T[],
  costs: (item: T) => Costs,
  key: (item: T) => string,
  time: (item: T) => Timed | undefined = () => undefined,
): T[] {
  const entries = items.map((item) => ({ item, costs: costs(item), key: key(item), time: time(item) }))
  const margin = timeMargin(entries.map((entry) => entry.time))
  const slower = (entry: Entry<T>): boolean =>
    entries.some(
      (other) =>
        compareCosts(other.costs, entry.costs) === 0 && clearlyFaster(other.time, entry.time, margin),
    )
  const ordered = entries
    .map((entry) => ({ ...entry, last: slower(entry) ? 1 : 0 }))
    .sort((a, b) => compareCosts(a.costs, b.costs) || a.last - b.last || (a.key < b.key ? -1 : 1))
  const kept: Entry<T>[] = []
  for (const entry of ordered) if (!kept.some((other) => beats(other, entry, margin))) kept.push(entry)
  return kept.map((entry) => entry.item)
}

function compareCosts(a: Costs, b: Costs): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}
