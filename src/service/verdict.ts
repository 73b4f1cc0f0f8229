/** A candidate in one sentence, and which candidates nobody beats. Pure. */
import type { Goal } from '../contract/goal'
import { beats, clearlyFaster, front, timeMargin, type Figures, type Timed } from '../contract/front'
import { basisOfLimits, costsOf, misses, type Miss } from '../contract/limits'
import { pointsLost } from '../contract/points'
import type { Report } from '../contract/report'
import { changeText } from '../contract/verdict'

/** What of the goal a candidate misses; empty when it is inside. */
export const missed = (goal: Goal, original: Report, candidate: Report): Miss[] =>
  goal.kind === 'search' ? misses(goal, costsOf(candidate, original)) : []

/** "11.8× smaller download, 2.4× faster, −0.2 points: inside your limit" */
export function verdict(goal: Goal, original: Report, candidate: Report): string {
  const facts = changeText(original, candidate)
  if (goal.kind !== 'search') return facts
  const costs = costsOf(candidate, original)
  const names = misses(goal, costs).map(({ limit }) =>
    limit === 'latency' && costs.time?.target ? `latency on ${costs.time.target}` : limit,
  )
  return `${facts}: ${names.length === 0 ? `inside your limit${basisOfLimits(goal, candidate.quality, costs)}` : `over your limit for ${names.join(' and ')}`}`
}

export interface Placed {
  id: string
  original: Report
  report: Report
}

const timeOf = ({ targetLatency, latencyRatio }: Report): Timed | undefined =>
  targetLatency ? { value: targetLatency.ratio } : latencyRatio

/** An estimate for a phone and a time measured here cannot be compared: all are of one kind. */
function timesOf(reports: readonly Report[]): (Timed | undefined)[] {
  const targets = new Set(reports.map(({ targetLatency }) => targetLatency?.target))
  return reports.map((report) => (targets.size > 1 ? report.latencyRatio : timeOf(report)))
}

/**
 * Ids of the candidates that no other beats in download size and quality at once without being clearly slower.
 * Equals stay side by side. Times are estimates where all are for one target, else those measured here.
 */
export function onFront(candidates: readonly Placed[]): Set<string> {
  const times = timesOf(candidates.map(({ report }) => report))
  const points = candidates.map(({ id, original, report }, i) => ({
    id,
    costs: [report.downloadBytes, pointsLost(original.quality, report.quality)],
    time: times[i],
  }))
  const kept = front(
    points,
    (point) => point.costs,
    (point) => point.id,
    (point) => point.time,
  )
  const margin = timeMargin(times)
  const level = (a: Figures, b: Figures): boolean =>
    a.costs.every((cost, i) => cost === b.costs[i]) && !clearlyFaster(a.time, b.time, margin)
  const stays = (one: Figures): boolean =>
    kept.every((other) => level(other, one) || !beats(other, one, margin))
  return new Set(points.filter(stays).map(({ id }) => id))
}
