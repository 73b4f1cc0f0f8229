import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Trial } from '../../../src/contract/trial'
import type { JobInput, SearchRequest } from '../../../src/engine/jobs/protocol'
import { helpersFor, withHelpers } from '../../../src/engine/jobs/search-helpers'
import { writeModel } from '../../../src/engine/onnx'
import { RunFolder } from '../../../src/engine/run/checkpoints'
import type { SearchOptions } from '../../../src/engine/search/options'
import { temporaryFolder, tinyModel } from '../run/support'
import { trial } from '../search/trials'

test('as many helpers as there are cores and memory for; one would be no help', () => {
  const machine = { cores: 4, memory: 16e9, modelBytes: 1e6 }
  expect(helpersFor(machine)).toBe(4)
  expect(helpersFor({ ...machine, cores: 1 })).toBe(0)
  expect(helpersFor({ ...machine, cores: 64 })).toBe(8)
  expect(helpersFor({ ...machine, memory: 1.2e9 })).toBe(2)
  expect(helpersFor({ ...machine, memory: 1e9 })).toBe(0)
  expect(helpersFor({ ...machine, modelBytes: 700e6 })).toBe(2)
})

function searching(settings: SearchRequest['settings']) {
  const model = path.join(temporaryFolder(), 'model.onnx')
  writeModel(tinyModel(), model)
  const trials: Trial[] = [trial('before', 10, 0)]
  const found: string[] = []
  const taken: string[] = []
  const options = {
    store: { all: () => trials, save: () => undefined },
    clock: { began: 1000, used: () => 5, left: () => 595 },
    runner: { goal: { minutes: 10 } },
    progress: () => undefined,
    found: ({ key }: Trial) => void found.push(key),
    takeOver: (worker: string) => void taken.push(worker),
  } as unknown as SearchOptions
  return { request: { model, settings, resume: false } as SearchRequest, options, trials, found, taken }
}

test('what helpers find is told, and their models are taken over', async () => {
  const { request, options, trials, found, taken } = searching({ providers: ['cpu'], threads: 2 })
  let asked: JobInput<'searchAssist'>[] = []
  await withHelpers(
    request,
    {
      assist: async (requests) => {
        asked = requests
        trials.push(trial('new', 5, 0))
      },
    },
    options,
  )
  expect(
    asked.map(({ worker, began, resume, settings }) => [worker, began, resume, settings.threads]),
  ).toEqual([
    ['beside-0', 1000, true, 1],
    ['beside-1', 1000, true, 1],
  ])
  expect(found).toEqual(['new'])
  expect(taken).toEqual(['beside-0', 'beside-1'])
})

test('one core and one device are not shared', async () => {
  for (const settings of [
    { providers: ['cpu'], threads: 1 },
    { providers: ['webgpu', 'cpu'], threads: 4 },
  ]) {
    const { request, options } = searching(settings)
    await withHelpers(request, { assist: () => Promise.reject(new Error('asked')) }, options)
  }
})

test('a run takes over what another folder holds, but not of another model', () => {
  const folder = temporaryFolder()
  const open = (name: string, sha256 = 'a') =>
    RunFolder.open(
      path.join(folder, name),
      { original: { path: 'm', bytes: 1, sha256 }, target: 'any' },
      true,
    )
  const record = { pass: 'p', params: {}, seconds: 1, summary: '', skipped: [] }
  const helper = open('helper')
  helper.keep('k', record, helper.write('k', tinyModel()), true)
  const run = open('main')
  run.takeOver(path.join(folder, 'helper'))
  fs.rmSync(path.join(folder, 'helper'), { recursive: true })
  expect(run.checkpoint('k')).toMatchObject({ partial: true })
  expect(fs.existsSync(run.modelOf(run.checkpoint('k')!)!)).toBe(true)
  const other = open('other', 'b')
  other.takeOver(path.join(folder, 'main'))
  expect(other.checkpoint('k')).toBeUndefined()
})
