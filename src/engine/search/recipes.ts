/** What a recipe is made of and in which order: what passes do to weights, and which go together. */
import { createHash } from 'node:crypto'
import type { PassDescription, PassFamily, PassNeed } from '../../contract/passes'
import type { Preset, Recipe, RecipeStep } from '../../contract/recipe'
import { PASSES } from '../passes'

/** Passes follow each other in this order in a recipe; within a family, in the order of the registry. */
const FAMILY_ORDER: readonly PassFamily[] = [
  'clean-up',
  'pruning',
  'factorization',
  'training',
  'sharing',
  'quantization',
  'precision',
]

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
  return pass.needs.every((need) => space.available.has(need))
}

export function canDo(step: RecipeStep, space: SearchSpace): boolean {
  const pass = passOf(step.pass, space)
  return pass !== undefined && usable(pass, space)
}

/** Passes and parameters by their titles: people read these names. */
const title = (steps: readonly RecipeStep[]): string =>
  steps
    .map(({ pass, params }) => {
      const known = PASSES.find(({ description }) => description.id === pass)?.description
      const values = Object.entries(params).map(([name, value]) => {
        const label = known?.parameters.find((field) => field.name === name)?.label ?? name
        return `${label.toLowerCase()} ${typeof value === 'object' ? 'by layer' : String(value)}`
      })
      return [known?.title ?? pass, values.length > 0 ? `(${values.join(', ')})` : '']
        .filter(Boolean)
        .join(' ')
    })
    .join(' → ')

/** Recipe names end at 200 characters. */
const shortened = (name: string): string => (name.length > 200 ? `${name.slice(0, 199)}…` : name)

export const recipeOf = (steps: readonly RecipeStep[]): Recipe => ({
  pare: 1,
  name: shortened(title(steps.filter((step) => step.pass !== CLEAN_UP.pass))),
  description: '',
  steps: [...steps],
})

export const CLEAN_UP: RecipeStep = { pass: 'simplify', params: {} }

export const passOf = (id: string, space: SearchSpace): PassDescription | undefined =>
  space.passes.find((pass) => pass.id === id)

export const learns = (recipe: Recipe, space: SearchSpace): boolean =>
  recipe.steps.some((step) => passOf(step.pass, space)?.needs.includes('training'))

/** A pass without anything to choose that only stores smaller what is there. */
export const isFinisher = (pass: PassDescription): boolean =>
  pass.family === 'sharing' && !pass.parameters.some((field) => field.search)

function rankOf(step: RecipeStep, space: SearchSpace): number {
  const at = space.passes.findIndex((pass) => pass.id === step.pass)
  const pass = space.passes[at]
  // What only stores smaller leaves nothing for others to work on.
  if (pass && isFinisher(pass)) return Infinity
  const family = pass?.family ?? 'clean-up'
  return FAMILY_ORDER.indexOf(family) * 1000 + at
}

const byRank = (x: RecipeStep, y: RecipeStep, space: SearchSpace): number =>
  x.pass === y.pass ? 0 : rankOf(x, space) - rankOf(y, space)

/** Passes of the quantization family that only prepare for others of it. */
const PREPARING = new Set(['equalize', 'smooth-quant'])

/** Passes that learn what their weights are stored as. */
const LEARNED_CODES = new Set(['trained-codebook', 'quantize-aware', 'adaround'])

/** It decides how weights are stored. Two such passes in a recipe undo each other, or the second finds nothing. */
export function codesWeights(pass: PassDescription): boolean {
  if (PREPARING.has(pass.id) || isFinisher(pass)) return false
  return LEARNED_CODES.has(pass.id) || ['quantization', 'precision', 'sharing'].includes(pass.family)
}

export function codersIn(steps: readonly RecipeStep[], space: SearchSpace): number {
  return steps.filter((step) => {
    const pass = passOf(step.pass, space)
    return pass !== undefined && codesWeights(pass)
  }).length
}

/** Steps of both in the order passes follow each other; undefined when they share a pass or both code weights. */
export function merge(a: Recipe, b: Recipe, space: SearchSpace): RecipeStep[] | undefined {
  const work = (recipe: Recipe): RecipeStep[] => recipe.steps.filter((step) => step.pass !== CLEAN_UP.pass)
  const steps = [...work(a), ...work(b)]
  if (new Set(steps.map((step) => step.pass)).size < steps.length) return undefined
  if (codersIn(steps, space) > 1) return undefined
  return [CLEAN_UP, ...steps.sort((x, y) => byRank(x, y, space))]
}

/** The recipe with a step that learns, before those that come after learning. */
export function withTraining(recipe: Recipe, step: RecipeStep, space: SearchSpace): Recipe {
  const before = recipe.steps.findIndex((other) => rankOf(other, space) > rankOf(step, space))
  const at = before < 0 ? recipe.steps.length : before
  const steps = [...recipe.steps.slice(0, at), step, ...recipe.steps.slice(at)]
  return recipeOf(steps)
}
