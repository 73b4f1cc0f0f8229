/** Names of metrics in plain words with the technical term beside them, and how their values are written. */
import { taskWords, type Task } from '../../contract/dataset'
import type { Quality } from '../../contract/report'
import { metricWords } from '../../contract/metric-table'
import { formatInterval, formatMetric } from '../../contract/metrics'
import { isShare } from '../../contract/points'
import { percent, points, three, typeset } from './format'

export const metricName = (metric: string): { title: string; term: string; fraction: boolean } => ({
  ...metricWords(metric),
  fraction: isShare(metric),
})

export const metricValue = (metric: string, value: number): string => typeset(formatMetric(metric, value))

export const qualityValue = (quality: Quality): string => metricValue(quality.metric, quality.value)

/** Beside no title: "97.8%", and "12% character error rate" of what is better when lower, as it would read as good. */
export const qualitySaid = (quality: Quality): string =>
  quality.higherIsBetter
    ? qualityValue(quality)
    : `${qualityValue(quality)} ${metricWords(quality.metric).said}`

export const qualityInterval = (quality: Quality): string =>
  formatInterval(quality.metric, quality.interval).map(typeset).join('\u00a0–\u00a0')

/** Candidate against original: '−0.2 points', or the plain difference where the metric is no fraction. */
export function qualityChange(original: Quality, candidate: Quality): string {
  const difference = candidate.value - original.value
  if (metricName(original.metric).fraction) return points(difference)
  return `${difference > 0 ? '+' : ''}${three(difference)}`
}

/** What stands beside an answer of a sample, in words, and how it is written. */
export function scoreOf(task: Task): { what: string; text(score: number): string } {
  const { score, as } = taskWords(task)
  return { what: score, text: SCORES[as] }
}

/** A probability; near the ends it only says so. */
export function sureness(share: number): string {
  if (share > 0 && share < 0.001) return '<0.1%'
  return share > 0.999 && share <= 1 ? '>99.9%' : percent(share)
}

const SCORES = {
  sureness,
  share: percent,
  distance: (score: number) => `off by ${three(score)}`,
  number: three,
}
