import path from 'node:path'
import { expect, test } from 'vitest'
import { changeText } from '../../../src/contract/verdict'
import { runJobs } from '../../../src/engine/jobs/runs'
import { findPass } from '../../../src/engine/passes'
import { PRESETS } from '../../../src/engine/passes/presets'
import { writeModel } from '../../../src/engine/onnx'
import { given, listening, settings } from '../jobs/support'
import { normalizing } from '../training/normalizing'

test.each(PRESETS)(
  '$id without data calibrates and trains on nothing, and claims no quality',
  async ({ id, ...recipe }) => {
    const { model, folder } = given()
    const work = { model, data: {}, settings, target: 'any', seed: 0, resume: false, recipes: [recipe] }
    const { original, candidates } = await runJobs.compress(
      { ...work, folder: path.join(folder, id) },
      listening(),
    )
    const [{ report, steps }] = candidates as [(typeof candidates)[number]]
    for (const { pass, failed, error } of steps)
      if (findPass(pass).needs.length > 0)
        expect([pass, failed, error?.code]).toEqual([pass, true, 'data/split-missing'])
    expect(report.quality.split).toBe('random')
    expect(changeText(original, report)).toMatch(/the same answers on random inputs; quality unknown$/)
    expect(steps.at(-1)!.summary).toMatch(
      /on random inputs: what it costs on real ones is not known|Only cleaned/,
    )
  },
)

test('calibration has inputs made to match what the model learned, and says so; likeness stays one on random inputs', async () => {
  const { folder } = given()
  const model = path.join(folder, 'normalizing.onnx')
  writeModel(normalizing({ mean: [4, -6], variance: [4 / 3, 4] }, 'N'), model)
  const steps = [
    { pass: 'quantize-static', params: {} },
    { pass: 'keep-best', params: {} },
  ]
  const recipe = { pare: 1 as const, name: 'int8', description: '', steps }
  const work = { model, data: {}, settings, target: 'any', seed: 0, resume: false, recipes: [recipe] }
  const { candidates } = await runJobs.compress({ ...work, folder: path.join(folder, 'out') }, listening())
  const [{ report, steps: done }] = candidates as [(typeof candidates)[number]]
  const matched =
    /32 inputs made to match what the model’s normalization layer learned \(data-free calibration\)/
  expect(done[0]!.failed).toBeUndefined()
  expect(done[0]!.summary).toMatch(/There is no data: it went by 32 inputs made to match/)
  expect(done[0]!.summary).toMatch(matched)
  expect(done[1]!.summary).toMatch(/what it costs on real ones is not known|Only cleaned/)
  expect(report.quality.split).toBe('random')
})
