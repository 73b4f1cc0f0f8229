import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { measureSensitivity } from '../../../src/engine/evaluate/sensitivity'
import { readModel } from '../../../src/engine/onnx'

const sample = path.resolve('resources/samples/bearing')
const model = readModel(path.join(sample, 'cnn1d.onnx'))
let data: Dataset
beforeAll(async () => {
  data = await openDataset(path.join(sample, 'data'), model)
})
afterAll(() => data.close())

test('fewer bits, more zeros, fewer channels and less rank move the outputs further', async () => {
  const { entries, samples } = await measureSensitivity(model, data, { samples: 32 })
  expect(samples).toBe(32)
  const layers = [...new Set(entries.map((entry) => entry.layer))]
  expect(layers).toHaveLength(5)
  for (const layer of layers)
    for (const technique of ['bits', 'sparsity', 'channels', 'rank'] as const) {
      const sqnr = entries.filter((e) => e.layer === layer && e.technique === technique).map((e) => e.sqnr)
      expect(sqnr.length).toBeGreaterThan(1)
      for (let i = 1; i < sqnr.length; i++) expect(sqnr[i]!).toBeLessThan(sqnr[i - 1]! + 0.5)
    }
})

test('a model with a fixed batch gives the same figures', async () => {
  const fixed = model.clone()
  for (const port of [...fixed.graph.inputs, ...fixed.graph.outputs]) {
    delete port.raw
    port.dims = [1, ...port.dims!.slice(1)]
  }
  fixed.graph.valueInfo.clear()
  const options = { samples: 8, techniques: ['bits'] as const }
  const free = await measureSensitivity(model, data, options)
  const one = await measureSensitivity(fixed, data, options)
  for (const [at, entry] of one.entries.entries()) expect(entry.sqnr).toBeCloseTo(free.entries[at]!.sqnr, 2)
})
