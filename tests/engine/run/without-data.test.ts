import path from 'node:path'
import { expect, test } from 'vitest'
import { changeText } from '../../../src/contract/verdict'
import { runJobs } from '../../../src/engine/jobs/runs'
import { findPass } from '../../../src/engine/passes'
import { PRESETS } from '../../../src/engine/passes/presets'
import { given, listening, settings } from '../jobs/support'

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
