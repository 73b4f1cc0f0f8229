/** What another way to read data promises, in words. */
import { formatMetric } from './metrics'
import type { PreprocessingTrial } from './project'
import type { Quality } from './report'

type Scored = Pick<PreprocessingTrial, 'score' | 'by'>

/** "94.1%", and to three decimals what a model tells itself. */
export const trialScore = ({ score, by }: Scored, { metric }: Pick<Quality, 'metric'>): string =>
  by ? figure(by.measure, score) : formatMetric(metric, score)

const figure = (measure: NonNullable<Scored['by']>['measure'], score: number): string =>
  (measure === 'statistics' ? -score : score).toFixed(3)

/** "the original then scores 94.1% instead of 57%", to follow how it is read. */
export function promiseText(trial: Scored, baseline: Quality): string {
  const { by } = trial
  const now = trialScore(trial, baseline)
  if (!by)
    return `the original then scores ${now} instead of ${formatMetric(baseline.metric, baseline.value)}`
  const plain = figure(by.measure, by.plain)
  return by.measure === 'separation'
    ? `no label proves it, but the first class of the original's answers then stands ${now} instead of ${plain} deviations above the second`
    : `no label proves it, but what reaches the original's first normalization layer is then ${now} instead of ${plain} nats per channel off what it learned`
}
