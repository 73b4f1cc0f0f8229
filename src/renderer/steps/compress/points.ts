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
  /** Of a candidate on show: its colour and mark. */
  slot?: number
  onFront?: boolean
}

/** Which size the chart has: the one that is limited, else what people download. */
type SizeAxis = 'bytes' | 'downloadBytes'

export const axisOf = (goal: Goal | undefined): SizeAxis =>
  goal?.kind === 'search' && goal.maxBytes !== undefined ? 'bytes' : 'downloadBytes'

/** What stands against the quality: a size, or the time over the original's, which is what a limit of time is judged on. */
export type Axis = SizeAxis | 'time'

/** "98 kB to download", "120 kB as a file" where that is the axis. */
export const SIZE_WORDS: Record<SizeAxis, { title: string; after: string }> = {
  bytes: { title: 'file size', after: 'as a file' },
  downloadBytes: { title: 'download size', after: 'to download' },
}

/** Where on the axis the goal has its limit. */
export function limitOn(axis: Axis, goal: Goal | undefined): number | undefined {
  if (goal?.kind !== 'search') return undefined
  return axis === 'time' ? goal.maxLatency : axis === 'bytes' ? goal.maxBytes : undefined
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

const timeIn = ({ targetLatency, latencyRatio }: Report): Point['time'] =>
  timeOf(targetLatency, latencyRatio?.value)

/** Infinite where the time was not taken: such points have no place. */
const xOf = (report: Report, axis: Axis): number =>
  axis === 'time' ? (timeIn(report)?.ratio ?? Infinity) : report[axis]

export const pointOf = (candidate: Candidate, axis: Axis): Point => ({
  id: candidate.id,
  name: candidate.name,
  x: xOf(candidate.report, axis),
  y: candidate.report.quality.value * scaleOf(candidate.report.quality.metric),
  time: timeIn(candidate.report),
  candidate,
  onFront: candidate.onFront,
})

export const originalPoint = (report: Report, axis: Axis): Point => ({
  id: 'original',
  name: 'original',
  x: axis === 'time' ? 1 : report[axis],
  y: report.quality.value * scaleOf(report.quality.metric),
})

/** The original before a run has measured it: its file is no larger to download, and its time is its own. */
export const standIn = (fileBytes: number, { metric, value }: Quality, axis: Axis): Point => ({
  id: 'original',
  name: 'original',
  x: axis === 'time' ? 1 : fileBytes,
  y: value * scaleOf(metric),
})

/** What a search has tried and measured, as faint points under the candidates. */
export function trialPoints(
  trials: readonly TrialPoint[],
  original: Quality | undefined,
  axis: Axis,
): Point[] {
  if (!original) return []
  const { metric, value, higherIsBetter } = original
  const unit = isShare(metric) ? 1 : Math.abs(value)
  return trials
    .filter((trial) => trial.state !== 'failed' && trial.pointsLost !== undefined)
    .map((trial) => {
      const time = timeOf(trial.targetLatency, trial.latencyRatio)
      return {
        id: trial.key,
        name: trial.name,
        x: axis === 'time' ? (time?.ratio ?? Infinity) : trial[axis],
        y: (value + ((higherIsBetter ? -1 : 1) * unit * trial.pointsLost!) / 100) * scaleOf(metric),
        time,
        onFront: trial.onFront,
      }
    })
    .filter(({ x }) => x < Infinity)
}

/** Not beaten on the axis and in quality, from small to large: what a line joins. Equals stay side by side. */
export function frontOf(candidates: readonly Candidate[], axis: Axis): Point[] {
  const costs = ({ report }: Candidate): Costs => [
    xOf(report, axis),
    report.quality.value * (report.quality.higherIsBetter ? -1 : 1),
  ]
  return candidates
    .filter((one) => one.onFront && !candidates.some((other) => dominates(costs(other), costs(one))))
    .map((candidate) => pointOf(candidate, axis))
    .sort((a, b) => a.x - b.x)
}

/** What a search that still works has reached: tried points that no other beats in size and quality, from small to large. */
export function reachedBy(tried: readonly Point[], higherIsBetter: boolean): Point[] {
  const better = (a: Point, b: Point): boolean => (higherIsBetter ? a.y > b.y : a.y < b.y)
  return [...tried]
    .sort((a, b) => a.x - b.x || (better(a, b) ? -1 : 1))
    .reduce<Point[]>(
      (front, next) => (front.length && !better(next, front.at(-1)!) ? front : [...front, next]),
      [],
    )
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
