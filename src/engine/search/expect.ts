/**
 * What a recipe that was not tried yet is worth trying for, from what its parts gave. Rough, and only ever used to
 * decide what comes first: sizes multiply, losses add up, and what a pass did for other recipes of this model it does again.
 */
import type { SearchGoal } from '../../contract/goal'
import type { Trial } from '../../contract/trial'
import { isInside } from './limits'
import { lost, observed, type Change } from './observed'
import { POLICY } from './policy'

export interface Expected {
  downloadBytes: number
  pointsLost: number
}

interface Expectation {
  /** With one value changed: as where that was tried before, in whichever recipe. */
  near(trial: Trial, change?: Change): Expected
  finished(trial: Trial): Expected
  /** After learning by a pass, which counts as it did before. */
  trained(trial: Trial, pass: string): Expected
  /** After learning longer; one change alone counts as it did before. */
  longer(trial: Trial, changes: readonly Change[]): Expected
  both(a: Trial, b: Trial): Expected
  /** Nothing is known: as large as the largest. */
  untried(): Expected
  /**
   * Lower comes first: how much smaller than what is surely inside the floor already, times the chance to be inside it; what
   * is no smaller by its bytes, last. Expected improvement under a constraint: M. Schonlau et al., IMS Lecture Notes 34 (1998) 11.
   */
  priority(expected: Expected): number
  /** Whether it would be smaller than that: all that learning is worth. */
  isGain(expected: Expected): boolean
  /** See `Observed`. */
  isIdle(pass: string, field: string): boolean
}

export function expectation(trials: readonly Trial[], goal: SearchGoal): Expectation {
  const largest = Math.max(1, ...trials.map((trial) => trial.downloadBytes))
  const beaten = Math.min(
    largest,
    ...trials.filter((trial) => isSurelyInside(trial, goal)).map(({ downloadBytes }) => downloadBytes),
  )
  const gain = ({ downloadBytes }: Expected): number => Math.log(beaten / Math.max(1, downloadBytes))
  const chance = ({ pointsLost }: Expected): number =>
    1 / (1 + Math.exp((pointsLost - goal.maxDrop) / POLICY.lossDoubt))
  const seen = observed(trials)
  const softening = POLICY.lossSoftening
  const scaled = (trial: Trial, bytes: number, points = 1): Expected => ({
    downloadBytes: trial.downloadBytes * bytes,
    pointsLost: lost(trial) * points,
  })
  const changed = (trial: Trial, change: Change | undefined): Expected | undefined => {
    const known = change && seen.change(change)
    if (!known) return undefined
    const pointsLost = Math.max(0, (lost(trial) + softening) * known.loss - softening)
    return { downloadBytes: trial.downloadBytes * known.bytes, pointsLost }
  }
  return {
    near: (trial, change) => changed(trial, change) ?? scaled(trial, POLICY.stepSize),
    finished: (trial) => scaled(trial, POLICY.storedSize),
    trained: (trial, pass) => scaled(trial, 1, seen.lossLeftBy(pass) ?? POLICY.learnedLoss),
    longer: (trial, [change, ...others]) =>
      (others.length === 0 ? changed(trial, change) : undefined) ?? scaled(trial, 1, POLICY.longerLoss),
    both: (a, b) => ({
      downloadBytes: (a.downloadBytes * b.downloadBytes) / largest,
      pointsLost: lost(a) + lost(b),
    }),
    untried: () => ({ downloadBytes: largest, pointsLost: 0 }),
    priority(expected) {
      const smaller = gain(expected)
      return smaller > 0 ? -smaller * chance(expected) : -smaller
    },
    isGain: (expected) => gain(expected) > 0,
    isIdle: seen.isIdle,
  }
}

/**
 * Inside all limits with room to spare. Of many recipes tried for being small, those that are inside by a hair are likely to
 * be over the floor on other samples. On microcontrollers, where what counts is not the download, none is told to be.
 */
const isSurelyInside = (trial: Trial, goal: SearchGoal): boolean =>
  !trial.footprint && isInside(trial, goal) && lost(trial) <= POLICY.room * goal.maxDrop
