/** What a run told of itself is there after the process that ran it was killed. */
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Trial } from '../../src/contract/trial'
import type { JobEvent } from '../../src/engine/jobs/protocol'
import { createService } from '../../src/service'
import type { Core } from '../../src/service/core'
import { Recorder } from '../../src/service/run-recorder'
import { ProjectStore } from '../../src/service/store'
import { write } from '../engine/data/support'
import { temporaryFolder } from '../engine/run/support'

const recipe = {
  pare: 1,
  name: 'weights to 4 bits',
  description: '',
  steps: [{ pass: 'simplify', params: {} }],
}
const run = {
  ...{ id: 'r', project: 'p', name: 'Search', status: 'running', createdAt: '2026-01-01T00:00:00Z' },
  goal: { kind: 'search', maxDrop: 1, target: 'any', minutes: 1 },
  ...{ seconds: 1, done: 0.5, recipes: [recipe], candidates: [], steps: [] },
  model: { file: 'f', name: 'model.onnx', sha256: '' },
  data: { name: 'data', key: 'k' },
}
const project = {
  ...{ id: 'p', name: 'Mine', createdAt: run.createdAt, updatedAt: run.createdAt, exports: [] },
  runs: [run],
}
const trial = (key: string, pointsLost: number): JobEvent => ({
  event: 'trial',
  data: {
    trial: { key, recipe, state: 'kept', reason: '', bytes: 9, downloadBytes: 8, pointsLost } as Trial,
  } as never,
})
const point = (epoch: number): JobEvent => ({ event: 'point', data: { epoch, loss: 1 / epoch } as never })

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Tells a run's events to a service whose process is then killed; what the next one shows of the run. */
async function afterKill(events: readonly JobEvent[], milliseconds: number) {
  const dataDir = write(temporaryFolder(), { 'projects/p.json': JSON.stringify(project) })
  const store = new ProjectStore(path.join(dataDir, 'projects'), vi.fn(), vi.fn())
  const recorder = new Recorder({ store, emit: vi.fn() } as unknown as Core, new Map())
  for (const event of events) recorder.receive(store.run('r'), event)
  vi.advanceTimersByTime(milliseconds)
  const service = createService({
    dataDir,
    resourcesDir: path.resolve(import.meta.dirname, '../../resources'),
    engine: () => {
      throw new Error('nothing here asks the engine')
    },
    shell: 'browser',
  })
  const [shown] = (await service.invoke('projects.get', { project: 'p' })).runs
  service.close()
  return shown!
}

test('tried recipes, live points and finished passes survive a kill', async () => {
  const step = { pass: 'simplify', params: {}, seconds: 1, summary: '9 → 7 nodes', skipped: [] }
  const shown = await afterKill(
    [
      { event: 'step', data: { step: 0, record: step } as never },
      point(1),
      trial('a', 0.4),
      point(2),
      trial('b', 3),
      // Told again once it was timed: the same recipe.
      trial('a', 0.4),
    ],
    1000,
  )
  expect(shown).toMatchObject({ status: 'interrupted', resumable: true })
  expect(shown.trials!.map(({ key, name, pointsLost }) => [key, name, pointsLost])).toEqual([
    ['b', recipe.name, 3],
    ['a', recipe.name, 0.4],
  ])
  expect(shown.curve!.map(({ epoch }) => epoch)).toEqual([1, 2])
  expect(shown.steps).toMatchObject([{ pass: 'simplify', state: 'done' }])
})

test('a second of points is the most that a kill takes', async () => {
  expect((await afterKill([point(1)], 999)).curve ?? []).toEqual([])
  expect((await afterKill([point(1)], 1000)).curve).toHaveLength(1)
})
