/** What one change did to recipes of this model, from pairs of trials that differ in nothing else. */
import type { Recipe, RecipeStep } from '../../contract/recipe'
import type { Trial } from '../../contract/trial'
import { POLICY } from './policy'
import { keyOf } from './recipes'

/** One parameter of a pass, from one value to another; undefined is its default. */
export interface Change {
  pass: string
  field: string
  from: unknown
  to: unknown
}

interface Observed {
  /** Share of a loss that was left where a step of the pass was added to a recipe that lost something, on the mean. */
  lossLeftBy(pass: string): number | undefined
  /** Download after over before, and the same of the loss with `lossSoftening` added; geometric means. */
  change(change: Change): { bytes: number; loss: number } | undefined
  /** Whether every two recipes that differed in this parameter of a pass alone gave the same; false where there were none. */
  isIdle(pass: string, field: string): boolean
}

export const lost = (trial: Trial): number => Math.max(0, trial.pointsLost ?? 0)

export function observed(trials: readonly Trial[]): Observed {
  const kept = trials.filter(({ state }) => state === 'kept')
  const left = lossLeft(kept)
  const groups = byParameter(kept)
  return {
    lossLeftBy: (pass) => left.get(pass),
    change({ pass, field, from, to }) {
      const pairs = (groups.get(idOf(pass, field)) ?? []).flatMap((group) => {
        const [before, after] = [from, to].map((value) => group.get(JSON.stringify(value)))
        return before && after ? [{ before, after }] : []
      })
      if (pairs.length === 0) return undefined
      const softened = (trial: Trial): number => lost(trial) + POLICY.lossSoftening
      return {
        bytes: geometric(pairs.map(({ before, after }) => after.downloadBytes / before.downloadBytes)),
        loss: geometric(pairs.map(({ before, after }) => softened(after) / softened(before))),
      }
    },
    isIdle(pass, field) {
      const several = (groups.get(idOf(pass, field)) ?? []).filter(({ size }) => size > 1)
      const gave = ({ bytes, downloadBytes, pointsLost }: Trial): string =>
        JSON.stringify([bytes, downloadBytes, pointsLost])
      return several.length > 0 && several.every((group) => new Set([...group.values()].map(gave)).size === 1)
    },
  }
}

// Summed in one order, so that the last digits do not hang on which trial was first.
const mean = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b).reduce((sum, value) => sum + value, 0) / values.length
const geometric = (values: readonly number[]): number => Math.exp(mean(values.map(Math.log)))

const idOf = (pass: string, field: string): string => `${pass} ${field}`
const withSteps = (recipe: Recipe, steps: RecipeStep[]): string => keyOf({ ...recipe, steps })

function lossLeft(trials: readonly Trial[]): Map<string, number> {
  const byKey = new Map(trials.map((trial) => [trial.key, trial]))
  const shares = new Map<string, number[]>()
  for (const trial of trials)
    for (const [at, { pass }] of trial.recipe.steps.entries()) {
      const before = byKey.get(withSteps(trial.recipe, trial.recipe.steps.toSpliced(at, 1)))
      if (!before || lost(before) === 0) continue
      shares.set(pass, [...(shares.get(pass) ?? []), Math.min(1, lost(trial) / lost(before))])
    }
  return new Map([...shares].map(([pass, all]) => [pass, mean(all)]))
}

/** By parameter: trials of recipes that are the same but for it, by its value. */
function byParameter(trials: readonly Trial[]): Map<string, Map<string, Trial>[]> {
  const fields = new Map<string, Set<string>>()
  for (const { recipe } of trials)
    for (const { pass, params } of recipe.steps)
      fields.set(pass, new Set([...(fields.get(pass) ?? []), ...Object.keys(params)]))
  const groups = new Map<string, Map<string, Map<string, Trial>>>()
  for (const trial of trials)
    for (const [at, { pass, params }] of trial.recipe.steps.entries())
      for (const field of fields.get(pass) ?? []) {
        const { [field]: value, ...others } = params
        const rest = withSteps(trial.recipe, trial.recipe.steps.with(at, { pass, params: others }))
        const of = groups.get(idOf(pass, field)) ?? new Map<string, Map<string, Trial>>()
        const group = of.get(rest) ?? new Map<string, Trial>()
        groups.set(idOf(pass, field), of.set(rest, group.set(JSON.stringify(value), trial)))
      }
  return new Map([...groups].map(([id, of]) => [id, [...of.values()]]))
}
