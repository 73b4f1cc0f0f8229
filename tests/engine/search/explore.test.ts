import { expect, test } from 'vitest'
import type { Confirmation } from '../../../src/contract/trial'
import { SearchGoal } from '../../../src/contract/goal'
import {
  currentRound,
  endOfTrials,
  explore,
  exploringSeconds,
  frontOf,
} from '../../../src/engine/search/explore'
import type { SearchOptions } from '../../../src/engine/search/options'
import { describePasses } from '../../../src/engine/passes'
import type { Trial } from '../../../src/contract/trial'
import { keys, trial } from './trials'

const found = (verdict: Confirmation['verdict']): Confirmation => ({ verdict }) as Confirmation

test('what the kept-back samples contradict is not on the front; what it had beaten is', () => {
  const lucky = trial('lucky', 10, 0)
  const winner = trial('winner', 20, 0.4)
  const rest = trial('rest', 30, 0.1)
  const rejected = [{ trial: lucky, confirmation: found('contradicted') }]
  expect(keys(frontOf([rest, winner, lucky], { winner, rejected }))).toBe('winner,rest')
  expect(keys(frontOf([rest, winner, lucky], { rejected: [] }))).toBe('lucky')
})

test('the winner stands on the front where a smaller trial misses the limit on latency by a hair', () => {
  const beyond = trial('beyond', 10, 0.1, { latencyRatio: 0.52 })
  const winner = trial('winner', 20, 0.2, { latencyRatio: 0.49 })
  expect(keys(frontOf([winner, beyond], { rejected: [] }))).toBe('beyond')
  expect(keys(frontOf([winner, beyond], { winner, rejected: [] }))).toBe('beyond,winner')
})

test('trials end with their time, and with nothing kept as long again', () => {
  const goal = SearchGoal.parse({ kind: 'search', maxDrop: 1, minutes: 10 })
  expect(exploringSeconds(goal)).toBe(540)
  expect(endOfTrials([trial('kept', 10, 0)], goal)).toBe(540)
  expect(endOfTrials([], goal)).toBe(1080)
  expect(endOfTrials([trial('lost', 10, 30, { state: 'dropped' })], goal)).toBe(1080)
})

/** Worker of a search whose recipes fail at once, over a store that others share. */
function worker(store: Map<string, Trial>, claims: Set<string>, built: string[]): SearchOptions {
  const goal = SearchGoal.parse({ kind: 'search', maxDrop: 1, minutes: 10 })
  const passes = describePasses().filter(({ id }) =>
    ['simplify', 'quantize-weights', 'pack-weights'].includes(id),
  )
  return {
    space: { passes, presets: [], available: new Set() },
    store: { all: () => [...store.values()], save: (found) => void store.set(found.key, found) },
    runner: {
      goal,
      signal: new AbortController().signal,
      build: async (_: unknown, key: string) => {
        built.push(key)
        await new Promise((resolve) => setImmediate(resolve))
        return { file: '', bytes: 0, downloadBytes: 0, steps: [], passSeconds: {}, failed: 'no' }
      },
    } as unknown as SearchOptions['runner'],
    clock: { began: 0, used: () => 0, left: () => 600 },
    async claim(key, work) {
      if (claims.has(key)) return 'busy'
      claims.add(key)
      try {
        return await work()
      } finally {
        claims.delete(key)
      }
    },
    progress: () => undefined,
    found: () => undefined,
  } as Partial<SearchOptions> as SearchOptions
}

test('workers side by side try every recipe once, round by round, and find what one alone finds', async () => {
  const alone = new Map<string, Trial>()
  await explore(worker(alone, new Set(), []))
  const [together, claims, built] = [new Map<string, Trial>(), new Set<string>(), [] as string[]]
  await Promise.all([1, 2, 3].map(() => explore(worker(together, claims, built))))
  expect(built.length).toBeGreaterThan(8)
  expect(new Set(built).size).toBe(built.length)
  const found = (store: Map<string, Trial>) =>
    [...store.values()].map(({ key, round, state }) => [key, round, state]).sort()
  expect(found(together)).toEqual(found(alone))
  const rounds = built.map((key) => together.get(key)!.round)
  expect(rounds).toEqual(rounds.toSorted((a, b) => a - b))
})

test('a round is the same list until the last of it is done', () => {
  const { space, runner } = worker(new Map(), new Set(), [])
  const round = currentRound(space, [], runner.goal)
  expect(round.length).toBeGreaterThan(2)
  const trials = round
    .slice(1)
    .map(({ key, round: at, recipe }) => trial(key, 10, 9, { round: at, recipe, state: 'failed' }))
  const later = currentRound(space, trials, runner.goal)
  expect(later.map(({ key }) => key)).toEqual(round.map(({ key }) => key))
  expect(later.map(({ done }) => done === true)).toEqual(round.map((_, at) => at > 0))
})
