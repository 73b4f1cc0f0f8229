/** Quality lost, in the one unit people are asked for. */
import { formatFigure } from './format'
import { metricWords } from './metric-table'
import type { Quality } from './report'

/** True where values are shares of 1, and a point is a hundredth. */
export const isShare = (metric: string): boolean =>
  ['share', 'coefficient'].includes(metricWords(metric).unit)

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

/** "1 point", "0.62 points"; of an open-ended metric "0.62%", which is no point of anything. */
export const amountText = (metric: string, amount: number): string =>
  isShare(metric)
    ? `${formatFigure(amount)} ${Math.abs(amount) === 1 ? 'point' : 'points'}`
    : `${formatFigure(amount)}%`

/** "losing 0.3 points", "gaining 1 point", "perplexity 2.1% higher", "losing 0.2 points of likeness"; below what two decimals show, nothing. */
export function lossText(
  { metric, higherIsBetter }: Pick<Quality, 'metric' | 'higherIsBetter'>,
  lost: number,
): string {
  const isLikeness = metric === 'cosine' || metric === 'likeness'
  if (Math.abs(lost) < 0.005) return isLikeness ? 'losing no likeness' : 'losing nothing'
  const amount = amountText(metric, Math.abs(lost))
  if (isShare(metric))
    return `${lost > 0 ? 'losing' : 'gaining'} ${amount}${isLikeness ? ' of likeness' : ''}`
  return `${metricWords(metric).said} ${amount} ${lost > 0 === higherIsBetter ? 'lower' : 'higher'}`
}
