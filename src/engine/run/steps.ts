/** A recipe, pass by pass, with a checkpoint after each: from a model file to a model file. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { performance } from 'node:perf_hooks'
import { PareError, toError } from '../../contract/errors'
import { errorMessage } from '../../contract/messages'
import type { Recipe, RecipeStep } from '../../contract/recipe'
import type { StepRecord } from '../../contract/report'
import type { Dataset } from '../data/dataset'
import type { SensitivityCache } from '../search/sensitivity/cache'
import { seeded } from '../math/random'
import { readModel } from '../onnx'
import { findPass } from '../passes'
import { stepsTold } from '../passes/told'
import type { PassContext } from '../passes/pass'
import { sensitivitiesOf } from '../search/sensitivity/measure'
import { failureOf, STOPS } from '../runtime/failure'
import { hashModel } from './basis'
import type { RunFolder } from './checkpoints'
import type { PassCache } from './pass-cache'
import type { Unchanged } from './unchanged'
import type { OutputCheck } from './verify'

interface RecipeWork {
  run: RunFolder
  /** The user's model, never written to. */
  original: string
  recipe: Recipe
  /** What decides results besides the steps: hash of the model, data and settings. */
  basis: string
  data: Dataset
  seed: number
  check: OutputCheck
  /** Of passes that other runs have finished. */
  cache?: PassCache
  /** Asked before a result is kept. */
  same?: Unchanged
  settings: Pick<PassContext, 'providers' | 'target'>
  signal: AbortSignal
  sensitivities?: SensitivityCache
  /** Called as each pass begins; gives its progress function. */
  begin(step: number): PassContext['progress']
  /** A pass whose result was there already. */
  reuse(step: number, record: StepRecord): void
  end(step: number, record: StepRecord): void
  point?: PassContext['point']
  stopRequested?(): boolean
  timeFor?: PassContext['timeFor']
  /** Keys other recipes of this run will want to go on from. */
  shared?: ReadonlySet<string>
}

export interface RecipeOutcome {
  /** The model after the last pass that worked; the original where none did. */
  model: string
  steps: StepRecord[]
  /** Key of the whole chain. */
  key: string
}

/** Older checkpoints than these are removed on the way; two are kept in case the last one is damaged. */
const CHECKPOINTS_KEPT = 2

const keyOf = (basis: string, steps: readonly RecipeStep[]): string =>
  createHash('sha256')
    .update(JSON.stringify([basis, steps, steps.flatMap(filesNamed)]))
    .digest('hex')
    .slice(0, 24)

/** Contents of the models that a step names. */
const filesNamed = ({ params }: RecipeStep): string[] =>
  Object.values(params).flatMap((value) =>
    typeof value === 'string' && value.endsWith('.onnx') && fs.existsSync(value) ? [hashModel(value)] : [],
  )

/** Throws for an unknown pass or a parameter out of its range, before any work is done. */
export function validateRecipe(recipe: Recipe): RecipeStep[] {
  return recipe.steps.map(({ pass, params }) => ({ pass, params: findPass(pass).parse(params) }))
}

/** Keys of every step's result; equal keys are equal work. */
export function chainKeys(basis: string, recipe: Recipe): string[] {
  const steps = validateRecipe(recipe)
  return steps.map((_, index) => keyOf(basis, steps.slice(0, index + 1)))
}

/** What the data lacks for a pass, as the error it would end with. */
export function missingNeed(pass: string, data: Dataset): PareError | undefined {
  const { needs, description } = findPass(pass)
  const by = description.title
  for (const need of needs) {
    if (need === 'labels' && data.task === 'unlabelled') return new PareError('data/labels-missing', { by })
    if (need !== 'labels' && data.splits[need].length === 0)
      return new PareError('data/split-missing', { split: need, by })
  }
  return undefined
}

/** A step after one that it leaves nothing to, or undoes: the recipe runs all the same, and should be told. */
export function misplaced(steps: readonly RecipeStep[], at: number): PareError | undefined {
  const { id, description } = findPass(steps[at]!.pass)
  for (const { pass } of steps.slice(0, at)) {
    const { after, title } = findPass(pass).description
    if (after.some((of) => of === id || of === description.role))
      return new PareError('recipe/order', { pass: description.title, after: title })
  }
  return undefined
}

/** The finished steps to go on from and the model they led to; undefined where that is the original. */
async function resumePoint(
  run: RunFolder,
  keys: readonly string[],
): Promise<{ steps: StepRecord[]; model?: string }> {
  const found = keys.map((key) => run.checkpoint(key))
  const missing = found.indexOf(undefined)
  for (let count = missing < 0 ? keys.length : missing; count > 0; count--) {
    const done = found.slice(0, count).filter((checkpoint) => checkpoint !== undefined)
    const steps = done.map((checkpoint) => checkpoint.record as unknown as StepRecord)
    const last = done[steps.findLastIndex((step) => !step.failed)]
    if (!last) return { steps }
    const model = run.modelOf(last)
    if (model) return { steps, model }
  }
  return { steps: [] }
}

