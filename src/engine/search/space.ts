/**
 * The recipes worth trying, made from what the passes declare. Rounds build on each other; what a round holds
 * depends only on the results of the rounds before it, never on the order in which they came in.
 */
import type { SearchGoal } from '../../contract/goal'
import type { ParameterField, PassDescription } from '../../contract/passes'
import type { Recipe, RecipeStep } from '../../contract/recipe'
import { front } from '../../contract/front'
import { beyondRepair, byObjective, costsOfTrial, isInside } from './limits'
import type { SearchJob, Trial } from '../../contract/trial'
import {
  canDo,
  encodersIn,
  keyOf,
  learns,
  merge,
  normalized,
  passOf,
  recipeOf,
  usable,
  withTraining,
  type SearchSpace,
} from './recipes'
import { latencyPortfolio, PORTFOLIO } from '../passes/portfolio'
import { expectation, type Expected } from './expect'
import type { Change } from './observed'
import { POLICY } from './policy'

/** With time to spare: every single pass with every value it declares, however many there are. */
export const LAST_ROUND = POLICY.lastRound

/** The round's work list, the most promising first; empty when the search has nothing more to try. */
export function jobsOf(
  round: number,
  space: SearchSpace,
  trials: readonly Trial[],
  goal: SearchGoal,
): SearchJob[] {
  const learning = round >= POLICY.firstLearningRound
  const allowed = (recipe: Recipe): boolean => learning || !learns(recipe, space)
  const found = round === 1 ? firstRound(space, goal) : laterRound(round, space, trials, goal, learning)
  const tried = new Set(trials.map((trial) => trial.key))
  const jobs: SearchJob[] = []
  for (const { recipe, why } of found) {
    const key = keyOf(recipe)
    if (tried.has(key) || !allowed(recipe)) continue
    tried.add(key)
    jobs.push({ key, round, recipe, why })
  }
  return round === 1 || round === LAST_ROUND ? jobs : jobs.slice(0, recipesIn(round))
}

/** Where trials take minutes, what they show is heeded sooner. */
const recipesIn = (round: number): number =>
  round > POLICY.firstLearningRound ? POLICY.learningRoundSize : POLICY.roundSize

interface Idea {
  recipe: Recipe
  why: string
}

/** False where another parameter makes this one idle. */
function counts({ only }: ParameterField, pass: PassDescription, params: RecipeStep['params']): boolean {
  if (!only) return true
  const other = pass.parameters.find((field) => field.name === only.name)
  const value = params[only.name] ?? other?.default
  return 'is' in only ? value === only.is : value !== only.not
}

/** The default of a pass and one variant for each search value of each parameter. */
function variants(pass: PassDescription): RecipeStep[] {
  const one = (field: ParameterField): RecipeStep[] =>
    (counts(field, pass, {}) ? (field.search ?? []) : [])
      .filter((value) => value !== field.default)
      .map((value) => ({ pass: pass.id, params: { [field.name]: value } }))
  return [{ pass: pass.id, params: {} }, ...pass.parameters.flatMap(one)]
}

function presetsOf(space: SearchSpace): Idea[] {
  // The search itself compares and chooses.
  const made = ({ pass }: RecipeStep): boolean => passOf(pass, space)?.role !== 'chooses'
  return space.presets
    .map(({ pare, name, description, steps }) => ({ pare, name, description, steps: steps.filter(made) }))
    .filter(({ steps }) => steps.every((step) => canDo(step, space)))
    .map((recipe) => ({ recipe, why: 'a preset' }))
}

const isSingle = (pass: PassDescription, space: SearchSpace): boolean =>
  !['adapts', 'normalizes'].includes(pass.role) && pass.family !== 'training' && usable(pass, space)

const alone = (pass: PassDescription, steps: readonly RecipeStep[]): Idea[] =>
  steps.map((step) => ({ recipe: recipeOf(normalized([step])), why: `${pass.title} alone` }))

function fromPortfolio(portfolio: readonly (readonly RecipeStep[])[], space: SearchSpace): Idea[] {
  return portfolio
    .filter((steps) => steps.every((step) => canDo(step, space)))
    .map((steps) => ({ recipe: recipeOf(normalized(steps)), why: 'a combination that often does well' }))
}

