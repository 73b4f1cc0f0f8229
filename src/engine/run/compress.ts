/** A run: recipes applied to the original, each candidate measured beside it, everything on disk. */
import fs from 'node:fs'
import path from 'node:path'
import { PareError, type ErrorData } from '../../contract/errors'
import type { Recipe } from '../../contract/recipe'
import type { LayerReport, Report, SampleResults, StepRecord } from '../../contract/report'
import type { Dataset } from '../data/dataset'
import type { MemoryProbe } from '../evaluate/memory'
import { reportOn } from '../evaluate/report'
import { footprintOn } from '../export/footprint'
import { readModel, stripNotes, writeModel } from '../onnx'
import { findPass } from '../passes'
import type { PassContext } from '../passes/pass'
import type { SessionOptions } from '../runtime'
import { failureOf, STOPS } from '../runtime/failure'
import type { Target } from '../targets/target'
import { basisOf, type BasisOf } from './basis'
import { RunFolder } from './checkpoints'
import { candidateFiles, placeCandidate, settleCandidate, stageCandidate } from './candidate-files'
import { hashFile } from '../onnx/hash-file'
import { expectedSeconds, extentOf, type Expected } from './expected'
import { writeJson } from '../../disk/write'
import { readJson } from './files'
import { passCache } from './pass-cache'
import { Progress, type ProgressReport, type Stage } from './progress'
import { sensitivitiesIn } from './sensitivities'
import { headOf, type DocumentHead } from './record'
import { applyRecipe, chainKeys, validateRecipe, type RecipeOutcome } from './steps'
import { unchanged, type Unchanged } from './unchanged'
import { outputCheck } from './verify'

export interface CompressWork {
  /** The run's own folder. */
  folder: string
  /** The user's model, never written to. */
  original: string
  data: Dataset
  asked?: BasisOf['asked']
  /** Folder of passes that other runs have finished: what is known there is not done again. */
  cache?: string
  /** Asked before a result is kept; default: since the run began. */
  same?: Unchanged
  /** One candidate each. */
  recipes: Recipe[]
  resume: boolean
  seed: number
  session: SessionOptions
  /** Plain sentences that belong to every report of this run. */
  notes?: readonly string[]
  target: Target
  /** Folder of sensitivities measured before; default: one in `folder`. */
  sensitivities?: string
  /** Where the only candidate goes instead of `<folder>/candidates/1`. */
  into?: string
  probe?: MemoryProbe
  signal: AbortSignal
  stopRequested?(): boolean
  progress(report: ProgressReport): void
  point?: PassContext['point']
  step(at: { candidate: number; step: number; record: StepRecord }): void
  candidate(candidate: FinishedRun, original: Report): void
}

export interface FinishedRun {
  /** From 1. */
  n: number
  /** Absolute. */
  folder: string
  recipe: Recipe
  report: Report
  steps: StepRecord[]
  /** Absolute; the model first. */
  files: string[]
}

export interface RunResult {
  original: Report
  candidates: FinishedRun[]
  failed: { recipe: string; error: ErrorData }[]
}

/** Kept beside each candidate: both were measured in the same run on the same samples. */
interface Measured extends Partial<DocumentHead> {
  original: Report
  candidate: Report
  steps: StepRecord[]
}

/**
 * Runs the recipes in order. With `resume`, finished passes and candidates are not done again; a damaged
 * checkpoint is. A recipe of which no pass works is listed as failed; throws its error when it was the only one,
 * and everything that stops a run (`disk/full`, `engine/out-of-memory`, `cancelled`, `data/gone`, …), which can be
 * resumed.
 */
export async function compress(work: CompressWork): Promise<RunResult> {
  const { recipes, original } = work
  for (const recipe of recipes) validateRecipe(recipe)
  const same = work.same ?? unchanged(original, [work.data.path], [work.folder, work.into])
  const sha256 = hashFile(original)
  const { size } = fs.statSync(original)
  const about = { original: { path: original, bytes: size, sha256 }, target: work.target.id }
  const run = RunFolder.open(work.folder, about, work.resume)
  const basis = await basisOf(work, writtenIn(work))
  const shared = sharedKeys(basis, recipes)
  work.progress({ done: 0, doing: 'Reading the model and the data' })
  const check = await outputCheck(original, work.data, work.session)
  const expected = expectedSeconds(recipes, await extentOf(readModel(original), work.data))
  const progress = new Progress(stagesOf(recipes, expected), work.progress, undefined, true)
  const cache = work.cache === undefined ? undefined : passCache(work.cache)
  const sensitivities = sensitivitiesIn(
    work.sensitivities ?? path.join(work.folder, 'sensitivity'),
    undefined,
    same,
  )
  const result: RunResult = { original: undefined as unknown as Report, candidates: [], failed: [] }
  let firstOriginal: Report | undefined
  /** Position of the stage that comes after those of the recipes so far. */
  let stage = 0

  for (const [index, recipe] of recipes.entries()) {
    const n = index + 1
    const folder = recipes.length === 1 && work.into ? work.into : run.candidateFolder(n)
    try {
      settleCandidate(folder)
      const earlier = await finishedBefore(run, n, basis, recipe, folder)
      const measured = earlier ?? (await makeCandidate(n, recipe, folder))
      stage += recipe.steps.length + 1
      progress.skipTo(stage)
      firstOriginal ??= measured.original
      const { candidate: report, steps } = measured
      const finished: FinishedRun = { n, folder, recipe, report, steps, files: candidateFiles(folder) }
      result.candidates.push(finished)
      work.candidate(finished, firstOriginal)
    } catch (thrown) {
      same()
      const error = failureOf(thrown, recipe.name)
      if (STOPS.has(error.code) || recipes.length === 1) throw thrown
      result.failed.push({ recipe: recipe.name, error })
      progress.skipTo((stage += recipe.steps.length + 1))
    }
  }
  if (!firstOriginal)
    throw new PareError('pass/failed', {
      pass: recipes.map(({ name }) => name).join(', '),
      node: '',
      reason: 'no recipe gave a working model',
    })
  run.cleanUp()
  progress.finish()
  return { ...result, original: firstOriginal }

  async function makeCandidate(n: number, recipe: Recipe, folder: string): Promise<Measured> {
    const outcome = await applyRecipe({
      ...work,
      same,
      run,
      recipe,
      basis,
      shared,
      check,
      cache,
      sensitivities,
      settings: { providers: work.session.providers ?? ['cpu'], target: work.target },
      begin: () => progress.next(),
      reuse: (step, record) => {
        progress.skip()
        work.step({ candidate: n, step, record })
      },
      end: (step, record) => work.step({ candidate: n, step, record }),
    })
    const measured = await measureCandidate(work, recipe, outcome, folder, same, progress.next())
    run.finish(n, outcome.key, recipe, candidateFiles(folder), folder)
    return measured
  }
}

