/**
 * Time as an axis of the front: what is worth timing on this machine, and the timing itself. On a target that is not
 * here every trial has its estimate already. Times never decide between candidates unless they are limited, so that
 * the winner is the same wherever and in whatever order it was found.
 */
import { front } from '../../contract/front'
import type { Trial } from '../../contract/trial'
import { byObjective, costsOfTrial, isInside } from './limits'
import type { SearchOptions } from './options'
import { POLICY } from './policy'

/**
 * What may stand on the front, the most wanted first. Whether a trial may be fast is told by the costs of its
 * operators, which are the same on every machine; trials with the same operators are one entry. Of both, those that
 * are wanted, inside the limits, come first.
 */
export function worthTiming(trials: readonly Trial[], isWanted: (trial: Trial) => boolean): Trial[] {
  const inOrder = (found: Trial[], by: (a: Trial, b: Trial) => number): Trial[] =>
    found.sort((a, b) => Number(isWanted(b)) - Number(isWanted(a)) || by(a, b))
  const key = (trial: Trial): string => trial.key
  const sized = inOrder(front(trials, costsOfTrial, key), byObjective).slice(0, POLICY.timedBySize)
  const fast = inOrder(
    front(trials, costsOfTrial, key, ({ operatorCost }) =>
      operatorCost === undefined ? undefined : { value: operatorCost },
    ).filter((trial) => !sized.includes(trial)),
    (a, b) => (a.operatorCost ?? Infinity) - (b.operatorCost ?? Infinity) || byObjective(a, b),
  )
  return [...sized, ...fast].slice(0, POLICY.timedInAll)
}

/** Times these and keeps what was measured. What was timed before, in whichever session, is not timed again. */
export async function timeThese(
  trials: readonly Trial[],
  { latency, store }: Pick<SearchOptions, 'latency' | 'store'>,
  seconds: number = POLICY.timingSeconds,
): Promise<void> {
  const missing = trials.filter((trial) => trial.latencyRatio === undefined)
  if (missing.length === 0) return
  const measured = await latency(
    missing.map((trial) => trial.key),
    seconds,
  )
  for (const [i, trial] of missing.entries()) {
    const time = measured[i]
    if (!time) continue
    trial.latencyRatio = time.value
    trial.latencyInterval = time.interval
    store.save(trial)
  }
}

/** Times what may stand on the front, as much of it as `seconds` allow. */
export async function timeFront(
  trials: readonly Trial[],
  options: SearchOptions,
  seconds: number,
): Promise<void> {
  const { goal } = options.runner
  if (trials.some((trial) => trial.targetLatency)) return
  const wanted = worthTiming(trials, (trial) => isInside(trial, goal)).filter(
    (trial) => trial.latencyRatio === undefined,
  )
  const together = Math.max(1, Math.floor(POLICY.timedBytes / options.originalDownloadBytes))
  const started = performance.now()
  const used = (): number => (performance.now() - started) / 1000
  let size = Math.min(POLICY.timedFirst, together)
  for (let at = 0; at < wanted.length && used() < seconds;) {
    const group = wanted.slice(at, at + size)
    options.progress(0.92, `measuring the time of ${at + group.length} of ${wanted.length} that may be best`)
    const before = used()
    await timeThese(group, options, Math.min(POLICY.timingSeconds, (seconds - before) / 2))
    // Each group opens the original once more.
    const each = (used() - before) / (group.length + 1)
    at += group.length
    size = Math.min(together, Math.floor((seconds - used()) / each) - 1)
    if (size < 1) return
  }
}
