/** What the user asked for, held against a trial. */
import type { Timed } from '../../contract/front'
import type { SearchGoal } from '../../contract/goal'
import { misses, trialCosts } from '../../contract/limits'
import type { Trial } from '../../contract/trial'

/** Everything that stands against a trial, in plain words; empty when it is inside all limits. */
export const violatedLimits = (trial: Trial, goal: SearchGoal): string[] =>
  misses(goal, trialCosts(trial)).map(({ sentence }) => sentence)

/** Over the original's: on a target that is not here its estimate counts, else what was measured. */
export function timeOf({ targetLatency, latencyRatio, latencyInterval }: Trial): Timed | undefined {
  if (targetLatency) return { value: targetLatency.ratio }
  return latencyRatio === undefined ? undefined : { value: latencyRatio, interval: latencyInterval }
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
