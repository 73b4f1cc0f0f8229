/** Which units go: by ratio, in each group or over the whole model, leaving at least one everywhere. */
import type { Group } from './group'

export interface Selection {
  scope: 'layer' | 'global'
  /** Share of units that go, 0 … 1. */
  ratio: number
  /** Channels left in a group become a multiple of this where the group is large enough. */
  multipleOf: number
  /** Share of a group that stays at least. */
  keepAtLeast: number
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** Units that stay when `wanted` would: rounded up to the multiple, at least one, at most all. */
function roundedUp(group: Group, wanted: number, { multipleOf, keepAtLeast }: Selection): number {
  const total = group.units.length
  const step = multipleOf / gcd(multipleOf, group.width)
  const least = Math.max(1, Math.ceil(total * keepAtLeast), wanted)
  return Math.min(total, Math.ceil(least / step) * step)
}

/** Identities of the units to remove. Equal scores are decided by order, so results are repeatable. */
export function selectUnits(
  groups: readonly Group[],
  scores: ReadonlyMap<number, number>,
  how: Selection,
): Set<number> {
  const removed = new Set<number>()
  const wanted = how.scope === 'layer' ? perLayer(groups, how) : overall(groups, scores, how)
  for (const group of groups) {
    const stays = roundedUp(group, wanted.get(group.id)!, how)
    const order = [...group.units].sort((a, b) => scores.get(a.id)! - scores.get(b.id)! || a.id - b.id)
    for (const unit of order.slice(0, group.units.length - stays)) removed.add(unit.id)
  }
  return removed
}

const perLayer = (groups: readonly Group[], { ratio }: Selection): Map<number, number> =>
  new Map(groups.map(({ id, units }) => [id, units.length - Math.round(units.length * ratio)]))

/** The lowest scores of all groups go until the share of channels is reached. */
function overall(
  groups: readonly Group[],
  scores: ReadonlyMap<number, number>,
  how: Selection,
): Map<number, number> {
  const stays = new Map(groups.map(({ id, units }) => [id, units.length]))
  const width = new Map(groups.map((group) => [group.id, group.width]))
  const least = new Map(groups.map((group) => [group.id, roundedUp(group, 0, { ...how, multipleOf: 1 })]))
  const all = groups.flatMap(({ units }) => units)
  let left = how.ratio * all.reduce((sum, unit) => sum + width.get(unit.group)!, 0)
  for (const { group } of [...all].sort((a, b) => scores.get(a.id)! - scores.get(b.id)! || a.id - b.id)) {
    if (left < width.get(group)! / 2) break
    if (stays.get(group)! <= least.get(group)!) continue
    stays.set(group, stays.get(group)! - 1)
    left -= width.get(group)!
  }
  return stays
}
