/**
 * The library: what the command line does, as functions. Every call has an engine of its own, a process that is gone
 * when the call has ended; aborting ends that process at once. Paths are meant from the current folder.
 */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../contract/errors'
import { SearchGoal } from '../contract/goal'
import { parseSize, sizeIn } from '../contract/limits'
import type { ModelInspection } from '../contract/model'
import type { PassDescription } from '../contract/passes'
import type { TargetCheck } from '../contract/project'
import { Recipe, type Preset, type RecipeStep } from '../contract/recipe'
import type { CompressResult, Report } from '../contract/report'
import type { SearchResult } from '../contract/trial'
import type { TargetDescription } from '../contract/targets'
import type { SplitName } from '../contract/dataset'
import { EngineHost, type EngineLimits, type EngineProcess, type JobEvent, type JobOutput } from '../service'
import { checkOut, compressInto, recipeNamed, WORK_FOLDER } from './compressing'
import { writeBundle } from './exporting'
import { preparedData } from './prepared'
import { engineSettings, type DataReference, type Device, type Work } from './work'

/** What is told while something runs: progress, finished passes, trials of a search, sentences to know. */
export type PareEvent =
  JobEvent | { event: 'note'; data: { text: string } } | { event: 'doubt'; data: { text: string } }

export interface CallOptions {
  /** Ends the work at once; the call rejects with `cancelled`. */
  signal?: AbortSignal
  onEvent?(event: PareEvent): void
  /** Bytes the engine may use; default: half of what is free. */
  memory?: number
  /** Modules with passes, targets, encodings and tasks of their own: paths, or names of packages. */
  plugins?: readonly string[]
}

export interface MeasureOptions extends CallOptions, Device {
  /** A path, or a path with how it is read; without it inputs are random and quality stays unknown. */
  data?: string | DataReference
}

export interface CompressOptions extends MeasureOptions {
  /** A preset (safe, balanced, smallest, fastest), the path of a recipe, a recipe, or its steps. */
  recipe: string | Recipe | readonly RecipeStep[]
  /** Folder of the results. */
  out: string
  /** Default: any. */
  target?: string
  /** Of all that is drawn at random; default 0. */
  seed?: number
  /** Goes on from the last finished pass of an earlier run there. */
  resume?: boolean
  /** Replaces an earlier result there. */
  overwrite?: boolean
}

export interface SearchOptions extends MeasureOptions {
  /** Folder of the results. */
  out: string
  /** Most quality that may be lost, in points; default 1. */
  maxDrop?: number
  /** Bytes of the file, or words: "900KB", "25%", "4x". */
  maxBytes?: number | string
  /** Latency as a share of the original's. */
  maxLatency?: number
  /** Bytes or words, of flash and RAM on a microcontroller; what its chip has is a limit anyway. */
  maxFlash?: number | string
  maxRam?: number | string
  /** Default 30. */
  minutes?: number
  target?: string
  seed?: number
  resume?: boolean
  overwrite?: boolean
}

export interface EvaluateOptions extends MeasureOptions {
  /** Default: validation. */
  split?: SplitName
}

export interface CompareOptions extends EvaluateOptions {
  /** Adds an estimate of latency there. */
  target?: string
}

export interface ExportOptions extends MeasureOptions {
  /** A zip where it ends in .zip, else a folder. */
  out: string
  target?: string
  overwrite?: boolean
  embedPreprocessing?: boolean
  /** Bytes of RAM that a microcontroller has for it. */
  maxRam?: number
  /** C sources as a library of Arduino. */
  arduino?: boolean
  /** C sources call CMSIS-NN where it has a kernel. */
  cmsis?: boolean
}

export interface SearchOutcome extends CompressResult {
  search: SearchResult
}

