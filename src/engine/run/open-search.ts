/**
 * A search on disk: `search/<basis>/trials/<key>.json` with its model beside it, the sensitivities once, and work
 * folders with the checkpoints of one worker each. Several workers may share the folder; no file has two writers.
 */
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { SPLITS } from '../../contract/dataset'
import { errorData, PareError } from '../../contract/errors'
import type { SearchGoal } from '../../contract/goal'
import type { PassNeed } from '../../contract/passes'
import type { Recipe } from '../../contract/recipe'
import type { Dataset } from '../data/dataset'
import { measureLatency, type LatencyRatio } from '../evaluate/latency'
import { measureSensitivity } from '../search/sensitivity/measure'
import { deflatedBytes, modelSize } from '../evaluate/size'
import { latencyEstimates, operatorCost } from '../evaluate/target-latency'
import { footprintOn } from '../export/footprint'
import { readModel, stripNotes, writeModel } from '../onnx'
import { describePasses, findPass } from '../passes'
import { PRESETS } from '../passes/presets'
import type { SessionOptions, Values } from '../runtime'
import { findTarget } from '../targets'
import type { Built, TrialRunner } from '../search/trial-runner'
import { partsOf } from '../search/parts'
import type { SearchSpace } from '../search/recipes'
import { endOfTrials, exploringSeconds } from '../search/explore'
import { POLICY } from '../search/policy'
import type { Clock, SearchOptions, TrialStore } from '../search/options'
import { StoredTrial } from '../../contract/stored'
import type { Trial } from '../../contract/trial'
import { basisOf, type BasisOf } from './basis'
import { RunFolder } from './checkpoints'
import { passCache } from './pass-cache'
import { hashFile } from '../onnx/hash-file'
import { writeJson } from '../../disk/write'
import { readJson } from './files'
import { locked } from './lock'
import { sensitivitiesIn } from './sensitivities'
import { applyRecipe, chainKeys } from './steps'
import type { Unchanged } from './unchanged'
import { outputCheck } from './verify'

export interface SearchWork {
  /** The user's model, never written to. */
  original: string
  data: Dataset
  asked?: BasisOf['asked']
  /** Where the result will go, should that lie in the data. */
  into?: string
  /** Folder of passes that other runs have finished. */
  cache?: string
  /** Asked before a result is kept. */
  same?: Unchanged
  goal: SearchGoal
  folder: string
  /** Name of this worker, where several share `folder`; each keeps its checkpoints to itself. */
  worker?: string
  /** When the search began, where another process began it, less what earlier sessions took; milliseconds of the clock. */
  began?: number
  /** Folder of sensitivities measured before; default: one in `folder`. */
  sensitivities?: string
  /** Measures the sensitivities before anything is tried, so that workers find them; else the first pass that asks does. */
  ahead?: boolean
  resume: boolean
  seed: number
  session: SessionOptions
  /** Passes and presets to build recipes from; default: all. */
  from?: Pick<SearchSpace, 'passes' | 'presets'>
  signal: AbortSignal
  stopRequested?(): boolean
  progress(done: number, doing: string): void
  found(trial: Trial): void
}

