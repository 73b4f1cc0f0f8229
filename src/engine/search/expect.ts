/**
 * What a recipe that was not tried yet is worth trying for, from what its parts gave. Rough, and only ever used to
 * decide what comes first: sizes multiply, losses add up, and what a pass did for other recipes of this model it does again.
 */
import type { SearchGoal } from '../../contract/goal'
import type { Recipe } from '../../contract/recipe'
import type { Trial } from '../../contract/trial'
import { POLICY } from './policy'
import { keyOf } from './recipes'

export interface Expected {
  downloadBytes: number
  pointsLost: number
}

interface Expectation {
  near(trial: Trial): Expected
  finished(trial: Trial): Expected
  /** After learning by a pass, which counts as it did before. */
  trained(trial: Trial, pass: string): Expected
  /** After learning longer. */
  longer(trial: Trial): Expected
  both(a: Trial, b: Trial): Expected
  /** Nothing is known: as large as the largest. */
  untried(): Expected
  /** Lower comes first: bytes, more of them the further the loss lies over the floor. */
  priority(expected: Expected): number
  /** Whether every two recipes that differed in this parameter of a pass alone gave the same; false where there were none. */
  isIdle(pass: string, field: string): boolean
}

const lost = (trial: Trial): number => Math.max(0, trial.pointsLost ?? 0)

export function expectation(trials: readonly Trial[], { maxDrop }: SearchGoal): Expectation {
  const largest = Math.max(1, ...trials.map((trial) => trial.downloadBytes))
  const left = lossLeftBy(trials)
  const idle = idleFields(trials)
  const scaled = (trial: Trial, bytes: number, points = 1): Expected => ({
    downloadBytes: trial.downloadBytes * bytes,
    pointsLost: lost(trial) * points,
  })
  return {
    near: (trial) => scaled(trial, POLICY.stepSize),
    finished: (trial) => scaled(trial, POLICY.storedSize),
    trained: (trial, pass) => scaled(trial, 1, left.get(pass) ?? POLICY.learnedLoss),
    longer: (trial) => scaled(trial, 1, POLICY.longerLoss),
    both: (a, b) => ({
      downloadBytes: (a.downloadBytes * b.downloadBytes) / largest,
      pointsLost: lost(a) + lost(b),
    }),
    untried: () => ({ downloadBytes: largest, pointsLost: 0 }),
    priority: ({ downloadBytes, pointsLost }) =>
      downloadBytes * (1 + Math.max(0, pointsLost - maxDrop) / (maxDrop + POLICY.lossSoftening)),
    isIdle: (pass, field) => idle.get(`${pass} ${field}`) ?? false,
  }
}

const withSteps = (recipe: Recipe, steps: Recipe['steps']): string => keyOf({ ...recipe, steps })

/** By pass: the share of a loss that was left where a step of it was added to a recipe that lost something; the mean. */
function lossLeftBy(trials: readonly Trial[]): Map<string, number> {
  const byKey = new Map(trials.map((trial) => [trial.key, trial]))
  const shares = new Map<string, number[]>()
  for (const trial of trials.filter(({ state }) => state === 'kept'))
    for (const [at, { pass }] of trial.recipe.steps.entries()) {
      const before = byKey.get(withSteps(trial.recipe, trial.recipe.steps.toSpliced(at, 1)))
      if (!before || before.state !== 'kept' || lost(before) === 0) continue
      shares.set(pass, [...(shares.get(pass) ?? []), Math.min(1, lost(trial) / lost(before))])
    }
  // In one order, so that the last digits of a sum do not hang on who was first.
  const mean = (all: number[]): number =>
    all.sort((a, b) => a - b).reduce((sum, one) => sum + one, 0) / all.length
  return new Map([...shares].map(([pass, all]) => [pass, mean(all)]))
}

function idleFields(trials: readonly Trial[]): Map<string, boolean> {
  /** By parameter and by all else that a recipe says: what came of it. */
  const groups = new Map<string, { of: string; gave: Set<string>; count: number }>()
  const fields = new Map<string, Set<string>>()
  for (const { recipe } of trials)
    for (const { pass, params } of recipe.steps)
      fields.set(pass, new Set([...(fields.get(pass) ?? []), ...Object.keys(params)]))
  for (const { recipe, bytes, downloadBytes, pointsLost } of trials.filter(({ state }) => state === 'kept'))
    for (const [at, step] of recipe.steps.entries())
      for (const field of fields.get(step.pass) ?? []) {
        const { [field]: _, ...params } = step.params
        const of = `${step.pass} ${field}`
        const id = `${of} ${withSteps(recipe, recipe.steps.with(at, { pass: step.pass, params }))}`
        const group = groups.get(id) ?? { of, gave: new Set<string>(), count: 0 }
        group.gave.add(JSON.stringify([bytes, downloadBytes, pointsLost]))
        group.count++
        groups.set(id, group)
      }
  const idle = new Map<string, boolean>()
  for (const { of, gave, count } of groups.values())
    if (count > 1) idle.set(of, (idle.get(of) ?? true) && gave.size === 1)
  return idle
}
