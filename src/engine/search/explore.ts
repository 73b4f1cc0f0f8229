/**
 * The search: rounds of trials within a time limit, then the front, then the winner held against samples no trial
 * has seen. Resumable, because every finished trial is in the store and is not tried again.
 */
import { setTimeout } from 'node:timers/promises'
import { PareError } from '../../contract/errors'
import { plural } from '../../contract/format'
import { front } from '../../contract/front'
import type { SearchGoal } from '../../contract/goal'
import { runTrial } from './trial-runner'
import { confirmFirst, type Confirmed } from './confirm'
import { explain } from './explain'
import { byObjective, closestOf, costsOfTrial, timeOf } from './limits'
import type { SearchOptions } from './options'
import type { SearchSpace } from './recipes'
import { POLICY } from './policy'
import { jobsOf, LAST_ROUND } from './space'
import { timeFront, timeThese } from './timing'
import type { SearchJob, SearchResult, Trial } from '../../contract/trial'

/** Seconds of a search's limit that go to trials; the others are kept for latency, confirmation and the reports. */
export function exploringSeconds({ minutes }: SearchGoal): number {
  const limit = minutes * 60
  const { reserveShare, reserveSeconds, reserveMost } = POLICY
  return limit - Math.max(limit * reserveShare, Math.min(reserveSeconds, limit * reserveMost))
}

/** When trials end, in seconds since the search began; later with nothing kept when the time is over. */
export const endOfTrials = (trials: readonly Trial[], goal: SearchGoal): number =>
  exploringSeconds(goal) * (trials.some(({ state }) => state === 'kept') ? 1 : POLICY.patience)

/**
 * The round that is being tried: all its jobs, always in the same order, so that a place in the list means the same job
 * until the last of them is done. Empty where nothing is left.
 */
export const currentRound = (space: SearchSpace, trials: readonly Trial[], goal: SearchGoal): SearchJob[] =>
  roundsOf(space, goal)(trials)

/** The same for whoever asks again and again: a round is made anew only where the trials before it are others. */
function roundsOf(space: SearchSpace, goal: SearchGoal): (trials: readonly Trial[]) => SearchJob[] {
  const made = new Map<number, { from: string; jobs: SearchJob[] }>()
  const jobsIn = (round: number, trials: readonly Trial[]): SearchJob[] => {
    const before = trials.filter((trial) => trial.round < round)
    const from = before.map(({ key }) => key).join()
    const known = made.get(round)
    if (known?.from === from) return known.jobs
    const jobs = jobsOf(round, space, before, goal)
    made.set(round, { from, jobs })
    return jobs
  }
  return (trials) => {
    const done = new Set(trials.map((trial) => trial.key))
    for (let round = 1; round <= LAST_ROUND; round++) {
      const jobs = jobsIn(round, trials)
      if (jobs.some((job) => !done.has(job.key)))
        return jobs.map((job) => (done.has(job.key) ? { ...job, done: true } : job))
    }
    return []
  }
}

/** What is left to try now, given what was found. */
export const pending = (space: SearchSpace, trials: readonly Trial[], goal: SearchGoal): SearchJob[] =>
  currentRound(space, trials, goal).filter((job) => !job.done)

/** Tries one recipe and keeps what came of it; undefined where somebody else has done so. Gives 'busy' where somebody does. */
export function tryJob(job: SearchJob, options: SearchOptions): Promise<Trial | undefined | 'busy'> {
  const { store, runner } = options
  return options.claim(job.key, async () => {
    if (store.all().some(({ key }) => key === job.key)) return undefined
    const trial = await runTrial(job, runner)
    if (trial.state === 'out-of-time') return trial
    store.save(trial)
    options.found(trial)
    return trial
  })
}

/** How often to look whether others have ended what the next round waits for, milliseconds. */
const LOOK = 50

