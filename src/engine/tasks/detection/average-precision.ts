/**
 * Average precision as COCO's own evaluation has it (pycocotools, cocoeval.py; all areas), of boxes by how they overlap and
 * of keypoints by how near they are: what was found is matched best first, precision is read at 101 recalls, the mean goes
 * over classes that occur.
 */
import { seeded } from '../../math/random'
import { bootstrap } from '../../math/statistics'
import { byScore, overlap, type Found } from './found'
import type { Box } from './label-rows'

/** `ignored`: 1 and 2 may be found any number of times, 3 once, and none of it counts. */
export interface There {
  class: number
  ignored: 0 | 1 | 2 | 3
}

export interface Scored {
  class: number
  score: number
}

/** What is matched with what. */
export interface Matching<F extends Scored, T extends There> {
  /** 0 … 1. */
  likeness(found: F, there: T): number
  /** Of one class in a picture. */
  most: number
}

/** 100 boxes of a class a picture. */
export const BOXES: Matching<Found, Box> = {
  likeness: (box, other) => overlap(box, other, other.ignored === 1),
  most: 100,
}

/** 0.50, 0.55 … 0.95: as NumPy's linspace computes them. */
const OVERLAPS = Array.from({ length: 10 }, (_, i) => (i === 9 ? 0.95 : 0.5 + i * ((0.95 - 0.5) / 9)))
const RECALLS = Array.from({ length: 101 }, (_, i) => i * 0.01)

const RIGHT = 1
const IGNORED = 2

export interface Judged {
  score: number
  class: number
  /** What became of it, for each overlap that is asked for: 0 wrong, 1 right, 2 neither. */
  matches: Uint8Array
}

/** Everything found in one picture that counts, best first within its class. */
export function judge<F extends Scored, T extends There>(
  found: readonly F[],
  truth: readonly T[],
  { likeness, most }: Matching<F, T>,
): Judged[] {
  const judged: Judged[] = []
  for (const klass of new Set(found.map((box) => box.class))) {
    const own = byScore(found.filter((box) => box.class === klass)).slice(0, most)
    // Those that count go first, so that they are preferred.
    const there = truth
      .filter((box) => box.class === klass)
      .sort((a, b) => Math.min(a.ignored, 1) - Math.min(b.ignored, 1))
    const overlaps = own.map((one) => there.map((other) => likeness(one, other)))
    const all = own.map((box) => ({
      score: box.score,
      class: klass,
      matches: new Uint8Array(OVERLAPS.length),
    }))
    for (const [t, least] of OVERLAPS.entries()) {
      const taken = new Set<number>()
      for (const [d, row] of overlaps.entries()) {
        const g = bestOf(row, there, taken, least)
        if (g < 0) continue
        taken.add(g)
        all[d]!.matches[t] = there[g]!.ignored ? IGNORED : RIGHT
      }
    }
    judged.push(...all)
  }
  return judged
}

/** Position of what is there that is most alike and still free; −1 where nothing is enough. */
function bestOf(
  row: readonly number[],
  there: readonly There[],
  taken: ReadonlySet<number>,
  least: number,
): number {
  let best = -1
  let most = Math.min(least, 1 - 1e-10)
  for (const [g, shared] of row.entries()) {
    const { ignored } = there[g]!
    if (taken.has(g) && (!ignored || ignored === 3)) continue
    if (best >= 0 && !there[best]!.ignored && ignored) break
    if (shared < most) continue
    most = shared
    best = g
  }
  return best
}

/** All boxes of one class in all pictures, best first. */
interface ClassBoxes {
  picture: Uint32Array
  /** [overlaps, boxes]. */
  matches: Uint8Array[]
  /** Boxes of the labels that count, a picture. */
  positives: Float64Array
}

export class PrecisionMeter<F extends Scored, T extends There> {
  private readonly judged: Judged[][] = []
  private readonly positives = new Map<number, Map<number, number>>()

  constructor(private readonly matching: Matching<F, T>) {}

  /** Returns what became of what was found in the picture. */
  add(found: readonly F[], truth: readonly T[]): Judged[] {
    const picture = this.judged.length
    const judged = judge(found, truth, this.matching)
    this.judged.push(judged)
    for (const box of truth) {
      if (box.ignored) continue
      const own = this.positives.get(box.class) ?? new Map<number, number>()
      own.set(picture, (own.get(picture) ?? 0) + 1)
      this.positives.set(box.class, own)
    }
    return judged
  }

  /** Means over classes, for each overlap. A picture counts as often as its weight says. */
  precisions(): (weights?: Float64Array) => number[] {
    const classes = [...this.positives.keys()].sort((a, b) => a - b).map((klass) => this.boxesOf(klass))
    return (weights) => {
      const sums = OVERLAPS.map(() => 0)
      let counted = 0
      for (const own of classes) {
        const positives = own.positives.reduce((sum, count, p) => sum + count * (weights?.[p] ?? 1), 0)
        if (positives === 0) continue
        counted++
        for (const t of OVERLAPS.keys()) sums[t]! += averagePrecision(own, t, positives, weights)
      }
      return sums.map((sum) => (counted ? sum / counted : 0))
    }
  }

  /** The mean over overlaps with its 95% interval (bootstrap over pictures), and the value at each overlap. */
  summary(): {
    value: number
    interval: [number, number]
    each: number[]
    mean: (weights?: Float64Array) => number
  } {
    const precisions = this.precisions()
    const mean = (weights?: Float64Array): number =>
      precisions(weights).reduce((sum, one) => sum + one, 0) / OVERLAPS.length
    const n = this.judged.length
    return {
      value: mean(),
      interval: n ? bootstrap(n, mean, seeded(17)) : [0, 1],
      each: precisions(),
      mean,
    }
  }

  private boxesOf(klass: number): ClassBoxes {
    const all = this.judged.flatMap((boxes, picture) =>
      boxes.filter((box) => box.class === klass).map((box) => ({ picture, ...box })),
    )
    all.sort((a, b) => b.score - a.score)
    const positives = new Float64Array(this.judged.length)
    for (const [picture, count] of this.positives.get(klass)!) positives[picture] = count
    return {
      picture: Uint32Array.from(all, ({ picture }) => picture),
      matches: OVERLAPS.map((_, t) => Uint8Array.from(all, ({ matches }) => matches[t]!)),
      positives,
    }
  }
}

function averagePrecision(
  { picture, matches }: ClassBoxes,
  t: number,
  positives: number,
  weights: Float64Array | undefined,
): number {
  const own = matches[t]!
  const [recall, precision] = [new Float64Array(own.length), new Float64Array(own.length)]
  let right = 0
  let wrong = 0
  let length = 0
  for (let i = 0; i < own.length; i++) {
    const weight = weights ? weights[picture[i]!]! : 1
    if (own[i] === IGNORED || weight === 0) continue
    if (own[i] === RIGHT) right += weight
    else wrong += weight
    recall[length] = right / positives
    precision[length++] = right / (right + wrong + Number.EPSILON)
  }
  let sum = 0
  let envelope = 0
  let at = RECALLS.length - 1
  while (at >= 0 && (length === 0 || RECALLS[at]! > recall[length - 1]!)) at--
  for (let i = length - 1; i >= 0; i--) {
    envelope = Math.max(envelope, precision[i]!)
    // Recalls that are first reached here.
    for (; at >= 0 && (i === 0 || recall[i - 1]! < RECALLS[at]!); at--) sum += envelope
  }
  return sum / RECALLS.length
}
