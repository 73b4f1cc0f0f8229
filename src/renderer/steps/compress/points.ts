/** The trade-off chart as data: points, the front, and where the limit lies. */
import { dominates, type Costs } from '../../../contract/front'
import type { Goal } from '../../../contract/goal'
import type { Candidate } from '../../../contract/project'
import { isShare } from '../../../contract/points'
import type { LatencyEstimate, Quality, Report } from '../../../contract/report'
import type { TrialPoint } from '../../../contract/trial'
import { fasterText } from '../../../contract/verdict'
import { metricName } from '../../lib/metrics'

export interface Point {
  id: string
  name: string
  x: number
  y: number
  /** Over the original's; with a target it is an estimate for it, else measured on this machine. */
  time?: { ratio: number; target?: string }
  candidate?: Candidate
  onFront?: boolean
}

function timeOf(estimate: LatencyEstimate | undefined, measured: number | undefined): Point['time'] {
  if (estimate) return { ratio: estimate.ratio, target: estimate.target }
  return measured === undefined ? undefined : { ratio: measured }
}

/** "1.61× faster, measured here", never without saying which of the two it is. */
export const timeText = ({ time }: Point): string =>
  time ? `${fasterText(time.ratio)}${time.target ? ` on ${time.target}, estimated` : ', measured here'}` : ''

/** Per cent where the metric is a fraction of 1, else the metric's own unit. */
const scaleOf = (metric: string): number => (metricName(metric).fraction ? 100 : 1)

export const pointOf = (candidate: Candidate): Point => ({
  id: candidate.id,
  name: candidate.name,
  x: candidate.report.downloadBytes,
  y: candidate.report.quality.value * scaleOf(candidate.report.quality.metric),
  time: timeOf(candidate.report.targetLatency, candidate.report.latencyRatio?.value),
  candidate,
  onFront: candidate.onFront,
})

export const originalPoint = (report: Report): Point => ({
  id: 'original',
  name: 'original',
  x: report.downloadBytes,
  y: report.quality.value * scaleOf(report.quality.metric),
})

/** What a search has tried and measured, as faint points under the candidates. */
export function trialPoints(trials: readonly TrialPoint[], original: Quality | undefined): Point[] {
  if (!original) return []
  const { metric, value, higherIsBetter } = original
  const unit = isShare(metric) ? 1 : Math.abs(value)
  return trials
    .filter((trial) => trial.state !== 'failed' && trial.pointsLost !== undefined)
    .map(({ key, name, downloadBytes, pointsLost, latencyRatio, targetLatency, onFront }) => ({
      id: key,
      name,
      x: downloadBytes,
      y: (value + ((higherIsBetter ? -1 : 1) * unit * pointsLost!) / 100) * scaleOf(metric),
      time: timeOf(targetLatency, latencyRatio),
      onFront,
    }))
}

/** Not beaten in size and quality, from small to large: what a line joins. Equals stay side by side. */
export function frontOf(candidates: readonly Candidate[]): Point[] {
  const costs = ({ report }: Candidate): Costs => [
    report.downloadBytes,
    report.quality.value * (report.quality.higherIsBetter ? -1 : 1),
  ]
  return candidates
    .filter((one) => one.onFront && !candidates.some((other) => dominates(costs(other), costs(one))))
    .map(pointOf)
    .sort((a, b) => a.x - b.x)
}

/** The quality a candidate must keep, in the chart's unit; undefined without a limit. */
export function qualityLimit(goal: Goal | undefined, original: Quality | undefined): number | undefined {
  if (goal?.kind !== 'search' || !original) return undefined
  const { metric, value, higherIsBetter } = original
  // A point is a hundredth of a share, else one percent of the original's value.
  const drop = (isShare(metric) ? 1 : Math.abs(value)) * (goal.maxDrop / 100)
  return (value + (higherIsBetter ? -drop : drop)) * scaleOf(metric)
}

/** Where the quality axis begins and ends: room around the points, and a share stays within 0 and 100%. */
export function qualityRange(
  values: readonly number[],
  fraction: boolean,
): { min: number; max: number } | undefined {
  if (!values.length) return undefined
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const room = Math.max((high - low) * 0.15, fraction ? 0.5 : Math.abs(high) * 0.02)
  const unit = 10 ** Math.floor(Math.log10(Math.max(high - low + room, 1e-9)))
  const min = Math.floor((low - room) / unit) * unit
  const max = Math.ceil((high + room) / unit) * unit
  return fraction ? { min: Math.max(0, min), max: Math.min(100, max) } : { min, max }
}
