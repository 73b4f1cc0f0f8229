import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { EngineHost, forkEngine } from '../../../src/service'
import { bundled } from '../../bundled'

test('a training that is asked to stop ends with the best so far', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-stop-'))
  const sample = path.resolve('resources/samples/bearing')
  const worker = await bundled('worker')
  const host = new EngineHost(() => forkEngine(worker))
  const distill = { pass: 'distill', params: { epochs: 400, patience: 400 } }
  let points = 0
  try {
    const { candidates } = await host.run(
      'compress',
      {
        model: path.join(sample, 'cnn1d.onnx'),
        data: { path: path.join(sample, 'data') },
        settings: { providers: ['cpu'], threads: 0 },
        folder,
        recipes: [{ pare: 1, name: 'distilled', description: '', steps: [distill] }],
        target: 'any',
        seed: 0,
        resume: false,
      },
      {
        during: 'compressing',
        onEvent: ({ event }) => {
          if (event === 'point' && ++points === 1) host.stopTraining()
        },
      },
    )
    expect(candidates[0]!.steps[0]!.summary).toContain('Stopped on request')
    expect(points).toBeLessThan(5)
  } finally {
    host.close()
    fs.rmSync(folder, { recursive: true, force: true })
  }
})
