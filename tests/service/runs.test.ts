import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { PareError } from '../../src/contract/errors'
import type { Core } from '../../src/service/core'
import type { Catalogue } from '../../src/service/recipes'
import type { ProjectRecord, RunRecord } from '../../src/service/records'
import { Runs } from '../../src/service/runs'
import { SetAside } from '../../src/service/set-aside'

test('a run whose outcome cannot be written is told as failed, and the queue waits', async () => {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-runs-'))
  const goal = { kind: 'recipe', recipe: { pare: 1, name: 'Mine', description: '', steps: [] } }
  const model = { file: 'm', value: { sha256: 'abc' } }
  const project = { id: 'p', goal, model, runs: [] as RunRecord[] } as unknown as ProjectRecord
  const emit = vi.fn()
  const core = {
    dataDir,
    emit,
    aside: new SetAside(path.join(dataDir, 'set-aside')),
    files: { get: () => ({ name: 'm.onnx' }), pathOf: () => 'm.onnx' },
    store: {
      all: () => [],
      get: () => project,
      has: () => true,
      run: (id: string) => project.runs.find((run) => run.id === id),
      update: (_: string, change: (record: ProjectRecord) => void) => change(project),
      updateRun: () => {
        throw new PareError('disk/full', { path: dataDir, needed: 1 })
      },
    },
  } as unknown as Core
  const catalogue = {
    passes: async () => [],
    recipesOf: async () => [goal.recipe],
    problems: async () => [],
  } as unknown as Catalogue
  const runs = new Runs(core, catalogue)
  const { id } = await runs.start('p')
  await vi.waitFor(() =>
    expect(emit).toHaveBeenCalledWith('run.ended', expect.objectContaining({ run: id, status: 'failed' })),
  )
  expect(runs.state()).toMatchObject({ paused: true, waiting: [] })
  expect(runs.state().running).toBeUndefined()
  fs.rmSync(dataDir, { recursive: true, force: true })
})
