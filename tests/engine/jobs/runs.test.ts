import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Recipe } from '../../../src/contract/recipe'
import { exportJobs } from '../../../src/engine/jobs/exports'
import { runJobs } from '../../../src/engine/jobs/runs'
import { readModel } from '../../../src/engine/onnx'
import { best, given, listening } from './support'

const { compress, evaluate, compare } = runJobs
const { exportPlan, exportBundle, htmlReport } = exportJobs

const recipe = (name: string, ...passes: string[]): Recipe => ({
  pare: 1,
  name,
  description: '',
  steps: passes.map((pass) => ({ pass, params: {} })),
})

test('a model is measured on the split that was asked for, and the device that was not there is told of', async () => {
  const request = given(best)
  const settings = { providers: ['abacus', 'cpu'], threads: 1 }
  const report = await evaluate({ ...request, settings, split: 'training' }, listening())
  expect(report.quality).toMatchObject({ split: 'training', metric: 'accuracy', value: 1 })
  expect(report).toMatchObject({ parameters: 12, macs: 12, bytes: fs.statSync(request.model).size })
  expect(report.notes.filter((note) => note.startsWith('abacus cannot be used here'))).toHaveLength(1)
})

test('a run of two recipes keeps what worked, says what did not, and is not done again', async () => {
  const request = given(best)
  const work = {
    ...request,
    folder: path.join(request.folder, 'run'),
    recipes: [recipe('half', 'float16'), recipe('nothing to prune', 'prune-channels')],
    target: 'any' as const,
    seed: 0,
    resume: false,
  }
  const context = listening()
  const result = await compress(work, context)
  expect(result.candidates.map(({ recipe: { name } }) => name)).toEqual(['half'])
  expect(result.failed.map(({ recipe: name }) => name)).toEqual(['nothing to prune'])
  const [made] = result.candidates
  expect(readModel(made!.files[0]!).graph.initializers.get('w')?.dtype).toBe('float16')
  expect(made!.report.quality.samples).toBe(result.original.quality.samples)
  const told = context.told.map(([event]) => event)
  expect(told.filter((event) => event === 'candidate')).toHaveLength(1)
  expect(context.told.findLast(([event]) => event === 'progress')![1]).toMatchObject({ done: 1 })

  const before = fs.statSync(made!.files[0]!).mtimeMs
  const again = await compress({ ...work, resume: true }, listening())
  expect(again.candidates[0]!.report).toEqual(made!.report)
  expect(fs.statSync(made!.files[0]!).mtimeMs).toBe(before)

  // Measured once more beside the original: the same quality, and the report is a page of its own.
  const candidates = [{ name: 'half', model: made!.files[0]! }]
  const measured = await compare({ ...request, candidates }, listening())
  expect(measured.candidates[0]!.quality).toEqual(made!.report.quality)
  const page = await htmlReport(
    {
      title: 'Tiny <net>',
      original: measured.original,
      candidates: [{ name: 'half', report: made!.report }],
    },
    listening(),
  )
  expect(page).toContain('Tiny &lt;net&gt;')
  expect(page).not.toContain('Tiny <net>')
})

test('a run for a target estimates its latency there, and goes on for it when nothing else is asked', async () => {
  const request = given(best)
  const work = {
    ...request,
    folder: path.join(request.folder, 'run'),
    recipes: [recipe('half', 'float16')],
    seed: 0,
    resume: false,
  }
  const first = await compress({ ...work, target: 'android' }, listening())
  const { report } = first.candidates[0]!
  expect(report.targetLatency).toMatchObject({ target: 'android-cpu' })
  expect(report.targetLatency!.ratio).toBeGreaterThan(0)
  expect(report.notes.some((note) => note.startsWith('Estimate for android-cpu'))).toBe(true)

  const again = await compress({ ...work, resume: true }, listening())
  expect(again.candidates[0]!.report).toEqual(report)
  const anew = await compress(work, listening())
  expect(anew.candidates[0]!.report.targetLatency).toBeUndefined()
  await expect(compress({ ...work, target: 'toaster' }, listening())).rejects.toMatchObject({
    data: { code: 'target/unknown' },
  })

  const candidates = [{ name: 'half', model: first.candidates[0]!.files[0]! }]
  const compared = await compare({ ...request, candidates, target: 'android-cpu' }, listening())
  expect(compared.candidates[0]!.targetLatency).toEqual(report.targetLatency)
})

test('a bundle holds what its plan promised, and is not written over', async () => {
  const request = { ...given(best), target: 'any' as const, name: 'tiny' }
  const out = path.join(request.folder, 'bundle')
  const plan = await exportPlan(request, listening())
  const destination = { form: 'folder' as const, out, overwrite: false }
  const written = await exportBundle({ ...request, ...destination }, listening())
  expect(written.path).toBe(out)
  expect([...written.files].sort()).toEqual(plan.entries.map(({ name }) => name).sort())
  for (const name of written.files) expect(fs.statSync(path.join(out, name)).size).toBeGreaterThan(0)
  const manifest = JSON.parse(fs.readFileSync(path.join(out, 'manifest.json'), 'utf8')) as object
  expect(JSON.stringify(manifest)).not.toContain(request.folder)
  await expect(exportBundle({ ...request, ...destination }, listening())).rejects.toMatchObject({
    code: 'export/exists',
  })
})