/** Writes the candidate's files, measures it, and puts all in place together. */
async function measureCandidate(
  work: CompressWork,
  recipe: Recipe,
  outcome: RecipeOutcome,
  folder: string,
  same: Unchanged,
  progress: (done: number, doing?: string) => void,
): Promise<Measured> {
  const staged = stageCandidate(folder)
  const model = path.join(staged, 'model.onnx')
  const made = readModel(outcome.model)
  // A bundle holds none of them: what is measured here is the file that is shipped.
  stripNotes(made)
  writeModel(made, model)
  const { original, candidates } = await reportOn({
    original: work.original,
    candidates: [{ path: model, layers: layerReports(outcome.steps, work.original) }],
    dataset: work.data,
    session: work.session,
    probe: work.probe,
    target: work.target,
    footprint: (file) => footprintOn(readModel(file), work.target),
    signal: work.signal,
    progress,
  })
  for (const { report } of [original, candidates[0]!]) report.notes.push(...(work.notes ?? []))
  const measured: Measured = {
    ...(await headOf('report', work.data)),
    original: original.report,
    candidate: { ...candidates[0]!.report, path: path.join(folder, 'model.onnx') },
    steps: outcome.steps,
  }
  const samples: Record<'original' | 'candidate', SampleResults> = {
    original: original.samples,
    candidate: candidates[0]!.samples,
  }
  writeJson(path.join(staged, 'recipe.json'), recipe)
  if (work.data.kind !== 'random') writeJson(path.join(staged, 'data-spec.json'), work.data.spec)
  writeJson(path.join(staged, 'samples.json'), samples)
  writeJson(path.join(staged, 'report.json'), measured)
  same()
  placeCandidate(staged, folder)
  return measured
}

/** The last word on every layer any step said something of, by the name that its node has in the original. */
function layerReports(steps: readonly StepRecord[], original: string): LayerReport[] | undefined {
  const byLayer = new Map<string, LayerReport>()
  for (const { layers = [], restarts } of steps) {
    if (restarts) byLayer.clear()
    for (const layer of layers) {
      const before = byLayer.get(layer.layer)
      byLayer.set(layer.layer, {
        ...before,
        ...layer,
        ...(before?.bytesBefore && { bytesBefore: before.bytesBefore }),
      })
    }
  }
  if (byLayer.size === 0) return undefined
  const nodes = new Map(
    readModel(original).graph.nodes.map(({ outputs, name }) => [outputs.find(Boolean), name]),
  )
  return [...byLayer.values()].map((layer) => {
    const node = nodes.get(layer.layer)
    return { ...layer, ...(node && { node }) }
  })
}

async function finishedBefore(
  run: RunFolder,
  n: number,
  basis: string,
  recipe: Recipe,
  folder: string,
): Promise<Measured | undefined> {
  const key = chainKeys(basis, recipe).at(-1)
  if (!key || !run.finished(n, key, folder)) return undefined
  return readJson(path.join(folder, 'report.json')) as Measured | undefined
}

/** Folders that a run writes to. */
const writtenIn = ({ folder, into }: CompressWork): string[] => [folder, ...(into ? [into] : [])]

/** Keys more than one recipe passes through: their models serve again. */
function sharedKeys(basis: string, recipes: readonly Recipe[]): Set<string> {
  const seen = new Set<string>()
  const shared = new Set<string>()
  for (const recipe of recipes)
    for (const key of chainKeys(basis, recipe)) (seen.has(key) ? shared : seen).add(key)
  return shared
}

function stagesOf(recipes: readonly Recipe[], expected: Expected): Stage[] {
  return recipes.flatMap(({ steps }, recipe) => [
    ...steps.map(({ pass }, step): Stage => ({
      weight: expected.steps[recipe]![step]!,
      step,
      doing: findPass(pass).description.title,
    })),
    { weight: expected.measuring, doing: 'Measuring' },
  ])
}
