import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dominates, front } from '../../../src/contract/front'
import type { SearchResult, Trial } from '../../../src/contract/trial'
import { openDataset } from '../../../src/engine/data/open'
import type { Dataset } from '../../../src/engine/data/dataset'
import { readModel } from '../../../src/engine/onnx'
import type { Preset } from '../../../src/contract/recipe'
import { describePasses } from '../../../src/engine/passes'
import { PRESETS } from '../../../src/engine/passes/presets'
import { openSearch, type SearchWork } from '../../../src/engine/run/open-search'
import { runTrial } from '../../../src/engine/search/trial-runner'
import { isInside } from '../../../src/engine/search/limits'
import { keyOf } from '../../../src/engine/search/recipes'
import { conclude, explore, pending } from '../../../src/engine/search/explore'
import type { SearchOptions } from '../../../src/engine/search/options'

const SAMPLES = { bearing: 'cnn1d.onnx', digits: 'lenet5.onnx' }
type SampleName = keyof typeof SAMPLES
const folderOf = (sample: SampleName): string => path.resolve('resources/samples', sample)
const modelOf = (sample: SampleName): string => path.join(folderOf(sample), SAMPLES[sample])
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-search-'))

/** Learning in a preset, short, and with steps that no other recipe takes over. */
const LEARNED: Preset = {
  pare: 1,
  id: 'smallest',
  name: 'Learned',
  description: '',
  cost: '',
  steps: [
    { pass: 'simplify', params: {} },
    { pass: 'quantize-aware', params: { bits: 3, epochs: 1 } },
  ],
}

/** Passes without training and the parameters that are searched, so that a whole search takes seconds. */
const SEARCHED: Record<string, Record<string, unknown[]>> = {
  simplify: {},
  'quantize-weights': { bits: [4, 3] },
  'quantize-static': {},
  'share-weights': { bits: [5, 3] },
  'pack-weights': {},
  'keep-best': {},
}
type From = NonNullable<SearchWork['from']>
const spaceOf = (searched: typeof SEARCHED, presets: readonly Preset[]): From => ({
  passes: describePasses()
    .filter(({ id }) => id in searched)
    .map((pass) => ({
      ...pass,
      parameters: pass.parameters.map((field) => ({ ...field, search: searched[pass.id]![field.name] })),
    })),
  presets,
})
const from = spaceOf(
  SEARCHED,
  PRESETS.filter(({ id }) => id === 'balanced'),
)
const learning = spaceOf({ simplify: {}, 'quantize-weights': {}, 'quantize-aware': {} }, [LEARNED])

/** Keys of every preset and of every single pass with each value that is searched. */
const singlesOf = ({ presets, passes }: From): string[] => [
  // A search compares by itself.
  ...presets.map(({ steps, ...preset }) =>
    keyOf({ ...preset, steps: steps.filter(({ pass }) => pass !== 'keep-best') }),
  ),
  ...passes
    .filter(({ family }) => family !== 'clean-up' && family !== 'training')
    .flatMap(({ id, parameters }) =>
      [
        {},
        ...parameters.flatMap(({ name, search = [], default: own }) =>
          search.filter((value) => value !== own).map((value) => ({ [name]: value })),
        ),
      ].map((params) => [
        { pass: 'simplify', params: {} },
        { pass: id, params },
      ]),
    )
    .map((steps) => keyOf({ pare: 1, name: '', description: '', steps })),
]

const datasets = {} as Record<SampleName, Dataset>
beforeAll(async () => {
  for (const sample of ['bearing', 'digits'] as const)
    datasets[sample] = await openDataset(path.join(folderOf(sample), 'data'), readModel(modelOf(sample)))
})
afterAll(async () => {
  for (const data of Object.values(datasets)) await data.close()
  fs.rmSync(root, { recursive: true, force: true })
})

const work = (name: string, over: Partial<SearchWork> = {}, sample: SampleName = 'bearing'): SearchWork => ({
  original: modelOf(sample),
  data: datasets[sample],
  goal: { kind: 'search', maxDrop: 1, target: 'any', minutes: 30 },
  folder: path.join(root, name),
  resume: false,
  seed: 0,
  session: {},
  from,
  signal: new AbortController().signal,
  progress: () => undefined,
  found: () => undefined,
  ...over,
})

/** What is asked of the clock, counted. */
function counting(options: SearchOptions): { options: SearchOptions; timed: string[] } {
  const timed: string[] = []
  const latency: SearchOptions['latency'] = (keys, seconds) => {
    timed.push(...keys)
    return options.latency(keys, seconds)
  }
  return { options: { ...options, latency }, timed }
}

/** Of what was found, what nothing beats in size and quality: the same wherever it was found. */
const sized = ({ trials }: SearchResult): string[] =>
  front(
    trials.filter(({ state, pointsLost }) => state === 'kept' && pointsLost !== undefined),
    (trial) => [trial.downloadBytes, trial.bytes, trial.pointsLost!],
    (trial) => trial.key,
  ).map(({ key }) => key)

