import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Trial } from '../../../src/contract/search'
import { openDataset } from '../../../src/engine/data/open'
import type { Dataset } from '../../../src/engine/data/dataset'
import { readModel } from '../../../src/engine/onnx'
import { describePasses } from '../../../src/engine/passes'
import { PRESETS } from '../../../src/engine/passes/presets'
import { openSearch, type SearchWork } from '../../../src/engine/run/search'
import { attempt } from '../../../src/engine/search/attempt'
import { dominates } from '../../../src/engine/search/front'
import { isInside } from '../../../src/engine/search/limits'
import { conclude, explore, pending } from '../../../src/engine/search/search'

const sample = path.resolve('resources/samples/bearing')
const original = path.join(sample, 'cnn1d.onnx')
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-search-'))

/** Passes without training, so that a whole search takes seconds. */
const from = {
  passes: describePasses().filter(({ id }) =>
    ['simplify', 'float16', 'quantize-weights', 'quantize-static'].includes(id),
  ),
  presets: PRESETS.filter(({ id }) => id === 'safe' || id === 'balanced'),
}

let data: Dataset
beforeAll(async () => {
  data = await openDataset(path.join(sample, 'data'), readModel(original))
})
afterAll(async () => {
  await data.close()
  fs.rmSync(root, { recursive: true, force: true })
})

const work = (name: string, over: Partial<SearchWork> = {}): SearchWork => ({
  original,
  data,
  goal: { kind: 'search', maxDrop: 1, target: 'any', minutes: 30 },
  folder: path.join(root, name),
  resume: false,
  seed: 0,
  session: {},
  target: 'any',
  from,
  signal: new AbortController().signal,
  progress: () => undefined,
  found: () => undefined,
  ...over,
})

test('the winner is not beaten by any single pass or preset, is confirmed on samples never used, and resumes', async () => {
  const tried: Trial[] = []
  const { options } = await openSearch(work('whole', { found: (trial) => tried.push(trial) }))
  const result = await conclude(options, await explore(options))
  const { winner, confirmation, trials } = result
  expect(tried.length).toBe(trials.length)
  expect(winner).toBeDefined()
  const costs = (trial: Trial): number[] => [trial.downloadBytes, trial.pointsLost ?? Infinity]
  const rejected = new Set(result.rejected.map(({ trial }) => trial.key))
  const better = trials.filter(
    (trial) =>
      !rejected.has(trial.key) &&
      isInside(trial, options.shop.goal) &&
      dominates(costs(trial), costs(winner!)),
  )
  expect(better).toEqual([])
  expect(confirmation!.candidate.samples).toBe(Math.floor(data.splits.validation.length * 0.3))
  expect(confirmation!.together).toBeLessThanOrEqual(1)
  expect(result.explanation).toContain(winner!.recipe.name)

  const repeated: Trial[] = []
  const again = await openSearch(work('whole', { resume: true, found: (trial) => repeated.push(trial) }))
  await explore(again.options)
  expect(repeated).toEqual([])

  // The same search as four workers, then merged.
  for (;;) {
    const list = await openSearch(work('spread', { resume: true, worker: 'list' }))
    const jobs = pending(list.options.space, list.options.store.all(), list.options.shop.goal)
    if (jobs.length === 0) {
      const merged = await conclude(list.options, 0)
      expect(merged.winner!.key).toBe(winner!.key)
      expect(merged.front).toEqual(result.front)
      break
    }
    for (let index = 0; index < 4; index++) {
      const { options: mine } = await openSearch(work('spread', { resume: true, worker: String(index) }))
      for (const job of jobs.filter((_, at) => at % 4 === index))
        mine.store.save(await attempt(job, mine.shop))
    }
  }
}, 300_000)

test('time that is up ends the search with what was found', async () => {
  const goal = { kind: 'search', maxDrop: 1, target: 'any', minutes: 0.05 } as const
  const { options } = await openSearch(work('short', { goal }))
  const leftOut = await explore(options)
  expect(leftOut).toBeGreaterThan(0)
  expect(options.store.all().length).toBeLessThan(pending(options.space, [], goal).length)
})

test('cancelling keeps the front so far', async () => {
  const controller = new AbortController()
  const { options } = await openSearch(
    work('cancelled', { signal: controller.signal, found: () => controller.abort() }),
  )
  await expect(explore(options)).rejects.toMatchObject({ code: 'cancelled' })
  expect(options.store.all()).toHaveLength(1)
})
