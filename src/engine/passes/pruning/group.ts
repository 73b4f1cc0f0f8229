/** Units, the smallest sets of channels that can go, and groups of units that are alike. */
import type { AxisPlace } from './axes'
import type { Collected } from './collect'
import type { Elements } from './elements'
import type { Place } from './places'

export interface Unit {
  id: number
  group: number
  /** Number of the joined set, the lowest of its elements. */
  set: number
  /** Indices on each joined axis, by the axis's number. */
  axes: Map<number, number[]>
}

export interface Group {
  id: number
  units: Unit[]
  /** Where its channels stand, by joined axis. */
  places: Map<number, readonly AxisPlace[]>
  /** Weight whose rows make most of its channels; names the group to a person. */
  name: string
  /** Indices a unit takes on the axis that names it: 1 for plain channels, the head size for heads. */
  width: number
  /** True for attention heads and other axes a matrix product is repeated over. */
  batched: boolean
}

/** Sets that are not fixed, that some weight holds and that only sums read. */
export function groupUnits(elements: Elements, collected: Collected, makes: readonly Place[]): Group[] {
  const members = collected.axes.members()
  const sets = new Map<number, Map<number, number[]>>()
  for (const axis of elements.axes())
    elements.setsOn(axis).forEach((set, index) => {
      if (elements.isFixed(set)) return
      let axes = sets.get(set)
      if (!axes) sets.set(set, (axes = new Map()))
      const indices = axes.get(axis)
      if (indices) indices.push(index)
      else axes.set(axis, [index])
    })
  const producing = new Map<number, Place>()
  for (const place of makes) {
    const root = collected.axes.find(place.value, place.axis)
    if (root !== undefined && !producing.has(root)) producing.set(root, place)
  }
  const summed = new Set(collected.sinks.flatMap(({ value, axis }) => collected.axes.find(value, axis) ?? []))
  const groups = new Map<string, Group>()
  let units = 0
  for (const [set, axes] of [...sets].sort((a, b) => a[0] - b[0])) {
    const made = [...axes.keys()].filter((axis) => producing.has(axis))
    if (made.length === 0 || ![...axes.keys()].some((axis) => summed.has(axis))) continue
    const signature = [...axes.keys()].sort((a, b) => a - b).join(',')
    let group = groups.get(signature)
    if (!group) {
      const places = new Map([...axes.keys()].map((axis) => [axis, members.get(axis) ?? []]))
      const named = made.reduce(
        (best, axis) => (axes.get(axis)!.length > axes.get(best)!.length ? axis : best),
        made[0]!,
      )
      group = {
        id: groups.size,
        units: [],
        places,
        name: producing.get(named)!.value,
        width: axes.get(named)!.length / (producing.get(named)!.each ?? 1),
        batched: [...axes.keys()].some((axis) => collected.axes.isBatch(axis)),
      }
      groups.set(signature, group)
    }
    group.units.push({ id: units++, group: group.id, set, axes })
  }
  // One unit of each must stay.
  return [...groups.values()].filter((group) => group.units.length > 1)
}
