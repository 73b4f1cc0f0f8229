/** What the user asked for, held against a trial. */
import type { Timed } from '../../contract/front'
import type { SearchGoal } from '../../contract/goal'
import { misses, trialCosts } from '../../contract/limits'
import type { Trial } from '../../contract/trial'
import { POLICY } from './policy'

/** Points lost beyond which neither training nor a milder partner is expected to bring a recipe inside the floor. */
export const beyondRepair = ({ maxDrop }: SearchGoal): number =>
  maxDrop * POLICY.reachTimes + POLICY.reachPoints

/** Everything that stands against a trial, in plain words; empty when it is inside all limits. */
export const violatedLimits = (trial: Trial, goal: SearchGoal): string[] =>
  misses(goal, trialCosts(trial)).map(({ sentence }) => sentence)

/**
 * With nothing inside the limits: what has the fewest of them against it, then is over the one it misses most by the least,
 * then loses least.
 */
export function closestOf(trials: readonly Trial[], goal: SearchGoal): Trial | undefined {
  const far = trials.map((trial) => {
    const missed = misses(goal, trialCosts(trial))
    return { trial, count: missed.length, times: Math.max(1, ...missed.map(({ times }) => times)) }
  })
  return far.sort(
    (a, b) =>
      a.count - b.count ||
      (a.times === b.times ? 0 : a.times - b.times) ||
      a.trial.pointsLost! - b.trial.pointsLost! ||
      byObjective(a.trial, b.trial),
  )[0]?.trial
}

/** Over the original's: on a target that is not here its estimate counts, else what was measured. */
export function timeOf({ targetLatency, latencyRatio, latencyInterval }: Trial): Timed | undefined {
  if (targetLatency) return { value: targetLatency.ratio }
  return latencyRatio === undefined ? undefined : { value: latencyRatio, interval: latencyInterval }
}

export const isInside = (trial: Trial, goal: SearchGoal): boolean =>
  trial.state === 'kept' && violatedLimits(trial, goal).length === 0

/** What is to become small: flash on a microcontroller, without end where there is no C; elsewhere the download. */
export function shippedBytes({ footprint, downloadBytes }: Trial): number {
  if (!footprint) return downloadBytes
  return 'reason' in footprint ? Number.MAX_SAFE_INTEGER : footprint.flashBytes
}

/** What a front weighs: what is to become small, RAM where that is counted, and quality. */
export const costsOfTrial = (trial: Trial): number[] => [
  shippedBytes(trial),
  ...(trial.footprint && !('reason' in trial.footprint) ? [trial.footprint.ramBytes] : [trial.bytes]),
  trial.pointsLost!,
]

/** Smallest first; then file, then quality; then by key, so that no order of workers shows. */
export function byObjective(a: Trial, b: Trial): number {
  return (
    shippedBytes(a) - shippedBytes(b) ||
    a.bytes - b.bytes ||
    (a.pointsLost ?? Infinity) - (b.pointsLost ?? Infinity) ||
    (a.key < b.key ? -1 : 1)
  )
}