export interface Library {
  /** What a model is; with `target` also what is known of it there. Throws `model/*`. */
  inspect(
    model: string,
    options?: CallOptions & { target?: string },
  ): Promise<ModelInspection & { checks?: TargetCheck[] }>
  /** Applies a recipe into a folder and measures what came out beside the original. Throws `export/exists`, `model/*`, `data/*`, `pass/*`. */
  compress(model: string, options: CompressOptions): Promise<CompressResult>
  /** Finds the smallest model within limits. `search.winner` is absent where nothing kept them. */
  search(model: string, options: SearchOptions): Promise<SearchOutcome>
  /** Measures one model. */
  evaluate(model: string, options?: EvaluateOptions): Promise<Report>
  /** Measures candidates against the original: the same samples, timed in turn in one process. */
  compare(
    original: string,
    candidates: readonly string[],
    options?: CompareOptions,
  ): Promise<JobOutput<'compare'>>
  /** Packs a model for an app: model, manifest, golden samples, checks, code. */
  exportBundle(
    model: string,
    options: ExportOptions,
  ): Promise<JobOutput<'exportBundle'> & { checks: TargetCheck[] }>
  /** Holds a bundle against what it says of itself; what is wrong is among the checks. Throws `bundle/invalid`. */
  verifyBundle(bundle: string, options?: CallOptions): Promise<JobOutput<'verifyBundle'>>
  /** Every pass with its parameters, those of plug-ins too. */
  passes(options?: CallOptions): Promise<PassDescription[]>
  /** The recipes that come with Pare. */
  presets(options?: CallOptions): Promise<Preset[]>
  /** What a model can be made for, targets of plug-ins too. */
  targets(options?: CallOptions): Promise<TargetDescription[]>
}

const referenceOf = (data: MeasureOptions['data']): DataReference => {
  if (data === undefined) return {}
  if (typeof data === 'string') return { path: path.resolve(data) }
  const { path: place, tokenizer } = data
  return {
    ...data,
    ...(place !== undefined && { path: path.resolve(place) }),
    ...(tokenizer !== undefined && { tokenizer: path.resolve(tokenizer) }),
  }
}

const isSteps = (recipe: Recipe | readonly RecipeStep[]): recipe is readonly RecipeStep[] =>
  Array.isArray(recipe)

async function recipeOf(work: Work, recipe: CompressOptions['recipe']): Promise<Recipe> {
  if (typeof recipe === 'string') return recipeNamed(work, recipe)
  const whole = isSteps(recipe) ? { name: recipe.map(({ pass }) => pass).join(' + '), steps: recipe } : recipe
  const parsed = Recipe.safeParse(whole)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new PareError('recipe/invalid', {
    file: 'recipe',
    reason: `${issue!.path.join('.') || 'the recipe'}: ${issue!.message}`,
  })
}

type Start = (limits: EngineLimits) => EngineProcess

