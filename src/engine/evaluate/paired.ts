/**
 * A candidate against the original on the same samples. What both find hard or easy cancels out, so that the
 * interval is that of the difference alone.
 */
import { pointsLost, SHOWN, taskLost } from '../../contract/points'
import { seeded } from '../math/random'
import { bootstrap, pairedInterval, type Interval } from '../math/statistics'
import { besideLoss } from './beside'
import type { ModelQuality } from './quality'

export type Paired = Pick<ModelQuality, 'quality' | 'samples' | 'reweighted' | 'blocks' | 'beside'>

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
    resamplesOf(n),
    candidate.blocks,
  )
}

const resamplesOf = (n: number): number => (n < RESAMPLES.from ? RESAMPLES.usual : RESAMPLES.many)

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

/**
 * Points lost with their 95% interval, in the output that lost most: of several, the interval reaches from the largest of
 * the lower ends to the largest of the upper ones.
 */
export function lossOf(original: Paired, candidate: Paired): Loss {
  const points = (before: number, after: number): number =>
    taskLost({ ...original.quality, value: before }, { ...candidate.quality, value: after })
  const ends = interval(original, candidate, points)
  const beside = (candidate.beside ?? [])
    .map((one) => besideLoss(one, resamplesOf(one.samples), candidate.blocks))
    .filter(({ points: lost }) => lost >= SHOWN)
  return {
    points: pointsLost(original.quality, candidate.quality),
    low: Math.max(Math.min(...ends), ...beside.map(({ low }) => low)),
    high: Math.max(...ends, ...beside.map(({ high }) => high)),
  }
}
