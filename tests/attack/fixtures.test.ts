/** The smallest inputs that once brought the engine down, or would: each is refused with its own code, in one engine. */
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PareError, type ErrorCode } from '../../src/contract/errors'
import { EngineHost, forkEngine } from '../../src/service'
import { bundled } from '../bundled'
import { temporaryFolder } from '../engine/run/support'

const FIXTURES = path.resolve(import.meta.dirname, '../fixtures/attacks')
const MODEL = path.resolve(import.meta.dirname, '../../resources/samples/bearing/cnn1d.onnx')
const SETTINGS = { providers: ['cpu'], threads: 1 }

const CODES: Record<string, ErrorCode> = {
  'constant-bomb.onnx': 'limit/memory',
  'many-constants.onnx': 'limit/memory',
  'cycle.onnx': 'model/not-loadable',
  'cut-off.onnx': 'model/truncated',
  'wrong-checksum.npz': 'data/unreadable',
  'wrong-checksum.zip': 'data/unreadable',
  'long-run.parquet': 'data/unreadable',
  'long-run-of-codes.parquet': 'data/unreadable',
  'wide.csv': 'data/unreadable',
}

let engine: EngineHost
const died: unknown[] = []
beforeAll(async () => {
  const worker = await bundled('worker')
  engine = new EngineHost(
    () => forkEngine(worker),
    (error) => died.push(error),
  )
})
afterAll(() => engine.close())

async function give(file: string): Promise<unknown> {
  const during = { during: 'an attack' }
  switch (path.extname(file)) {
    case '.onnx': {
      const steps = [{ pass: 'simplify', params: {} }]
      return engine.run(
        'compress',
        {
          model: file,
          data: {},
          settings: SETTINGS,
          folder: path.join(temporaryFolder(), 'run'),
          recipes: [{ pare: 1, name: 'attack', description: '', steps }],
          target: 'any',
          seed: 0,
          resume: false,
        },
        during,
      )
    }
    case '.zip':
      return engine.run('unpack', { archive: file, into: path.join(temporaryFolder(), 'into') }, during)
    default:
      return engine.run('openData', { model: MODEL, data: { path: file }, settings: SETTINGS }, during)
  }
}

test('every input has a code', () => {
  expect(fs.readdirSync(FIXTURES).sort()).toEqual(Object.keys(CODES).sort())
})

test.each(Object.entries(CODES))('%s: %s', async (name, code) => {
  const thrown: unknown = await give(path.join(FIXTURES, name)).catch((cause: unknown) => cause)
  expect(thrown).toBeInstanceOf(PareError)
  expect(thrown).toMatchObject({ code })
  expect(died).toEqual([])
})