/** `start` gives the engine process. */
export function library(start: Start): Library {
  async function using<T>(options: CallOptions, use: (work: Work) => Promise<T>): Promise<T> {
    const { signal, onEvent = () => undefined, memory, plugins } = options
    const host = new EngineHost((share = memory) => start({ memory: share, plugins: plugins?.map(moduleOf) }))
    const tell = (event: 'note' | 'doubt', text: string): void => onEvent({ event, data: { text } })
    try {
      return await use({
        run: (job, input, during, listen) =>
          host.run(job, input, {
            during,
            ...(signal && { signal }),
            onEvent: (event) => {
              onEvent(event)
              listen?.(event)
            },
          }),
        say: (text) => tell('note', text),
        doubt: (doubts) => doubts.forEach(({ message }) => tell('doubt', message)),
      })
    } finally {
      host.close()
    }
  }

  const measuring = async (
    work: Work,
    options: MeasureOptions,
    models: readonly [string, ...string[]],
  ): Promise<{ model: string; data: DataReference; settings: ReturnType<typeof engineSettings> }> => {
    const settings = engineSettings(options)
    const data = await preparedData(work, { models, data: referenceOf(options.data), settings })
    return { model: models[0], data, settings }
  }

  return {
    inspect: (model, options = {}) =>
      using(options, (work) =>
        work.run('inspect', { model: path.resolve(model), target: options.target }, 'reading the model'),
      ),
    compress: (model, options) =>
      using(options, async (work) => {
        const { target, seed = 0, resume = false, overwrite = false } = options
        const [from, out] = [path.resolve(model), path.resolve(options.out)]
        checkOut(out, from, overwrite || resume)
        const recipe = await recipeOf(work, options.recipe)
        const input = await measuring(work, options, [from])
        return compressInto(work, { ...input, recipe, out, target, seed, resume, overwrite })
      }),
    search: (model, options) =>
      using(options, async (work) => {
        const { seed = 0, resume = false, overwrite = false } = options
        const [from, into] = [path.resolve(model), path.resolve(options.out)]
        checkOut(into, from, overwrite || resume)
        const goal = await goalOf(work, from, options)
        const folder = path.join(into, WORK_FOLDER)
        fs.mkdirSync(folder, { recursive: true })
        const input = { ...(await measuring(work, options, [from])), folder, into, goal, seed, resume }
        const { result, run } = await work.run('search', input, 'searching')
        const { report: candidate, steps, files } = run.candidates[0]!
        return { original: run.original, candidate, steps, files, search: result }
      }),
    evaluate: (model, options = {}) =>
      using(options, async (work) => {
        const { split = 'validation' } = options
        const input = await measuring(work, options, [path.resolve(model)])
        return work.run('evaluate', { ...input, split }, 'measuring')
      }),
    compare: (original, candidates, options = {}) =>
      using(options, async (work) => {
        const { target, split } = options
        const paths = candidates.map((candidate) => path.resolve(candidate))
        const input = await measuring(work, options, [path.resolve(original), ...paths])
        const named = paths.map((one, i) => ({ name: candidates[i]!, model: one }))
        return work.run('compare', { ...input, candidates: named, target, split }, 'comparing')
      }),
    exportBundle: (model, options) =>
      using(options, async (work) => {
        const {
          target = 'any',
          overwrite = false,
          embedPreprocessing: embed,
          data,
          maxRam,
          arduino,
          cmsis,
        } = options
        const from = path.resolve(model)
        const { record } = await work.run('record', { model: from }, 'looking for what is known of the model')
        const settings = engineSettings(options)
        const given = data === undefined ? {} : (await measuring(work, options, [from])).data
        const out = path.resolve(options.out)
        return writeBundle(work, {
          model: from,
          data: given,
          settings,
          target,
          out,
          overwrite,
          embed,
          maxRam,
          arduino,
          cmsis,
          record,
        })
      }),
    verifyBundle: (bundle, options = {}) =>
      using(options, (work) =>
        work.run('verifyBundle', { bundle: path.resolve(bundle) }, 'verifying the bundle'),
      ),
    passes: (options = {}) => using(options, (work) => work.run('passes', undefined, 'listing the passes')),
    presets: (options = {}) =>
      using(options, (work) => work.run('presets', undefined, 'listing the presets')),
    targets: (options = {}) =>
      using(options, (work) => work.run('targets', undefined, 'listing the targets')),
  }
}

/** Paths are meant from the current folder; anything else is a package's name. */
export const moduleOf = (plugin: string): string =>
  /^[./~]|^[a-z]:[\\/]/i.test(plugin) || fs.existsSync(plugin) ? path.resolve(plugin) : plugin

/** Throws `bad-request` for limits that can be none. */
async function goalOf(
  work: Work,
  model: string,
  { maxDrop, maxBytes: size, maxLatency, maxFlash, maxRam, target, minutes }: SearchOptions,
): Promise<Omit<SearchGoal, 'target'> & { target?: string }> {
  const wrong = (reason: string): PareError => new PareError('bad-request', { method: 'search', reason })
  const limit = typeof size === 'string' ? parseSize(size) : size === undefined ? undefined : { bytes: size }
  if (size !== undefined && !limit) throw wrong(`maxBytes: “${size}” is no size, such as 900KB, 25% or 4x.`)
  const bytes =
    limit && 'share' in limit ? (await work.run('inspect', { model }, 'reading the model')).bytes : 0
  const memory = (name: string, size: number | string | undefined): number | undefined => {
    const read = typeof size === 'string' ? parseSize(size) : size === undefined ? undefined : { bytes: size }
    if (size !== undefined && !(read && 'bytes' in read))
      throw wrong(`${name}: “${size}” is no size, such as 256KB.`)
    return read && 'bytes' in read ? read.bytes : undefined
  }
  const goal = {
    kind: 'search',
    maxDrop,
    maxBytes: limit && sizeIn(limit, bytes),
    maxLatency,
    maxFlash: memory('maxFlash', maxFlash),
    maxRam: memory('maxRam', maxRam),
    target,
    minutes,
  }
  const parsed = SearchGoal.safeParse(goal)
  if (parsed.success) return { ...parsed.data, target }
  const [issue] = parsed.error.issues
  throw wrong(`${issue!.path.join('.')}: ${issue!.message}`)
}