/** The portfolio, presets, and every pass that alone makes a model small, as it comes. */
function firstRound(space: SearchSpace, { maxLatency }: SearchGoal): Idea[] {
  const singles = space.passes
    .filter((pass) => isSingle(pass, space) && pass.role === 'encodes')
    .flatMap((pass) => alone(pass, variants(pass).slice(0, 1)))
  const fast = maxLatency === undefined ? [] : latencyPortfolio(maxLatency)
  const portfolio = [...PORTFOLIO.quick, ...fast, ...PORTFOLIO.first]
  return [...fromPortfolio(portfolio, space), ...presetsOf(space), ...singles]
}

/** What follows from the rounds before; learning takes its turn behind the most promising of it. */
function laterRound(
  round: number,
  space: SearchSpace,
  trials: readonly Trial[],
  goal: SearchGoal,
  learning: boolean,
): Idea[] {
  if (round === LAST_ROUND)
    return space.passes.filter((pass) => isSingle(pass, space)).flatMap((pass) => alone(pass, variants(pass)))
  const next = nextRound(space, trials, goal, learning)
  if (round !== POLICY.firstLearningRound) return next
  const half = POLICY.roundSize / 2
  return [...next.slice(0, half), ...learningRound(space), ...next.slice(half)]
}

const learningRound = (space: SearchSpace): Idea[] =>
  [...presetsOf(space), ...fromPortfolio(PORTFOLIO.learning, space)].map(({ recipe, why }) => {
    const begun = recipeOf(recipe.steps.map((step) => atFirst(step, space)))
    return { recipe: keyOf(begun) === keyOf(recipe) ? recipe : begun, why }
  })

/**
 * The step with as little work as a search begins with. What did well with little is worth more: L. Li et al.,
 * "Hyperband", arXiv:1603.06560.
 */
function atFirst(step: RecipeStep, space: SearchSpace): RecipeStep {
  const fields = passOf(step.pass, space)?.parameters ?? []
  const least = fields.flatMap(({ name, fidelity }) => (fidelity ? [[name, fidelity[0]] as const] : []))
  return { pass: step.pass, params: { ...Object.fromEntries(least), ...step.params } }
}

/** The recipe with the next more work in each of its steps; none where there is no more. */
function longer(recipe: Recipe, space: SearchSpace): (Idea & { changes: Change[] })[] {
  const changes: Change[] = []
  const steps = recipe.steps.map((step) =>
    (passOf(step.pass, space)?.parameters ?? []).reduce((before, field) => {
      const own = Number(before.params[field.name] ?? field.default)
      const next = field.fidelity?.find((value) => value > own)
      if (next === undefined) return before
      const after = withValue(before, field, next)
      changes.push(changeOf(field, before, after))
      return after
    }, step),
  )
  const why = `${recipe.name} is small but over the floor; learning longer may win it back`
  return changes.length > 0 ? [{ recipe: recipeOf(steps), why, changes }] : []
}

const changeOf = ({ name }: ParameterField, before: RecipeStep, after: RecipeStep): Change => ({
  pass: before.pass,
  field: name,
  from: before.params[name],
  to: after.params[name],
})

/** A default that is written out would be the same recipe under another key. */
function withValue(
  { pass, params }: RecipeStep,
  { name, default: usual }: ParameterField,
  value: unknown,
): RecipeStep {
  const { [name]: _, ...others } = params
  return { pass, params: value === usual ? others : { ...others, [name]: value } }
}

/** The recipe with one parameter one or two declared steps milder or stronger, but for what changed nothing before. */
function neighbours(
  recipe: Recipe,
  space: SearchSpace,
  isIdle: (pass: string, field: string) => boolean,
): (Idea & { change: Change })[] {
  return recipe.steps.flatMap((step, at) => {
    const pass = passOf(step.pass, space)
    if (!pass) return []
    return pass.parameters
      .filter((field) => counts(field, pass, step.params) && !isIdle(pass.id, field.name))
      .filter((field) => field.search?.every((value) => typeof value === 'number'))
      .flatMap((field) => {
        const own = Number(step.params[field.name] ?? field.default)
        const values = (field.search as number[]).toSorted((a, b) => a - b)
        const near = [
          ...values.filter((value) => value < own).slice(-POLICY.neighbours),
          ...values.filter((value) => value > own).slice(0, POLICY.neighbours),
        ]
        return near.map((value) => {
          const changed = withValue(step, field, value)
          return {
            recipe: recipeOf(recipe.steps.with(at, changed)),
            why: `${recipe.name}, with ${field.label.toLowerCase()} ${value}`,
            change: changeOf(field, step, changed),
          }
        })
      })
  })
}

