/** A candidate in one sentence, and which candidates nobody beats. Pure. */
import type { Goal } from '../contract/goal'
import { pointsLost } from '../contract/points'
import type { Report } from '../contract/report'

const threeDigits = (value: number): string => String(Number(value.toPrecision(3)))

/** "11.8× smaller", "1.2× larger", "same size": the first over the second, one being better when smaller. */
function ratio(before: number, after: number, better: string, worse: string, same: string): string {
  if (!(before > 0) || !(after > 0)) return same
  const times = before / after
  if (times >= 1.005) return `${threeDigits(times)}× ${better}`
  if (times <= 0.995) return `${threeDigits(1 / times)}× ${worse}`
  return same
}

/** "−0.2 points", "+0.1 points", "no quality lost". */
export function pointsText(original: Report, candidate: Report): string {
  const gained = -pointsLost(original.quality, candidate.quality)
  const rounded = Math.abs(gained) < 10 ? Number(gained.toFixed(2)) : Number(gained.toPrecision(3))
  if (rounded === 0) return 'no quality lost'
  return `${rounded < 0 ? '−' : '+'}${Math.abs(rounded)} point${Math.abs(rounded) === 1 ? '' : 's'}`
}

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
  const facts = [
    ratio(original.bytes, candidate.bytes, 'smaller', 'larger', 'same size'),
    ratio(original.latencyMs.p50, candidate.latencyMs.p50, 'faster', 'slower', 'same speed'),
    pointsText(original, candidate),
  ].join(', ')
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
