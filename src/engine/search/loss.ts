/** Points lost by a candidate with its uncertainty, from the same samples for both. */
import { pointsLost } from '../../contract/points'
import type { SampleResults } from '../../contract/report'
import type { ModelQuality } from '../evaluate/quality'
import { pairedInterval } from '../math/statistics'

export interface Loss {
  points: number
  /** 95% interval. */
  low: number
  high: number
}

const isRight = (samples: SampleResults, at: number): number =>
  samples.answer[at] === samples.label[at] ? 1 : 0

/**
 * For accuracy the interval is that of the paired difference. Otherwise it is the candidate's own interval, which is wider than needed.
 */
export function lossOf(original: ModelQuality, candidate: ModelQuality): Loss {
  const points = pointsLost(original.quality, candidate.quality)
  if (candidate.quality.metric === 'accuracy') {
    const n = original.samples.index.length
    let lost = 0
    let won = 0
    for (let at = 0; at < n; at++) {
      const change = isRight(original.samples, at) - isRight(candidate.samples, at)
      if (change > 0) lost++
      else if (change < 0) won++
    }
    const [low, high] = pairedInterval(n, lost, won)
    return { points, low: 100 * low, high: 100 * high }
  }
  const [low, high] = candidate.quality.interval
  const ends = [low, high].map((value) => pointsLost(original.quality, { ...candidate.quality, value }))
  return { points, low: Math.min(...ends, points), high: Math.max(...ends, points) }
}
