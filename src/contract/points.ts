/** Quality lost, in the one unit people are asked for. */
import type { Quality } from './report'

/** Metrics that are shares of 1, whose points are hundredths. */
const SHARES = new Set([
  'accuracy',
  'top5',
  'f1',
  'map',
  'miou',
  'r2',
  'cosine',
  'agreement',
  'retrievalAgreement',
  'retrievalAccuracy',
])

/** True where values are shares of 1, and a point is a hundredth. */
export const isShare = (metric: string): boolean => SHARES.has(metric)

/**
 * Points lost by the candidate against the original; negative when it gained. For shares of 1 a point is a
 * hundredth (accuracy 0.97 → 0.96 is 1 point); for open-ended metrics (perplexity, errors) it is one percent of
 * the original's value.
 */
export function pointsLost(original: Quality, candidate: Quality): number {
  const worse = original.higherIsBetter ? original.value - candidate.value : candidate.value - original.value
  if (isShare(original.metric)) return worse * 100
  if (original.value === 0) return worse === 0 ? 0 : Math.sign(worse) * Infinity
  return (worse / Math.abs(original.value)) * 100
}
