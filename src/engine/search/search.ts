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
/** Time kept for latency, confirmation and the reports: a tenth, and on short limits what they take at least. */
const RESERVE = { share: 0.1, seconds: 20, most: 0.3 }

/** Seconds of a search's limit that go to trials. */
export function exploringSeconds({ minutes }: SearchGoal): number {
  const limit = minutes * 60
  return limit - Math.max(limit * RESERVE.share, Math.min(RESERVE.seconds, limit * RESERVE.most))
}

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
  const limit = exploringSeconds(shop.goal)
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
    ...confirmed,
    ...(!confirmed.winner && { closest: closestOf(measured, shop.goal) }),
    leftOut,
    originalDownloadBytes: options.originalDownloadBytes,
  }
  return { ...result, explanation: explain(result) }
}

interface Confirmed {
  winner?: Trial
  confirmation?: Confirmation
  rejected: { trial: Trial; confirmation: Confirmation }[]
}

/**
 * The smallest finalist that the kept-back samples do not contradict and that is inside the floor on all samples
 * together: on few samples a single one is more than a point, so the kept-back part alone would decide by luck.
 */
async function confirmFirst(finalists: readonly Trial[], options: SearchOptions): Promise<Confirmed> {
  const { parts, original, goal } = options.shop
  const samples = parts.confirm.splits.validation.length
  if (finalists.length === 0 || samples === 0) return { winner: finalists[0], rejected: [] }
  const files = finalists.map((trial) => options.fileOf(trial.key))
  const measured = await measureQuality(original, files, { dataset: parts.confirm })
  const rejected: Confirmed['rejected'] = []
  for (const [at, trial] of finalists.entries()) {
    const candidate = measured.candidates[at]!
    const loss = lossOf(measured.original, candidate)
    const searched = trial.quality!.samples
    const together = (trial.pointsLost! * searched + loss.points * samples) / (searched + samples)
    const confirmation: Confirmation = {
      original: measured.original.quality,
      candidate: candidate.quality,
      pointsLost: loss.points,
      interval: [loss.low, loss.high],
      together,
      verdict:
        loss.points <= goal.maxDrop
          ? 'confirmed'
          : loss.low <= goal.maxDrop
            ? 'not-contradicted'
            : 'contradicted',
    }
    if (confirmation.verdict !== 'contradicted' && together <= goal.maxDrop)
      return { winner: trial, confirmation, rejected }
    rejected.push({ trial, confirmation })
  }
  return { rejected }
}

/** With nothing inside the limits: the trial with the fewest things against it, then the least lost. */
function closestOf(trials: readonly Trial[], goal: SearchGoal): Trial | undefined {
  const against = (trial: Trial): number => obstacles(trial, goal).length
  return [...trials].sort(
    (a, b) => against(a) - against(b) || a.pointsLost! - b.pointsLost! || byMerit(a, b),
  )[0]
}
