/** The engine process is killed in the middle of a run, again and again, and the run still ends as if it had not been. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { forkEngine } from '../../../src/service/engine-process'
import { EngineHost } from '../../../src/service/engine-host'
import type { RunRequest } from '../../../src/engine/jobs/protocol'
import { hashFile } from '../../../src/engine/onnx/hash-file'
import { seeded } from '../../../src/engine/math/random'
import { bundled } from '../../bundled'
import { temporaryFolder } from './support'

const sample = path.resolve(import.meta.dirname, '../../../resources/samples/bearing')

const request = (folder: string): RunRequest => ({
  model: path.join(sample, 'cnn1d.onnx'),
  data: { path: path.join(sample, 'data') },
  settings: { providers: ['cpu'], threads: 1 },
  folder,
  recipes: [
    {
      pare: 1,
      name: 'test',
      description: '',
      steps: [
        { pass: 'simplify', params: {} },
        { pass: 'quantize-dynamic', params: {} },
      ],
    },
  ],
  target: 'any',
  seed: 0,
  resume: true,
})

test('killed at any moment, a run opens, goes on and gives the same model', async () => {
  const worker = await bundled('worker')
  const whole = temporaryFolder()
  const host = new EngineHost(() => forkEngine(worker))
  const started = performance.now()
  const expected = await host.run('compress', request(whole), { during: 'test' })
  const took = performance.now() - started
  host.close()

  const folder = temporaryFolder()
  const random = seeded(7)
  let finished
  for (let attempt = 0; attempt < 6 && !finished; attempt++) {
    const stop = new AbortController()
    const victim = new EngineHost(() => forkEngine(worker))
    const timer = setTimeout(() => stop.abort(), random.next() * took)
    // A kill cannot make the run fail: it is cancelled, or it was finished before.
    finished = await victim
      .run('compress', request(folder), { during: 'test', signal: stop.signal })
      .catch((error: { code: string }) => {
        expect(error.code).toBe('cancelled')
        return undefined
      })
    clearTimeout(timer)
    victim.close()
    const state = path.join(folder, 'run.json')
    if (fs.existsSync(state)) expect(() => JSON.parse(fs.readFileSync(state, 'utf8'))).not.toThrow()
  }
  const last = new EngineHost(() => forkEngine(worker))
  const result = finished ?? (await last.run('compress', request(folder), { during: 'test' }))
  last.close()
  const [candidate] = result.candidates
  expect(candidate!.report.sha256).toBe(expected.candidates[0]!.report.sha256)
  expect(hashFile(path.join(candidate!.folder, 'model.onnx'))).toBe(candidate!.report.sha256)
  expect(candidate!.report.quality.value).toBe(expected.candidates[0]!.report.quality.value)
  expect(fs.readdirSync(folder).sort()).toEqual(['cache', 'candidates', 'run.json'])
})