/** Tries what there is to try until time is up. Throws `cancelled`; what was found until then is in the store. */
export async function explore(options: SearchOptions): Promise<number> {
  const { space, store, runner, clock } = options
  /** Jobs of the round that will hardly end in time; they wait until no other is left. */
  const long = new Set<string>()
  const round = roundsOf(space, runner.goal)
  for (;;) {
    const trials = store.all()
    const limit = endOfTrials(trials, runner.goal)
    const jobs = round(trials).filter((job) => !job.done)
    if (jobs.length === 0) return 0
    if (runner.signal.aborted) throw new PareError('cancelled', { during: 'the search' })
    if (clock.used() > limit || options.stopRequested?.()) return jobs.length
    for (const job of jobs) if (expectedSeconds(job, trials) > limit - clock.used()) long.add(job.key)
    const able = jobs.filter(({ key }) => !long.has(key))
    // What is left cannot end in time: trying it would only burn the time.
    if (able.length === 0) return jobs.length
    const share = Math.min(1, clock.used() / limit)
    const tried = plural(trials.length, 'recipe')
    options.progress(share, `${tried} tried, ${jobs.length} left of this round: ${able[0]!.recipe.name}`)
    const trial = await firstFree(able, options)
    if (trial === 'busy') await setTimeout(LOOK)
    else if (trial?.state === 'out-of-time') return jobs.length
  }
}

/** Tries the first job that nobody else is at. */
async function firstFree(
  jobs: readonly SearchJob[],
  options: SearchOptions,
): Promise<Trial | undefined | 'busy'> {
  for (const job of jobs) {
    const trial = await tryJob(job, options)
    if (trial !== 'busy') return trial
  }
  return 'busy'
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)
const least = (numbers: readonly number[]): number => (numbers.length > 0 ? Math.min(...numbers) : 0)

/** What a recipe's passes and its measuring took elsewhere at least; passes not seen yet count nothing. */
function expectedSeconds({ recipe }: SearchJob, trials: readonly Trial[]): number {
  const measuring = trials
    .filter((trial) => trial.state === 'kept')
    .map(({ seconds, passSeconds = {} }) => Math.max(0, seconds - sum(Object.values(passSeconds))))
  const passes = recipe.steps.map(({ pass }) =>
    least(trials.flatMap((trial) => trial.passSeconds?.[pass] ?? [])),
  )
  return sum(passes) + least(measuring)
}

/** The front of what is in the store, the winner, and its confirmation. */
export async function conclude(options: SearchOptions, leftOut: number): Promise<SearchResult> {
  const { store, runner } = options
  const trials = store.all()
  const measured = trials.filter((trial) => trial.state === 'kept' && trial.pointsLost !== undefined)
  const reserve = runner.goal.minutes * 60 - exploringSeconds(runner.goal)
  await timeFront(measured, options, POLICY.timingShare * Math.min(reserve, options.clock.left()))
  const confirmed = await confirmFirst(measured, options)
  if (confirmed.winner) await timeThese([confirmed.winner], options)
  const result = {
    goal: runner.goal,
    trials,
    front: frontOf(measured, confirmed).map((trial) => trial.key),
    ...confirmed,
    ...(!confirmed.winner && { closest: closestOf(measured, runner.goal) }),
    leftOut,
    originalDownloadBytes: options.originalDownloadBytes,
  }
  return { ...result, explanation: explain(result) }
}

/**
 * What is shown as the front, smallest first. A trial that the kept-back samples contradicted has no place there:
 * its loss was luck. The winner always has one, also where a smaller trial is beyond the limit on latency by less
 * than the margin that makes a time clearly faster.
 */
export function frontOf(measured: readonly Trial[], { winner, rejected }: Confirmed): Trial[] {
  const luck = new Set(
    rejected.filter(({ confirmation }) => confirmation.verdict === 'contradicted').map(({ trial }) => trial),
  )
  const best = front(
    measured.filter((trial) => !luck.has(trial)),
    costsOfTrial,
    (t) => t.key,
    timeOf,
  )
  return [...new Set(winner ? [...best, winner] : best)].sort(byObjective)
}
