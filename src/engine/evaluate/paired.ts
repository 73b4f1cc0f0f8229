/**
 * A candidate against the original on the same samples. What both find hard or easy cancels out, so that the
 * interval is that of the difference alone.
 */
import { pointsLost } from '../../contract/points'
import { seeded } from '../math/random'
import { bootstrap, pairedInterval, type Interval } from '../math/statistics'
import type { ModelQuality } from './quality'

export type Paired = Pick<ModelQuality, 'quality' | 'samples' | 'reweighted' | 'blocks'>

export interface Loss {
  /** See `pointsLost`. */
  points: number
  /** 95% interval. */
  low: number
  high: number
}

/** Each resample walks all samples of both models: with many of them fewer resamples do. */
const RESAMPLES = { usual: 200, many: 60, from: 20_000 }

/**
 * 95% interval of a difference between candidate and original. Accuracy of independent samples: of two proportions on the
 * same samples. Otherwise percentile bootstrap over samples, or over whole clips, both models under the same weights.
 */
function interval(
  original: Paired,
  candidate: Paired,
  difference: (before: number, after: number) => number,
): Interval {
  const n = candidate.samples.index.length
  if (candidate.quality.metric === 'accuracy' && !candidate.blocks) {
    const [low, high] = pairedInterval(n, ...wonAndLost(original, candidate))
    return [difference(0, low), difference(0, high)]
  }
  if (n === 0) return [0, 0]
  return bootstrap(
    n,
    (weights) => difference(original.reweighted(weights), candidate.reweighted(weights)),
    seeded(17),
    n < RESAMPLES.from ? RESAMPLES.usual : RESAMPLES.many,
    candidate.blocks,
  )
}

/** Samples that the candidate alone has right, and the original alone. */
function wonAndLost(original: Paired, candidate: Paired): [won: number, lost: number] {
  const isRight = ({ samples }: Paired, i: number): boolean => samples.answer[i] === samples.label[i]
  let won = 0
  let lost = 0
  for (let i = 0; i < candidate.samples.index.length; i++) {
    const [before, after] = [isRight(original, i), isRight(candidate, i)]
    if (after && !before) won++
    if (before && !after) lost++
  }
  return [won, lost]
}

/** Quality minus the original's, in the metric's own unit, with the 95% interval of that difference. */
export const qualityChange = (
  original: Paired,
  candidate: Paired,
): { value: number; interval: Interval } => ({
  value: candidate.quality.value - original.quality.value,
  interval: interval(original, candidate, (before, after) => after - before),
})

/** Points lost with their 95% interval. */
export function lossOf(original: Paired, candidate: Paired): Loss {
  const points = (before: number, after: number): number =>
    pointsLost({ ...original.quality, value: before }, { ...candidate.quality, value: after })
  const ends = interval(original, candidate, points)
  return {
    points: pointsLost(original.quality, candidate.quality),
    low: Math.min(...ends),
    high: Math.max(...ends),
  }
}