/** Opens or begins a search. Throws `target/unknown`. */
export async function openSearch(asked: SearchWork): Promise<SearchOptions> {
  const work = { ...asked, target: findTarget(asked.goal.target) }
  const sha256 = hashFile(work.original)
  const basis = await basisOf(work, [work.folder, ...(work.into ? [work.into] : [])])
  // What was found for another model, other data or another floor does not count.
  const found = path.join(work.folder, 'search', `${basis.slice(0, 16)}-${work.goal.maxDrop}`)
  const trialsFolder = path.join(found, 'trials')
  if (!work.resume) fs.rmSync(path.join(work.folder, 'search'), { recursive: true, force: true })
  fs.mkdirSync(trialsFolder, { recursive: true })
  const { size } = fs.statSync(work.original)
  const workFolder = work.worker === undefined ? work.folder : path.join(work.folder, 'work', work.worker)
  const about = { original: { path: work.original, bytes: size, sha256 }, target: work.target.id }
  const run = RunFolder.open(workFolder, about, work.resume)
  const store = trialStore(trialsFolder)
  const time = path.join(found, 'time.json')
  const fileOf = (key: string): string => path.join(trialsFolder, `${key}.onnx`)
  // A scheduler that started this worker has a limit of its own.
  const isLimited = work.worker === undefined || work.began !== undefined
  const began = work.began ?? Date.now() - 1000 * secondsIn(time)
  const place = work.sensitivities ?? path.join(work.folder, 'sensitivity')
  const sensitivities = { ...sensitivitiesIn(place, work.worker, work.same), grows: true as const }
  if (work.ahead && work.data.splits.calibration.length > 0)
    await measureSensitivity(readModel(work.original), work.data, {
      techniques: ['bits'],
      cache: sensitivities,
      signal: work.signal,
      progress: (_, doing) => work.progress(0, `how sensitive each layer is: ${doing}`),
    }).catch(unlessNothingToDo)
  const cache = work.cache === undefined ? undefined : passCache(work.cache)
  const check = await outputCheck(work.original, work.data, work.session)
  const used = (): number => (Date.now() - began) / 1000
  const clock: Clock = {
    began,
    used,
    left: () => (isLimited ? work.goal.minutes * 60 - used() : Infinity),
  }
  const overtime = isLimited ? exploringSeconds(work.goal) : Infinity
  const isOver = (): boolean => clock.used() > overtime && clock.used() > endOfTrials(store.all(), work.goal)
  const sample = await firstSample(work.data)
  const runner: TrialRunner = {
    ...work,
    parts: partsOf(work.data, work.seed),
    async build(recipe, key) {
      const learning = learningClock(recipe, clock, overtime)
      const outcome = await applyRecipe({
        ...work,
        settings: { providers: work.session.providers ?? ['cpu'], target: work.target },
        run,
        cache,
        sensitivities,
        recipe,
        basis,
        check,
        begin: (step) => {
          learning.begin(step)
          return () => {
            if (isOver()) throw new PareError('cancelled', { during: 'the search' })
          }
        },
        timeFor: (seconds) => learning.left() / seconds,
        stopRequested: () => learning.isOver() || (work.stopRequested?.() ?? false),
        reuse: () => undefined,
        end: () => undefined,
      })
      const failed = outcome.steps.find((step) => step.failed)
      // What other recipes go on from lies in the cache.
      if (cache) for (const key of chainKeys(basis, recipe).slice(0, -1)) run.dropModel(key)
      if (failed)
        return {
          file: '',
          bytes: 0,
          downloadBytes: 0,
          steps: [],
          passSeconds: {},
          failed: `${failed.pass}: ${failed.summary}`,
        }
      const steps = outcome.steps.map((step) => step.summary)
      const passSeconds = Object.fromEntries(outcome.steps.map(({ pass, seconds }) => [pass, seconds]))
      const [targetLatency] = sample
        ? await latencyEstimates(work.original, [outcome.model], work.target, sample)
        : []
      const cost =
        sample && !targetLatency ? await operatorCost(work.original, outcome.model, sample) : undefined
      const footprint = await footprintOn(readModel(outcome.model), work.target)
      const kept = await keepModel(outcome.model, fileOf(key))
      return { ...kept, steps, passSeconds, targetLatency, operatorCost: cost, footprint }
    },
  }
  const options: SearchOptions = {
    runner,
    store: {
      ...store,
      save(trial) {
        store.save(trial)
        if (isLimited) writeJson(time, { seconds: used() })
      },
    },
    fileOf,
    async claim(key, once) {
      try {
        return await locked(path.join(work.folder, 'work', 'claims', key), once)
      } catch (cause) {
        if (errorData(cause).code !== 'run/busy') throw cause
        return 'busy'
      }
    },
    takeOver: (worker) => run.takeOver(path.join(work.folder, 'work', worker)),
    space: {
      ...(work.from ?? { passes: describePasses(), presets: PRESETS }),
      available: availableNeeds(work.data),
    },
    clock,
    originalDownloadBytes: await deflatedBytes(modelSize(readModel(work.original)).files),
    progress: work.progress,
    found(trial) {
      if (trial.state !== 'kept') {
        for (const file of filesOf(fileOf(trial.key))) fs.rmSync(file, { force: true })
        if (cache) for (const key of chainKeys(basis, trial.recipe)) run.dropModel(key)
      }
      work.found(trial)
    },
    latency: (keys, seconds) => latencyRatios(work, keys.map(fileOf), sample, seconds),
  }
  return options
}

