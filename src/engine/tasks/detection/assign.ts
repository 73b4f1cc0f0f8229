/**
 * Which boxes learn which thing: those that agree with it best in score and place together (task alignment,
 * arXiv:2108.07755; one a thing where a model answers with each thing once, arXiv:2405.14458).
 */
import { generalizedOverlap, type Corners } from './generalized-overlap'
import type { Sloped } from './layout'

/** A thing in pixels of the input; `column` is that of its class. */
export interface Thing {
  corners: Corners
  column: number
}

/** Of a box that learns a thing. */
export interface Assigned {
  box: number
  thing: number
  /** What its score should be, and what its place counts. */
  target: number
}

const BY_SCORE = 0.5
const BY_OVERLAP = 6
/** Boxes that learn one thing where overlapping ones are taken out afterwards. */
export const SEVERAL = 10
/** What a box should score that is nearest to a thing which none overlaps. */
const LEAST = 0.1

interface Fit {
  box: number
  alignment: number
  overlap: number
  generalized: number
}

export const cornersAt = (corners: Float64Array, box: number): Corners =>
  corners.subarray(4 * box, 4 * box + 4) as unknown as Corners

/** Boxes without an area learn nothing. */
export function assign(
  { corners, scores }: Pick<Sloped, 'corners' | 'scores'>,
  things: readonly Thing[],
  most: number,
): Assigned[] {
  const boxes = corners.length / 4
  const columns = scores.length / boxes
  const fits = things.map(({ corners: its, column }) => {
    const found: Fit[] = []
    for (let box = 0; box < boxes; box++) {
      const own = cornersAt(corners, box)
      if (!(own[2] > own[0] && own[3] > own[1])) continue
      const { plain, generalized } = generalizedOverlap(own, its)
      const alignment = scores[columns * box + column]! ** BY_SCORE * plain ** BY_OVERLAP
      found.push({ box, alignment, overlap: plain, generalized })
    }
    return found.toSorted((a, b) => b.alignment - a.alignment || b.generalized - a.generalized)
  })
  const owner = new Map<number, { thing: number; fit: Fit }>()
  for (const [thing, found] of fits.entries())
    for (const fit of found.slice(0, most).filter(({ alignment }) => alignment > 0)) {
      const before = owner.get(fit.box)
      if (!before || fit.overlap > before.fit.overlap) owner.set(fit.box, { thing, fit })
    }
  for (const [thing, found] of fits.entries()) {
    if ([...owner.values()].some((one) => one.thing === thing)) continue
    const fit = found.find(({ box }) => !owner.has(box))
    if (fit) owner.set(fit.box, { thing, fit })
  }
  const strongest = things.map((_, thing) => {
    const own = [...owner.values()].filter((one) => one.thing === thing).map(({ fit }) => fit)
    return {
      alignment: Math.max(0, ...own.map(({ alignment }) => alignment)),
      overlap: Math.max(0, ...own.map(({ overlap }) => overlap)),
    }
  })
  return [...owner.values()].map(({ thing, fit }) => {
    const { alignment, overlap } = strongest[thing]!
    const share = alignment > 0 ? fit.alignment / alignment : 1
    return { box: fit.box, thing, target: Math.max(share * overlap, share === 1 ? LEAST : 0) }
  })
}
