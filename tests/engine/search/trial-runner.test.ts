import { expect, test } from 'vitest'
import { SearchGoal } from '../../../src/contract/goal'
import { PareError } from '../../../src/contract/errors'
import type { Dataset } from '../../../src/engine/data/dataset'
import { runTrial, type Built, type TrialRunner } from '../../../src/engine/search/trial-runner'

const job = {
  key: 'k',
  round: 1,
  why: '',
  recipe: { pare: 1 as const, name: 'half', description: '', steps: [] },
}
const none = { splits: { calibration: [], training: [], validation: [] } } as unknown as Dataset
const built: Built = { file: 'm.onnx', bytes: 1, downloadBytes: 1, steps: [], passSeconds: {} }
const runner = (build: TrialRunner['build'], more: Partial<TrialRunner> = {}): TrialRunner => ({
  original: 'm.onnx',
  data: none,
  parts: { subset: none, search: none } as unknown as TrialRunner['parts'],
  goal: SearchGoal.parse({ kind: 'search' }),
  signal: new AbortController().signal,
  build,
  ...more,
})

test.each([
  [new PareError('disk/full', { path: '/run', needed: 9 }), 'disk/full'],
  [new PareError('data/gone', { path: '/data' }), 'data/gone'],
  [
    Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' }),
    'disk/full',
  ],
  [new Error('std::bad_alloc'), 'engine/out-of-memory'],
])('%s ends the search and is no failure of the recipe', async (thrown, code) => {
  await expect(
    runTrial(
      job,
      runner(() => Promise.reject(thrown)),
    ),
  ).rejects.toMatchObject({ code })
})

test('a trial is not kept, nor called failed, where the data is no longer what it was', async () => {
  const same = (): never => {
    throw new PareError('data/gone', { path: '/data/cat/1.png' })
  }
  const works = runner(() => Promise.resolve(built), { same })
  const fails = runner(() => Promise.reject(new Error('a file is missing')), { same })
  for (const one of [works, fails])
    await expect(runTrial(job, one)).rejects.toMatchObject({ code: 'data/gone' })
})

test('what only this recipe cannot do is its failure, in words', async () => {
  const thrown = new PareError('pass/failed', { pass: 'Pruning', node: 'conv', reason: 'nothing is left' })
  const trial = await runTrial(
    job,
    runner(() => Promise.reject(thrown)),
  )
  expect(trial).toMatchObject({ state: 'failed', reason: 'Pruning could not be done: nothing is left.' })
})
