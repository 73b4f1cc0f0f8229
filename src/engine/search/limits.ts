/** What the user asked for, held against a trial. */
import { formatBytes } from '../../contract/format'
import type { Timed } from '../../contract/front'
import type { SearchGoal } from '../../contract/goal'
import type { Trial } from '../../contract/trial'

/** Measured quality that exactly meets the floor must not fail by rounding. */
const EPSILON = 1e-9

/** True when a loss in points is no more than the floor allows. */
export const within = (points: number, maxDrop: number): boolean => points <= maxDrop + EPSILON

/** Everything that stands against a trial, in plain words; empty when it is inside all limits. */
export function violatedLimits(trial: Trial, goal: SearchGoal): string[] {
  const against: string[] = []
  if (trial.pointsLost === undefined) against.push('its quality was not measured')
  else if (!within(trial.pointsLost, goal.maxDrop))
    against.push(`it loses ${trial.pointsLost.toFixed(2)} points where ${goal.maxDrop} are allowed`)
  if (goal.maxBytes !== undefined && trial.bytes > goal.maxBytes)
    against.push(`it takes ${formatBytes(trial.bytes)}, more than the ${formatBytes(goal.maxBytes)} allowed`)
  if (goal.maxLatency !== undefined) against.push(...tooSlow(trial, goal.maxLatency))
  return against
}

/** Over the original's: on a target that is not here its estimate counts, else what was measured. */
export function timeOf({ targetLatency, latencyRatio, latencyInterval }: Trial): Timed | undefined {
  if (targetLatency) return { value: targetLatency.ratio }
  return latencyRatio === undefined ? undefined : { value: latencyRatio, interval: latencyInterval }
}

function tooSlow(trial: Trial, most: number): string[] {
  const ratio = timeOf(trial)?.value
  if (ratio === undefined || ratio <= most) return []
  const { targetLatency } = trial
  const where = targetLatency ? ` on ${targetLatency.target} by estimate` : ''
  return [`it takes ${ratio.toFixed(2)}× the original's time${where} where ${most}× is allowed`]
}

export const isInside = (trial: Trial, goal: SearchGoal): boolean =>
  trial.state === 'kept' && violatedLimits(trial, goal).length === 0

/** Smallest download first; then file, then quality; then by key, so that no order of workers shows. */
export function byObjective(a: Trial, b: Trial): number {
  return (
    a.downloadBytes - b.downloadBytes ||
    a.bytes - b.bytes ||
    (a.pointsLost ?? Infinity) - (b.pointsLost ?? Infinity) ||
    (a.key < b.key ? -1 : 1)
  )
}
