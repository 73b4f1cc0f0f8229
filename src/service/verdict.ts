/** A candidate in one sentence, and which candidates nobody beats. Pure. */
import type { Goal } from '../contract/goal'
import { pointsLost } from '../contract/points'
import type { Report } from '../contract/report'
import { changeText } from '../contract/verdict'

/** What of the goal a candidate misses, in plain words; empty when it is inside. */
export function missed(goal: Goal, original: Report, candidate: Report): string[] {
  if (goal.kind !== 'search') return []
  const misses: string[] = []
  if (pointsLost(original.quality, candidate.quality) > goal.maxDrop + 1e-9) misses.push('quality')
  if (goal.maxBytes !== undefined && candidate.bytes > goal.maxBytes) misses.push('size')
  if (goal.maxLatency !== undefined && candidate.latencyMs.p50 > goal.maxLatency * original.latencyMs.p50)
    misses.push('latency')
  return misses
}

/** "11.8× smaller, 2.4× faster, −0.2 points: inside your limit" */
export function verdict(goal: Goal, original: Report, candidate: Report): string {
  const facts = changeText(original, candidate)
  if (goal.kind !== 'search') return facts
  const misses = missed(goal, original, candidate)
  return `${facts}: ${misses.length === 0 ? 'inside your limit' : `over your limit for ${misses.join(' and ')}`}`
}

export interface Placed {
  id: string
  original: Report
  report: Report
}

/** Ids of the candidates that no other beats in download size and quality at once. */
export function onFront(candidates: readonly Placed[]): Set<string> {
  const points = candidates.map(({ id, original, report }) => ({
    id,
    bytes: report.downloadBytes,
    lost: pointsLost(original.quality, report.quality),
  }))
  const beaten = (one: (typeof points)[number]): boolean =>
    points.some(
      (other) =>
        other.bytes <= one.bytes &&
        other.lost <= one.lost &&
        (other.bytes < one.bytes || other.lost < one.lost),
    )
  return new Set(points.filter((one) => !beaten(one)).map(({ id }) => id))
}
