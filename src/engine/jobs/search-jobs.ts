/** The search as jobs: whole on one machine, or its work list spread over many and merged. */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import type { SearchGoal } from '../../contract/goal'
import type { SearchResult, Trial } from '../../contract/trial'
import type { Dataset } from '../data/dataset'
import { measureSensitivity } from '../search/sensitivity/measure'
import { readModel } from '../onnx'
import { compress, type RunResult } from '../run/compress'
import { removeCandidate } from '../run/candidate-files'
import { writeJson } from '../../disk/write'
import { locked } from '../run/lock'
import { openSearch } from '../run/open-search'
import { headOf } from '../run/record'
import { sensitivitiesIn } from '../run/sensitivities'
import type { Unchanged } from '../run/unchanged'
import { shareCores } from '../runtime/session'
import { fasterThan } from '../search/explain'
import { conclude, currentRound, explore, pending, tryJob } from '../search/explore'
import type { Clock, SearchOptions } from '../search/options'
import { findTarget, noBoard } from '../targets'
import { withRam, type Target } from '../targets/target'
import { chosenSession, withData } from './data'
import type { JobContext, JobHandlers } from './job'
import type { SearchRequest } from './protocol'
import { cacheOf, targetOf } from './runs'
import { withHelpers } from './search-helpers'

/** Share of the progress that is the search itself; the rest measures what it found. */
const SEARCH_SHARE = 0.9
/** Finished candidates besides the winner: others of the front inside the limits. */
const OTHERS = 2

/** Where what comes closest goes when nothing is inside the limits: it is no winner. */
const CLOSEST = 'closest'

interface Opened {
  options: SearchOptions
  /** What search.json begins with. */
  head(): Promise<object>
  finish(result: SearchResult): Promise<RunResult>
}

/** Throws `limits/no-board` where flash or RAM is limited for what is no microcontroller. */
export function goalFor(goal: SearchRequest['goal'], { id, board }: Target): SearchGoal {
  if ((goal.maxFlash !== undefined || goal.maxRam !== undefined) && !board) throw noBoard(id)
  return { ...goal, target: id }
}

/** Opens data and search, hands both to `use`. */
async function withSearch<T>(
  request: SearchRequest & { began?: number },
  context: JobContext,
  use: (search: Opened) => Promise<T>,
  ahead = false,
): Promise<T> {
  const { model, data, settings, folder, resume, seed, worker, began, sensitivities } = request
  const target = withRam(targetOf(request.goal.target, folder, resume), request.goal.maxRam)
  const goal = goalFor(request.goal, target)
  let clock: Clock | undefined
  /** What is left of the limit is all that can be known: a search takes the time it is given. */
  const say = (done: number, doing: string): void => {
    const left = clock?.left() ?? Infinity
    const eta = left > 0 && Number.isFinite(left) ? { etaSeconds: left } : {}
    context.emit('progress', { done, doing, ...eta })
  }
  const progress = (done: number, doing: string): void => say(SEARCH_SHARE * done, doing)
  const search = async (dataset: Dataset, same: Unchanged): Promise<T> => {
    const { session, word } = await chosenSession(settings)
    const shared = {
      original: model,
      data: dataset,
      same,
      session,
      seed,
      signal: context.signal,
      sensitivities,
      asked: data,
      cache: cacheOf(request, dataset),
    }
    const options = await openSearch({
      ...shared,
      goal,
      folder,
      resume,
      worker,
      began,
      into: request.into,
      ahead,
      stopRequested: () => context.stopRequested(),
      progress,
      found: (trial) => context.emit('trial', { trial }),
    })
    clock = options.clock
    const finish = (result: SearchResult): Promise<RunResult> => {
      const recipes = chosenOf(result).map((trial) => trial.recipe)
      if (recipes.length === 0) throw nothingKept(result, context.stopRequested())
      return compress({
        ...shared,
        folder,
        target,
        recipes: request.into ? recipes.slice(0, 1) : recipes,
        into: placeOf(request.into, result),
        resume: true,
        notes: [result.explanation, ...(word ? [word] : [])],
        probe: context.probe,
        stopRequested: () => context.stopRequested(),
        progress: ({ done, doing }) => say(SEARCH_SHARE + (1 - SEARCH_SHARE) * done, doing),
        step: (at) => context.emit('step', at),
        candidate: (candidate, original) => context.emit('candidate', { candidate, original }),
      })
    }
    return use({
      options: { ...options, stopRequested: () => context.stopRequested() },
      head: () => headOf('search-result', dataset),
      finish,
    })
  }
  return withData(model, data, search, undefined, [folder, request.into, sensitivities, request.cache])
}

