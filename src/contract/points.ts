/** Quality lost, in the one unit people are asked for. */
import { formatFigure, formatPoints } from './format'
import { metricWords } from './metric-table'
import type { Quality } from './report'

/** True where values are shares of 1, and a point is a hundredth. */
export const isShare = (metric: string): boolean =>
  ['share', 'coefficient'].includes(metricWords(metric).unit)

/** Of the outputs that no label judges; undefined where there are none. */
export const leastAlike = ({
  beside = [],
}: Pick<Quality, 'beside'>): { output: string; likeness: number } | undefined =>
  beside.toSorted((a, b) => a.likeness - b.likeness)[0]

/** Points of likeness it lost. */
export function lostBeside(quality: Pick<Quality, 'beside'>): { output: string; points: number } | undefined {
  const worst = leastAlike(quality)
  return worst && { output: worst.output, points: likenessLost(worst.likeness) }
}

export const likenessLost = (likeness: number): number => 100 * (1 - likeness)

/**
 * Points lost by the candidate against the original, in the output that lost most: what the task judges, or another
 * one's likeness. Negative when it gained.
 */
export function pointsLost(original: Quality, candidate: Quality): number {
  const lost = taskLost(original, candidate)
  const beside = lostBeside(candidate)
  // What is shown as nothing does not hide a gain.
  return beside && beside.points >= SHOWN ? Math.max(lost, beside.points) : lost
}

/** Two decimals show no less. */
export const SHOWN = 0.005

/**
 * Of what the task judges. For shares of 1 a point is a hundredth (accuracy 0.97 → 0.96 is 1 point); for open-ended
 * metrics (perplexity, errors) it is one percent of the original's value.
 */
export function taskLost(original: Quality, candidate: Quality): number {
  const worse = original.higherIsBetter ? original.value - candidate.value : candidate.value - original.value
  if (isShare(original.metric)) return worse * 100
  if (original.value === 0) return worse === 0 ? 0 : Math.sign(worse) * Infinity
  return (worse / Math.abs(original.value)) * 100
}

/** "1 point", "0.62 points"; of an open-ended metric "0.62%", which is no point of anything. */
export const amountText = (metric: string, amount: number): string =>
  isShare(metric) ? formatPoints(amount) : `${formatFigure(amount)}%`

/** "losing 0.3 points", "gaining 1 point", "perplexity 2.1% higher", "losing 0.2 points of likeness"; below what two decimals show, nothing. */
export function lossText(
  quality: Pick<Quality, 'metric' | 'higherIsBetter' | 'beside'>,
  lost: number,
): string {
  const { metric, higherIsBetter } = quality
  const beside = lostBeside(quality)
  if (beside && lost >= SHOWN && beside.points === lost) return `losing ${besideText(beside)}`
  const isLikeness = metric === 'cosine' || metric === 'likeness'
  if (Math.abs(lost) < SHOWN) return isLikeness ? 'losing no likeness' : 'losing nothing'
  const amount = amountText(metric, Math.abs(lost))
  if (isShare(metric))
    return `${lost > 0 ? 'losing' : 'gaining'} ${amount}${isLikeness ? ' of likeness' : ''}`
  return `${metricWords(metric).said} ${amount} ${lost > 0 === higherIsBetter ? 'lower' : 'higher'}`
}

/** "1.2 points of likeness in output “boxes”". */
export const besideText = ({ output, points }: { output: string; points: number }): string =>
  `${amountText('likeness', points)} of likeness in output “${output}”`
