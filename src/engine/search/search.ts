/**
 * The search: rounds of trials within a time limit, then the front, then the winner held against samples no trial
 * has seen. Resumable, because every finished trial is in the store and is not tried again.
 */
import { PareError } from '../../contract/errors'
import type { SearchGoal } from '../../contract/goal'
import { measureQuality } from '../evaluate/quality'
import { attempt, type Workshop } from './attempt'
import { explain } from './explain'
import { front } from './front'
import { byMerit, isInside, obstacles } from './limits'
import { lossOf } from './loss'
import { jobsOf, LAST_ROUND, type SearchSpace } from './space'
import type { Confirmation, SearchJob, SearchResult, Trial } from '../../contract/search'

/** Finalists whose latency is measured and who may be held against the kept-back samples. */
const FINALISTS = 6
/** Share of the time limit kept for latency and confirmation. */
const RESERVE = 0.1

export interface TrialStore {
  all(): Trial[]
  save(trial: Trial): void
}

export interface Clock {
  /** Seconds used so far, earlier sessions of a resumed search included. */
  used(): number
}

export interface SearchOptions {
  space: SearchSpace
  store: TrialStore
  shop: Workshop
  originalDownloadBytes: number
  clock: Clock
  /** p50 ratio of each model file to the original, interleaved in one process. */
  latency(keys: readonly string[]): Promise<number[]>
  /** The model file of a kept trial. */
  fileOf(key: string): string
  progress(done: number, doing: string): void
  found(trial: Trial): void
}

/** What is left to try now, given what was found: one machine's whole work, or a list to spread over many. */
export function pending(space: SearchSpace, trials: readonly Trial[], goal: SearchGoal): SearchJob[] {
  const done = new Set(trials.map((trial) => trial.key))
  for (let round = 1; round <= LAST_ROUND; round++) {
    const before = trials.filter((trial) => trial.round < round)
    const jobs = jobsOf(round, space, before, goal).filter((job) => !done.has(job.key))
    if (jobs.length > 0) return jobs
  }
  return []
}

/** Tries what there is to try until time is up. Throws `cancelled`; what was found until then is in the store. */
export async function explore(options: SearchOptions): Promise<number> {
  const { space, store, shop, clock } = options
  const limit = shop.goal.minutes * 60 * (1 - RESERVE)
  for (
    let jobs = pending(space, store.all(), shop.goal);
    jobs.length > 0;
    jobs = pending(space, store.all(), shop.goal)
  ) {
    for (const [at, job] of jobs.entries()) {
      if (shop.signal.aborted) throw new PareError('cancelled', { during: 'the search' })
      if (clock.used() > limit) return jobs.length - at
      const share = Math.min(1, clock.used() / limit)
      options.progress(share, `round ${job.round}, ${at + 1} of ${jobs.length}: ${job.recipe.name}`)
      const trial = await attempt(job, shop)
      if (trial.state === 'out-of-time') return jobs.length - at
      store.save(trial)
      options.found(trial)
    }
  }
  return 0
}

/** The front of what is in the store, the winner, and its confirmation. */
export async function conclude(options: SearchOptions, leftOut: number): Promise<SearchResult> {
  const { store, shop } = options
  const trials = store.all()
  const measured = trials.filter((trial) => trial.state === 'kept' && trial.pointsLost !== undefined)
  const finalists = measured
    .filter((trial) => isInside(trial, shop.goal))
    .sort(byMerit)
    .slice(0, FINALISTS)
  options.progress(0.95, 'measuring the latency of the finalists')
  const ratios = await options.latency(finalists.map((trial) => trial.key))
  for (const [at, trial] of finalists.entries()) {
    trial.latencyRatio = ratios[at]
    store.save(trial)
  }
  const inside = finalists.filter((trial) => isInside(trial, shop.goal))
  const best = front(
    measured,
    (t) => [t.downloadBytes, t.bytes, t.pointsLost!],
    (t) => t.key,
  ).sort(byMerit)
  options.progress(0.97, 'confirming the winner on samples the search never used')
  const confirmed = await confirmFirst(inside, options)
  const result = {
    goal: shop.goal,
    trials,
    front: best.map((trial) => trial.key),
    ...(confirmed && { winner: confirmed.trial, confirmation: confirmed.confirmation }),
    ...(!confirmed && { closest: closestOf(measured, shop.goal) }),
    leftOut,
    originalDownloadBytes: options.originalDownloadBytes,
  }
  return { ...result, explanation: explain(result) }
}

/** The smallest finalist the kept-back samples confirm; else the smallest they do not contradict. */
async function confirmFirst(
  finalists: readonly Trial[],
  options: SearchOptions,
): Promise<{ trial: Trial; confirmation?: Confirmation } | undefined> {
  const { confirm } = options.shop.parts
  const [first] = finalists
  if (!first) return undefined
  if (confirm.splits.validation.length === 0) return { trial: first }
  const files = finalists.map((trial) => options.fileOf(trial.key))
  const { original, candidates } = await measureQuality(options.shop.original, files, { dataset: confirm })
  const tested = candidates.map((candidate, at) => {
    const loss = lossOf(original, candidate)
    const { maxDrop } = options.shop.goal
    const verdict =
      loss.points <= maxDrop ? 'confirmed' : loss.low <= maxDrop ? 'not-contradicted' : 'contradicted'
    const confirmation: Confirmation = {
      original: original.quality,
      candidate: candidate.quality,
      pointsLost: loss.points,
      interval: [loss.low, loss.high],
      verdict,
    }
    return { trial: finalists[at]!, confirmation }
  })
  return (
    tested.find(({ confirmation }) => confirmation.verdict === 'confirmed') ??
    tested.find(({ confirmation }) => confirmation.verdict === 'not-contradicted')
  )
}

/** With nothing inside the limits: the trial with the fewest things against it, then the least lost. */
function closestOf(trials: readonly Trial[], goal: SearchGoal): Trial | undefined {
  const against = (trial: Trial): number => obstacles(trial, goal).length
  return [...trials].sort(
    (a, b) => against(a) - against(b) || a.pointsLost! - b.pointsLost! || byMerit(a, b),
  )[0]
}