/** Takes from the cache what goes further than what this run has itself. */
function takeOver(run: RunFolder, keys: readonly string[], cache: PassCache): void {
  for (const key of keys.toReversed()) if (run.checkpoint(key)?.files || run.adopt(key, cache)) return
}

/** Samples that only prove are none to work with. */
export function givenData({
  data,
  sensitivities,
  signal,
}: Pick<RecipeWork, 'data' | 'sensitivities' | 'signal'>): Pick<PassContext, 'data' | 'sensitivities'> {
  const { calibration, training } = data.splits
  if (calibration.length + training.length === 0) return {}
  return { data, sensitivities: sensitivitiesOf(data, sensitivities, signal) }
}

async function runStep(
  work: RecipeWork,
  index: number,
  key: string,
  model: string,
): Promise<{ record: StepRecord; files?: string[]; partial: boolean }> {
  const { pass: id, params } = work.recipe.steps[index]!
  const pass = findPass(id)
  const started = performance.now()
  const about = { pass: id, told: stepsTold([{ pass: id, params }]), params: pass.parse(params) }
  let partial = false
  const seconds = (): number => (performance.now() - started) / 1000
  const context: PassContext = {
    ...work.settings,
    original: readModel(work.original),
    ...givenData(work),
    progress: work.begin(index),
    signal: work.signal,
    random: seeded(work.seed).fork(`${index}:${id}`),
    scratch: work.run.scratch(key),
    point: work.point,
    stopRequested: () => {
      const stopped = work.stopRequested?.() ?? false
      partial ||= stopped
      return stopped
    },
    timeFor: (seconds) => {
      const share = work.timeFor?.(seconds) ?? 1
      partial ||= share < 1
      return share
    },
  }
  try {
    const missing = missingNeed(id, work.data)
    if (missing) throw missing
    const input = readModel(model)
    const read = work.data.standIn?.reads ?? 0
    pass.check(input, params)
    const { model: result, summary, skipped = [], ...rest } = await pass.run(input, params, context)
    const files = work.run.write(key, result)
    await work.check(files[0]!, pass.description.title)
    work.same?.()
    const late = misplaced(work.recipe.steps, index)
    const { standIn } = work.data
    // Who chooses says it in its own words.
    const isTold = standIn && standIn.reads > read && pass.description.role !== 'chooses'
    const told = [
      summary,
      ...(isTold ? [`There is no data: it went by ${standIn.words}.`] : []),
      ...(late ? [errorMessage(late.data).what] : []),
    ].join(' ')
    return { record: { ...about, seconds: seconds(), summary: told, skipped, ...rest }, files, partial }
  } catch (thrown) {
    work.same?.()
    const error = failureOf(thrown, pass.description.title)
    if (STOPS.has(error.code)) throw toError(error)
    const record = {
      ...about,
      seconds: seconds(),
      summary: errorMessage(error).what,
      skipped: [],
      failed: true,
      error,
    }
    return { record, partial }
  }
}

/**
 * Applies the passes in order, going on from finished ones. A pass that fails or breaks the model is recorded
 * with its reason and the model before it stands. Throws what stops the whole run (see STOPS), and the first
 * failure when not a single pass worked.
 */
export async function applyRecipe(work: RecipeWork): Promise<RecipeOutcome> {
  const { run, recipe, signal } = work
  const keys = chainKeys(work.basis, recipe)
  if (work.cache) takeOver(run, keys, work.cache)
  const from = await resumePoint(run, keys)
  const steps = from.steps
  let model = from.model ?? work.original
  steps.forEach((record, index) => work.reuse(index, record))

  for (let index = steps.length; index < keys.length; index++) {
    if (signal.aborted) throw new PareError('cancelled', { during: recipe.steps[index]!.pass })
    const key = keys[index]!
    const { record, files, partial } = await runStep(work, index, key, model)
    run.keep(key, record, files, partial)
    if (work.cache) run.share(keys.slice(0, index + 1), work.cache)
    run.dropScratch(key)
    steps.push(record)
    work.end(index, record)
    if (files) {
      model = files[0]!
      const old = keys[index - CHECKPOINTS_KEPT]
      if (old && !work.shared?.has(old)) run.dropModel(old)
    }
  }
  const failure = steps.find((step) => step.error)?.error
  if (failure && steps.every((step) => step.failed)) throw toError(failure)
  return { model, steps, key: keys.at(-1) ?? keyOf(work.basis, []) }
}