function finishers(recipe: Recipe, space: SearchSpace): Idea[] {
  return space.passes
    .filter(
      (pass) =>
        pass.role === 'stores' && usable(pass, space) && !recipe.steps.some((step) => step.pass === pass.id),
    )
    .map((pass) => ({
      recipe: recipeOf([...recipe.steps, { pass: pass.id, params: {} }]),
      why: `${recipe.name}, stored smaller`,
    }))
}

/** As a front of the result weighs them, but for files: how large one is follows from the download. */
const promisingCosts = (trial: Trial): number[] =>
  trial.footprint ? costsOfTrial(trial) : [trial.downloadBytes, trial.pointsLost!]

/** Kept trials on the front of download and loss, and those near enough to be worth saving. */
function promising(trials: readonly Trial[], goal: SearchGoal): Trial[] {
  const within = trials.filter(
    (trial) => trial.pointsLost !== undefined && trial.pointsLost <= beyondRepair(goal),
  )
  return front(within, promisingCosts, (t) => t.key).sort(byObjective)
}

function nextRound(
  space: SearchSpace,
  trials: readonly Trial[],
  goal: SearchGoal,
  learning: boolean,
): Idea[] {
  const best = promising(trials, goal).slice(0, POLICY.partners)
  const mild = trials.filter((trial) => isInside(trial, goal)).sort(byObjective)
  const partners = [
    ...new Map([...best, ...mild.slice(0, POLICY.partners)].map((trial) => [trial.key, trial])).values(),
  ]
  const expect = expectation(trials, goal)
  const ideas: (Idea & { priority: number })[] = []
  const add = (expected: Expected, found: readonly Idea[]): void => {
    const priority = expect.priority(expected)
    // Learning takes minutes: what it wins back must be smaller than what is surely inside the floor already.
    const isWorthLearning = expect.isGain(expected)
    for (const idea of found)
      if (isWorthLearning || !learns(idea.recipe, space)) ideas.push({ ...idea, priority })
  }
  for (const trial of partners) {
    const { recipe } = trial
    add(expect.finished(trial), finishers(recipe, space))
    for (const { change, ...idea } of neighbours(recipe, space, expect.isIdle))
      add(expect.near(trial, change), [idea])
    if (learning && !isInside(trial, goal)) {
      for (const { changes, ...idea } of longer(recipe, space)) add(expect.longer(trial, changes), [idea])
      for (const step of trainings(space, recipe))
        add(expect.trained(trial, step.pass), [
          {
            recipe: withTraining(recipe, step, space),
            why: `${recipe.name} is small but over the floor; ${step.pass} may win it back`,
          },
        ])
    }
    for (const partner of partners) {
      const steps = merge(recipe, partner.recipe, space)
      const why = `both did well alone: ${recipe.name} with ${partner.recipe.name}`
      if (steps) add(expect.both(trial, partner), [{ recipe: recipeOf(steps), why }])
    }
  }
  for (const pass of space.passes.filter((one) => isSingle(one, space))) {
    const own = keyOf(recipeOf(normalized([{ pass: pass.id, params: {} }])))
    if (pass.role !== 'encodes') add(expect.untried(), alone(pass, variants(pass).slice(0, 1)))
    const base = trials.find((trial) => trial.key === own)
    const well = base?.pointsLost !== undefined && base.pointsLost <= beyondRepair(goal)
    if (base && well) add(expect.near(base), alone(pass, variants(pass)))
  }
  return ideas.sort((a, b) => a.priority - b.priority || (a.recipe.name < b.recipe.name ? -1 : 1))
}

/** Passes that win quality back by learning, where none did: one that did goes on for longer. As steps that learn as little as a search begins with. */
function trainings(space: SearchSpace, recipe: Recipe): RecipeStep[] {
  const has = (is: (pass: PassDescription) => boolean): boolean =>
    recipe.steps.some((step) => [passOf(step.pass, space)].some((pass) => pass && is(pass)))
  return space.passes
    .filter(
      (pass) =>
        pass.family === 'training' &&
        usable(pass, space) &&
        !has(({ id, role }) => id === pass.id || (role === 'trains' && role === pass.role)) &&
        !(pass.role === 'encodes' && encodersIn(recipe.steps, space) > 0),
    )
    .map((pass) => atFirst({ pass: pass.id, params: {} }, space))
}