/** Seconds that earlier sessions took. */
const secondsIn = (file: string): number => Time.safeParse(readJson(file)).data?.seconds ?? 0
const Time = z.object({ seconds: z.number().nonnegative() })

/** A model without float weights can still be searched: it has nothing to be sensitive about. */
function unlessNothingToDo(thrown: unknown): void {
  if (errorData(thrown).code !== 'model/nothing-to-do') throw thrown
}

const filesOf = (model: string): string[] => [model, `${model}.data`]

async function keepModel(from: string, to: string): Promise<Pick<Built, 'file' | 'bytes' | 'downloadBytes'>> {
  const model = readModel(from)
  stripNotes(model)
  const { files, bytes } = writeModel(model, to)
  return { file: to, bytes, downloadBytes: await deflatedBytes(files) }
}

/**
 * When a step that learns must end: the recipe's share of the time left, spread over its learning steps. A step that
 * would take longer learns on a shorter schedule; what was learned until its end is kept. Without an end of the time it learns as long as it wants.
 */
function learningClock(
  recipe: Recipe,
  clock: Clock,
  end: number,
): { begin(step: number): void; left(): number; isOver(): boolean } {
  const learns = recipe.steps.map(({ pass }) => findPass(pass).needs.includes('training'))
  const whole = clock.used() + POLICY.learningShare * (end - clock.used())
  let until = Infinity
  return {
    begin(step) {
      const left = learns.slice(step).filter(Boolean).length
      until = left > 0 ? clock.used() + (whole - clock.used()) / left : Infinity
    },
    left: () => Math.max(0, until - clock.used()),
    isOver: () => clock.used() > until,
  }
}

async function latencyRatios(
  { original, session, signal }: SearchWork,
  files: readonly string[],
  sample: Values | undefined,
  seconds: number,
): Promise<LatencyRatio[]> {
  if (files.length === 0 || !sample) return []
  // With threads as they are by default, as the report measures: the two figures of a model must not disagree.
  const { candidates } = await measureLatency(original, files, { sample, session, seconds, signal })
  return candidates.map((candidate) => candidate.ratio)
}

async function firstSample(data: Dataset): Promise<Values | undefined> {
  const split = SPLITS.find((name) => data.splits[name].length > 0)
  if (split) for await (const { inputs } of data.splits[split].batches(1, { limit: 1 })) return inputs
  return undefined
}

/** Whoever waits for others asks many times a second: a file is read again only where it was written since. */
function trialStore(folder: string): TrialStore {
  const known = new Map<string, { written: number; trial: Trial | undefined }>()
  const read = (file: string): Trial | undefined => {
    const written = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
    const before = known.get(file)
    if (before?.written === written) return before.trial
    // What is damaged was never tried.
    const trial = StoredTrial.safeParse(readJson(file)).data
    known.set(file, { written, trial })
    return trial
  }
  return {
    all: () =>
      fs
        .readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .sort()
        .flatMap((name) => read(path.join(folder, name)) ?? []),
    save(trial) {
      const file = path.join(folder, `${trial.key}.json`)
      writeJson(file, trial)
      known.delete(file)
    },
  }
}

/** What the dataset can give to passes. */
export function availableNeeds(data: Dataset): Set<PassNeed> {
  const needs = new Set<PassNeed>()
  if (data.splits.calibration.length > 0) needs.add('calibration')
  if (data.splits.training.length > 0) needs.add('training')
  if (data.task !== 'unlabelled') needs.add('labels')
  return needs
}
