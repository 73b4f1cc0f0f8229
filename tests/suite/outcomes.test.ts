/** What a run is judged by: presets are held to size and time, searches to having a winner. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Report, StepRecord } from '../../src/contract/report'
import type { SearchResult } from '../../src/contract/trial'
import { writeModel } from '../../src/engine/onnx'
import type { RunResult } from '../../src/engine/run/compress'
import { presetOutcome, searchOutcome } from '../../suite/support/jobs'
import { Net } from '../engine/passes/pruning/build'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-outcomes-'))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const net = new Net(1)
net.output(net.gemm(net.input('x', [null, 4]), 4, 2), 2)
const model = writeModel(net.model, path.join(folder, 'model.onnx')).files[0]!

/** What is asked of a run, with one candidate that is the model itself. */
function run({ bytes = 50, low = 0.9, summary = 'Kept.' } = {}): RunResult {
  const report = {
    bytes,
    quality: { metric: 'accuracy' },
    qualityChange: { value: 0 },
    latencyRatio: { value: low + 0.05, interval: [low, low + 0.1] },
  } as unknown as Report
  const steps = [{ pass: 'keep-best', summary }] as StepRecord[]
  const candidates = [{ report, steps, files: [model] }] as unknown as RunResult['candidates']
  return { original: { bytes: 100 } as Report, candidates, failed: [] }
}

test.each([
  { what: 'smaller and no slower', made: run(), verdict: 'ok' },
  { what: 'larger', made: run({ bytes: 101 }), verdict: 'wrong' },
  { what: 'slower beyond noise', made: run({ low: 1.1 }), verdict: 'wrong' },
  { what: 'slower within noise', made: run({ low: 1 }), verdict: 'ok' },
  {
    what: 'larger, and says why',
    made: run({ bytes: 101, summary: 'Only cleaned up: nothing tried is smaller' }),
    verdict: 'ok',
  },
])('a preset whose result is $what', async ({ made, verdict }) => {
  expect((await presetOutcome(model, made)).verdict).toBe(verdict)
})

test('a search that only came close says so', async () => {
  const found = (winner: boolean): SearchResult =>
    ({ explanation: 'Because.', ...(winner && { winner: {} }) }) as SearchResult
  const figureOf = async (winner: boolean): Promise<string | undefined> =>
    (await searchOutcome(model, { result: found(winner), run: run() })).figure
  expect(await figureOf(true)).toBe('2.00× in 0.95')
  expect(await figureOf(false)).toBe('closest 2.00× in 0.95')
})
