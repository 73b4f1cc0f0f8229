/** Grouped convolutions need as many channels in each group: units are joined until each takes equally of all. */
import type { UnionFind } from '../../math/union-find'

/**
 * Joins the sets that stand on `elements` (one axis, in order) until each set has equally many elements in
 * each of `parts` equal stretches. The set of `isFrozen` elements is completed first.
 */
export function balanceUnits(
  sets: UnionFind,
  elements: readonly number[],
  parts: number,
  isFrozen: (element: number) => boolean,
  freeze: (element: number) => void,
): void {
  const perPart = elements.length / parts
  const partOf = (index: number): number => Math.floor(index / perPart)
  const indicesOf = new Map<number, number[]>()
  elements.forEach((element, index) => {
    const root = sets.find(element)
    const list = indicesOf.get(root)
    if (list) list.push(index)
    else indicesOf.set(root, [index])
  })
  const countsOf = (indices: readonly number[]): Int32Array => {
    const counts = new Int32Array(parts)
    for (const index of indices) counts[partOf(index)]!++
    return counts
  }
  const open = new Map<number, { indices: number[]; counts: Int32Array }>()
  const frozen: number[] = []
  for (const [root, indices] of indicesOf) {
    if (isFrozen(root)) frozen.push(...indices)
    else {
      const counts = countsOf(indices)
      if (counts.some((count) => count !== counts[0])) open.set(root, { indices, counts })
    }
  }
  const complete = (seed: number[], take: (root: number) => void): void => {
    const counts = countsOf(seed)
    for (;;) {
      const top = Math.max(...counts)
      if (counts.every((count) => count === top)) return
      const partner = findPartner(seed, counts, top)
      if (partner === undefined) return
      const { indices, counts: own } = open.get(partner)!
      open.delete(partner)
      own.forEach((count, part) => (counts[part]! += count))
      seed.push(...indices)
      take(partner)
    }
  }
  /** The set at the same place of a lacking part where it fits, else any that fits, else any that helps. */
  const findPartner = (seed: readonly number[], counts: Int32Array, top: number): number | undefined => {
    const fits = (own: Int32Array): boolean => own.every((count, part) => counts[part]! + count <= top)
    for (let part = 0; part < parts; part++) {
      if (counts[part] === top) continue
      for (const index of seed) {
        const root = sets.find(elements[part * perPart + (index % perPart)]!)
        const found = open.get(root)
        if (found && fits(found.counts)) return root
      }
    }
    let helps: number | undefined
    for (const [root, { counts: own }] of open) {
      if (fits(own)) return root
      if (helps === undefined && own.some((count, part) => count > 0 && counts[part]! < top)) helps = root
    }
    return helps
  }
  if (frozen.length > 0) complete([...frozen], (root) => freeze(root))
  for (;;) {
    const first = open.entries().next()
    if (first.done) return
    const [root, { indices }] = first.value
    open.delete(root)
    complete([...indices], (partner) => sets.union(root, partner))
  }
}
