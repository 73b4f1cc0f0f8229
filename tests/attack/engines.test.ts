/** What judges memory and time looks at the engine itself. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Target } from '../../attack/support/engines'
import { compressed } from '../../attack/support/results'
import { tinyModel } from '../../attack/support/small-models'
import { writeModel } from '../../src/engine/onnx'
import { bundled } from '../bundled'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-target-'))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

test('also after a job for which memory was measured in a process of its own', async () => {
  const model = path.join(folder, 'tiny.onnx')
  writeModel(tinyModel(), model)
  const target = new Target(path.dirname(await bundled('worker')), 2 * 2 ** 30)
  const pids: (number | undefined)[] = []
  try {
    for (let round = 0; round < 2; round++) {
      const recipe = { steps: [{ pass: 'float16', params: {} }] }
      const run = path.join(folder, String(round))
      expect(await target.outcome((job) => compressed(job, { model, recipe, folder: run }))).toEqual({
        verdict: 'ok',
      })
      pids.push(target.pid)
      expect(() => process.kill(target.pid!, 0)).not.toThrow()
    }
    expect(pids[0]).toBe(pids[1])
  } finally {
    target.close()
  }
})
