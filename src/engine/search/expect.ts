/**
 * What a recipe that was not tried yet is worth trying for, from what its parts gave. Rough, and only ever used to
 * decide what comes first: sizes multiply, losses add up.
 */
import type { SearchGoal } from '../../contract/goal'
import type { Trial } from '../../contract/trial'

export interface Expected {
  downloadBytes: number
  pointsLost: number
}

/** Guesses at what a step does to a download, and training to a loss. */
const NEAR = 0.9
const FINISHED = 0.85
const RECOVERED = 0.4

interface Expectation {
  near(trial: Trial): Expected
  finished(trial: Trial): Expected
  trained(trial: Trial): Expected
  both(a: Trial, b: Trial): Expected
  /** Nothing is known: as large as the largest. */
  untried(): Expected
  /** Lower comes first: bytes, more of them the further the loss lies over the floor. */
  priority(expected: Expected): number
}

export function expectation(trials: readonly Trial[], { maxDrop }: SearchGoal): Expectation {
  const largest = Math.max(1, ...trials.map((trial) => trial.downloadBytes))
  const lost = (trial: Trial): number => Math.max(0, trial.pointsLost ?? 0)
  const scaled = (trial: Trial, bytes: number, points = 1): Expected => ({
    downloadBytes: trial.downloadBytes * bytes,
    pointsLost: lost(trial) * points,
  })
  return {
    near: (trial) => scaled(trial, NEAR),
    finished: (trial) => scaled(trial, FINISHED),
    trained: (trial) => scaled(trial, 1, RECOVERED),
    both: (a, b) => ({
      downloadBytes: (a.downloadBytes * b.downloadBytes) / largest,
      pointsLost: lost(a) + lost(b),
    }),
    untried: () => ({ downloadBytes: largest, pointsLost: 0 }),
    priority: ({ downloadBytes, pointsLost }) =>
      downloadBytes * (1 + Math.max(0, pointsLost - maxDrop) / (maxDrop + 0.5)),
  }
}
