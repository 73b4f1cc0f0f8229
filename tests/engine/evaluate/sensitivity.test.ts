import { expect, test } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { readModel } from '../../../src/engine/onnx'
import { measureSensitivity } from '../../../src/engine/evaluate/sensitivity'
import { hasReference, reference } from '../../reference'

test.runIf(hasReference)('fewer bits, more zeros and less rank move the outputs further', async () => {
  const model = readModel(reference('models/lenet300.onnx'))
  const data = await openDataset(reference('data/digits/npz'), model)
  const { entries, samples } = await measureSensitivity(model, data, { samples: 64 })
  await data.close()
  expect(samples).toBe(64)
  const layers = [...new Set(entries.map((entry) => entry.layer))]
  expect(layers).toHaveLength(3)
  for (const layer of layers)
    for (const technique of ['bits', 'sparsity', 'channels', 'rank'] as const) {
      const sqnr = entries.filter((e) => e.layer === layer && e.technique === technique).map((e) => e.sqnr)
      expect(sqnr.length).toBeGreaterThan(1)
      for (let i = 1; i < sqnr.length; i++) expect(sqnr[i]!).toBeLessThan(sqnr[i - 1]! + 0.5)
    }
})
