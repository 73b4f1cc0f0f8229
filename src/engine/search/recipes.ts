/** What a recipe is made of and in which order: what passes do to weights, and which go together. */
import { createHash } from 'node:crypto'
import { PASS_ROLES, type PassDescription, type PassNeed } from '../../contract/passes'
import type { Preset, Recipe, RecipeStep } from '../../contract/recipe'
import { PASSES } from '../passes'
import { stepsTold } from '../passes/told'

export interface SearchSpace {
  passes: readonly PassDescription[]
  presets: readonly Preset[]
  /** What the dataset can give. */
  available: ReadonlySet<PassNeed>
}

export function keyOf(recipe: Recipe): string {
  const steps = recipe.steps.map(({ pass, params }) => [
    pass,
    Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1)),
  ])
  return createHash('sha256').update(JSON.stringify(steps)).digest('hex').slice(0, 16)
}

export function usable(pass: PassDescription, space: SearchSpace): boolean {
  return pass.role !== 'chooses' && pass.needs.every((need) => space.available.has(need))
}

export function canDo(step: RecipeStep, space: SearchSpace): boolean {
  const pass = passOf(step.pass, space)
  return pass !== undefined && usable(pass, space)
}

/** Recipe names end at 200 characters. */
const shortened = (name: string): string => (name.length > 200 ? `${name.slice(0, 199)}…` : name)

export const recipeOf = (steps: readonly RecipeStep[]): Recipe => ({
  pare: 1,
  name: shortened(stepsTold(worked(steps))),
  description: '',
  steps: [...steps],
})

const NORMALIZERS: readonly string[] = PASSES.filter(
  ({ description }) => description.role === 'normalizes',
).map(({ id }) => id)

export const isNormalizer = (pass: string | undefined): boolean =>
  pass !== undefined && NORMALIZERS.includes(pass)

/** What passes work on begins the same way in every recipe. */
export const normalized = (steps: readonly RecipeStep[]): RecipeStep[] => [
  ...NORMALIZERS.map((pass) => ({ pass, params: {} })),
  ...steps,
]

/** Steps without those that every recipe begins with. */
const worked = (steps: readonly RecipeStep[]): RecipeStep[] => steps.filter(({ pass }) => !isNormalizer(pass))

export const passOf = (id: string, space: SearchSpace): PassDescription | undefined =>
  space.passes.find((pass) => pass.id === id)

export const learns = (recipe: Recipe, space: SearchSpace): boolean =>
  recipe.steps.some((step) => passOf(step.pass, space)?.needs.includes('training'))

/** Roles follow each other in their order; within a role, passes in that of the registry. */
function rankOf(step: RecipeStep, space: SearchSpace): number {
  const at = space.passes.findIndex((pass) => pass.id === step.pass)
  const role = space.passes[at]?.role ?? 'normalizes'
  return PASS_ROLES.indexOf(role) * 1000 + at
}

const byRank = (x: RecipeStep, y: RecipeStep, space: SearchSpace): number =>
  x.pass === y.pass ? 0 : rankOf(x, space) - rankOf(y, space)

/** Two passes that encode weights undo each other, or the second finds nothing. */
export function encodersIn(steps: readonly RecipeStep[], space: SearchSpace): number {
  return steps.filter((step) => passOf(step.pass, space)?.role === 'encodes').length
}

/** Steps of both in the order passes follow each other; undefined when they share a pass or both encode weights. */
export function merge(a: Recipe, b: Recipe, space: SearchSpace): RecipeStep[] | undefined {
  const steps = [...worked(a.steps), ...worked(b.steps)]
  if (new Set(steps.map((step) => step.pass)).size < steps.length) return undefined
  if (encodersIn(steps, space) > 1) return undefined
  return normalized(steps.sort((x, y) => byRank(x, y, space)))
}

/** The recipe with a step that learns, before those that come after learning. */
export function withTraining(recipe: Recipe, step: RecipeStep, space: SearchSpace): Recipe {
  const before = recipe.steps.findIndex((other) => rankOf(other, space) > rankOf(step, space))
  const at = before < 0 ? recipe.steps.length : before
  const steps = [...recipe.steps.slice(0, at), step, ...recipe.steps.slice(at)]
  return recipeOf(steps)
}