/** A whole search; its winner must not be beaten by any preset, single pass or other trial inside the limits. */
async function whole(name: string, sample: SampleName, space = from) {
  const tried: Trial[] = []
  const options = await openSearch(work(name, { from: space, found: (trial) => tried.push(trial) }, sample))
  const result = await conclude(options, await explore(options))
  const { winner, confirmation, trials, rejected } = result
  expect(tried.length).toBe(trials.length)
  expect(winner).toBeDefined()
  const costs = (trial: Trial): number[] => [trial.downloadBytes, trial.pointsLost ?? Infinity]
  const keys = new Set(trials.map((trial) => trial.key))
  expect(singlesOf(space).filter((key) => !keys.has(key))).toEqual([])
  const out = new Set(rejected.map(({ trial }) => trial.key))
  const better = trials.filter(
    (trial) =>
      !out.has(trial.key) && isInside(trial, options.runner.goal) && dominates(costs(trial), costs(winner!)),
  )
  expect(better).toEqual([])
  expect(confirmation!.candidate.samples).toBe(Math.floor(datasets[sample].splits.validation.length * 0.4))
  expect(confirmation!.verdict).toBe(confirmation!.interval[1] <= 1 ? 'confirmed' : 'within')
  expect(confirmation!.pointsLost).toBeLessThanOrEqual(1)
  expect(result.explanation).toContain(winner!.recipe.name)
  // What nothing beats in size and quality is on the front, and was timed on this machine.
  const timed = new Map(trials.map((trial) => [trial.key, trial]))
  for (const key of sized(result)) {
    expect(result.front).toContain(key)
    const { latencyRatio, latencyInterval } = timed.get(key)!
    expect(latencyRatio).toBeGreaterThan(0.02)
    expect(latencyInterval![0]).toBeLessThanOrEqual(latencyRatio!)
    expect(latencyInterval![1]).toBeGreaterThanOrEqual(latencyRatio!)
  }
  // Others are on it for their time: each clearly faster than all that are at least as small and good.
  for (const key of result.front) {
    const one = timed.get(key)!
    for (const other of result.front.map((name) => timed.get(name)!))
      if (dominates(costs(other), costs(one)) && other.bytes <= one.bytes)
        expect(one.latencyRatio).toBeLessThan(0.9 * other.latencyRatio!)
  }
  return result
}

test('the winner on images is on the front of presets and single passes', async () => {
  await whole('digits', 'digits')
}, 300_000)

test('a preset that learns is tried like the others', async () => {
  const { trials } = await whole('learning', 'bearing', learning)
  expect(trials.find(({ key }) => key === keyOf(LEARNED))).toMatchObject({ state: 'kept', stage: 'search' })
}, 300_000)

test('the winner on signals is on the front, resumes, and is the same from four workers', async () => {
  const result = await whole('whole', 'bearing')
  const winner = result.winner!
  const repeated: Trial[] = []
  const again = await openSearch(work('whole', { resume: true, found: (trial) => repeated.push(trial) }))
  await explore(again)
  expect(repeated).toEqual([])
  const { options: counted, timed } = counting(again)
  const resumed = await conclude(counted, 0)
  expect(timed).toEqual([])
  expect(resumed.winner).toEqual(winner)
  expect(resumed.front).toEqual(result.front)

  // The same search as four workers, then merged.
  for (;;) {
    const list = await openSearch(work('spread', { resume: true, worker: 'list' }))
    const jobs = pending(list.space, list.store.all(), list.runner.goal)
    if (jobs.length === 0) {
      const { options: first, timed: once } = counting(list)
      const merged = await conclude(first, 0)
      expect(merged.winner!.key).toBe(winner.key)
      expect(sized(merged)).toEqual(sized(result))
      expect(once).toContain(winner.key)
      const { options: second, timed: twice } = counting(await openSearch(work('spread', { resume: true })))
      expect((await conclude(second, 0)).front).toEqual(merged.front)
      expect(twice).toEqual([])
      break
    }
    for (let index = 0; index < 4; index++) {
      const mine = await openSearch(work('spread', { resume: true, worker: String(index) }))
      for (const job of jobs.filter((_, at) => at % 4 === index))
        mine.store.save(await runTrial(job, mine.runner))
    }
  }
}, 300_000)

test('time that is up ends the search with what was found, times on the target estimated', async () => {
  const goal = { kind: 'search', maxDrop: 1, target: 'android-cpu', minutes: 0.05 } as const
  const options = await openSearch(work('short', { goal }))
  const leftOut = await explore(options)
  expect(leftOut).toBeGreaterThan(0)
  const tried = options.store.all()
  expect(tried.length).toBeLessThan(pending(options.space, [], goal).length)
  for (const { targetLatency } of tried.filter(({ state }) => state === 'kept')) {
    expect(targetLatency).toMatchObject({ target: 'android-cpu' })
    expect(targetLatency!.ratio).toBeGreaterThan(0.1)
  }
})

test('cancelling keeps the front so far', async () => {
  const controller = new AbortController()
  const options = await openSearch(
    work('cancelled', { signal: controller.signal, found: () => controller.abort() }),
  )
  await expect(explore(options)).rejects.toMatchObject({ code: 'cancelled' })
  expect(options.store.all()).toHaveLength(1)
})