/** Why there is not one trial to choose from: time, a stop, or what the trials say themselves. */
export function nothingKept({ goal, trials, leftOut }: SearchResult, isStopped: boolean): PareError {
  const tried = trials.length
  if (leftOut > 0 && !isStopped) return new PareError('search/out-of-time', { minutes: goal.minutes, tried })
  const often = new Map<string, number>()
  for (const { reason } of trials) often.set(reason, (often.get(reason) ?? 0) + 1)
  const [reason = ''] = [...often].sort(([, a], [, b]) => b - a).map(([text]) => text)
  return new PareError('search/nothing-kept', { tried, reason: reason.replace(/\.$/, '') })
}

/** The winner, or what comes closest, and others of the front that are kept. */
function chosenOf(result: SearchResult): Trial[] {
  const first = result.winner ?? result.closest
  const fast = first && fasterThan(first, result)
  const others = result.front
    .map((key) => result.trials.find((trial) => trial.key === key)!)
    .filter((trial) => trial.key !== first?.key && trial.key !== fast?.key)
    .filter((trial) => (first?.pointsLost ?? 0) >= (trial.pointsLost ?? Infinity))
  return [...(first ? [first] : []), ...[...(fast ? [fast] : []), ...others].slice(0, OTHERS)]
}

const placeOf = (into: string | undefined, { winner }: SearchResult): string | undefined =>
  into && (winner ? into : path.join(into, CLOSEST))

/** The folder that one worker has to itself. */
const workOf = ({ folder, worker = 'list' }: SearchRequest): string => path.join(folder, 'work', worker)

async function finishSearch(
  { options, head, finish }: Opened,
  request: SearchRequest,
  leftOut: number,
): Promise<{ result: SearchResult; run: RunResult }> {
  const result = await conclude(options, leftOut)
  const run = await finish(result)
  if (request.into) removeCandidate(result.winner ? path.join(request.into, CLOSEST) : request.into)
  writeJson(path.join(request.into ?? request.folder, 'search.json'), { ...(await head()), ...result })
  fs.rmSync(path.join(request.folder, 'work'), { recursive: true, force: true })
  return { result, run }
}

type SearchJobs = 'search' | 'searchAssist' | 'searchList' | 'searchStep' | 'searchMerge' | 'sensitivity'

export const searchJobs: JobHandlers<SearchJobs> = {
  search: (request, context) =>
    locked(
      request.folder,
      () =>
        withSearch(request, context, async (search) => {
          await withHelpers(request, context, search.options)
          return finishSearch(search, request, await explore(search.options))
        }),
      request.into,
    ),
  searchAssist: (request, context) => {
    shareCores(request.settings.threads)
    return withSearch(request, context, async ({ options }) => void (await explore(options)))
  },
  searchList: (request, context) =>
    locked(workOf(request), () =>
      withSearch(
        request,
        context,
        ({ options }) =>
          Promise.resolve(currentRound(options.space, options.store.all(), options.runner.goal)),
        true,
      ),
    ),
  searchStep: ({ share, ...request }, context) => {
    const { worker } = share
    const step = (): Promise<string[]> =>
      withSearch({ ...request, worker }, context, async ({ options }) => {
        const mine = pending(options.space, options.store.all(), options.runner.goal).filter((job) =>
          share.keys.includes(job.key),
        )
        const tried: string[] = []
        for (const [at, job] of mine.entries()) {
          context.progress(at / mine.length, job.recipe.name)
          const trial = await tryJob(job, options)
          if (trial && trial !== 'busy') tried.push(job.key)
        }
        return tried
      })
    return locked(workOf({ ...request, worker }), step, path.join(request.folder, 'search'))
  },
  searchMerge: (request, context) =>
    locked(request.folder, () =>
      withSearch(request, context, async (search) => {
        const left = pending(search.options.space, search.options.store.all(), search.options.runner.goal)
        return left.length > 0 ? { left } : finishSearch(search, request, 0)
      }),
    ),
  sensitivity: ({ model, data, samples, techniques, target, sensitivities }, { signal, progress }) =>
    withData(model, data, (dataset, same) =>
      measureSensitivity(readModel(model), dataset, {
        samples,
        techniques,
        weightBits: findTarget(target ?? 'any').int8.weightBits,
        cache: sensitivities === undefined ? undefined : sensitivitiesIn(sensitivities, undefined, same),
        signal,
        progress,
      }),
    ),
}
