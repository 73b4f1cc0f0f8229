/** Names of metrics in plain words with the technical term beside them, and how their values are written. */
import type { Task } from '../../contract/dataset'
import type { Quality } from '../../contract/report'
import { formatMetric } from '../../contract/metrics'
import { percent, points, three, typeset } from './format'

interface MetricName {
  title: string
  term: string
  fraction: boolean
}

const NAMES: Record<string, MetricName> = {
  accuracy: { title: 'Right answers', term: 'accuracy', fraction: true },
  top5: { title: 'Right among the first five', term: 'top-5 accuracy', fraction: true },
  f1: { title: 'Balanced over classes', term: 'macro F1', fraction: true },
  precision: { title: 'Found ones that are right', term: 'precision', fraction: true },
  recall: { title: 'Right ones that are found', term: 'recall', fraction: true },
  map: { title: 'Ranked right', term: 'mean average precision', fraction: true },
  r2: { title: 'Explained variance', term: 'R²', fraction: true },
  mae: { title: 'Mean error', term: 'MAE', fraction: false },
  rmse: { title: 'Root mean squared error', term: 'RMSE', fraction: false },
  perplexity: { title: 'Perplexity', term: 'lower is better', fraction: false },
  likeness: { title: 'Like the original', term: 'R² to its answers', fraction: true },
  cosine: { title: 'Like the original', term: 'cosine similarity', fraction: true },
  agreement: { title: 'Same answer as the original', term: 'agreement', fraction: true },
  retrievalAgreement: { title: 'Same nearest neighbour', term: 'as with the original', fraction: true },
  retrievalAccuracy: { title: 'Neighbour of the same class', term: 'retrieval accuracy', fraction: true },
  sqnr: { title: 'Signal over noise', term: 'SQNR', fraction: false },
  maxAbsoluteError: { title: 'Largest difference', term: 'max absolute error', fraction: false },
  miou: { title: 'Overlap', term: 'mean IoU', fraction: true },
  loss: { title: 'Loss', term: 'cross entropy', fraction: false },
}

export const metricName = (metric: string): MetricName =>
  NAMES[metric] ?? { title: metric, term: metric, fraction: false }

export const metricValue = (metric: string, value: number): string => typeset(formatMetric(metric, value))

export const qualityValue = (quality: Quality): string => metricValue(quality.metric, quality.value)

export const qualityInterval = (quality: Quality): string =>
  quality.interval.map((bound) => metricValue(quality.metric, bound)).join(' – ')

/** Candidate against original: '−0.2 points', or the plain difference where the metric is no fraction. */
export function qualityChange(original: Quality, candidate: Quality): string {
  const difference = candidate.value - original.value
  if (metricName(original.metric).fraction) return points(difference)
  return `${difference > 0 ? '+' : ''}${three(difference)}`
}

/** What stands beside an answer of a sample, in words, and how it is written. */
export function scoreOf(task: Task): { what: string; text(score: number): string } {
  if (task === 'classification' || task === 'multi-label')
    return { what: 'how sure the model is', text: sureness }
  if (task === 'language-model') return { what: 'how likely it finds each true token', text: sureness }
  if (task === 'regression') return { what: 'how far off it is', text: (score) => `off by ${three(score)}` }
  if (task === 'segmentation') return { what: 'the overlap with the truth', text: percent }
  return { what: 'how like the original’s output it is', text: percent }
}

/** A probability; near the ends it only says so. */
export function sureness(share: number): string {
  if (share > 0 && share < 0.001) return '<0.1%'
  return share > 0.999 && share <= 1 ? '>99.9%' : percent(share)
}
