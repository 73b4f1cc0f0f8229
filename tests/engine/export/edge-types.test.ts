/** A quantized model without operators at its edge, as a bundle: what lies beside it makes the codes it takes. */
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RecipeStep } from '../../../src/contract/recipe'
import { SampleForm } from '../../../src/contract/sample-form'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { seeded } from '../../../src/engine/math/random'
import { exportBundle } from '../../../src/engine/export/bundle'
import { Manifest } from '../../../src/engine/export/manifest'
import { readModel, writeModel, type Model } from '../../../src/engine/onnx'
import { findPass } from '../../../src/engine/passes'
import { findTarget } from '../../../src/engine/targets'
import { temporaryFolder } from '../data/support'

const sample = (...parts: string[]): string => path.resolve('resources/samples', ...parts)
const digits = sample('digits', 'lenet5.onnx')

let dataset: Dataset
beforeAll(async () => void (dataset = await openDataset(sample('digits', 'data'), readModel(digits))))
afterAll(() => dataset.close())

async function made(steps: readonly RecipeStep[]): Promise<Model> {
  let model = readModel(digits)
  for (const { pass: id, params } of steps) {
    const pass = findPass(id)
    const result = await pass.run(model, pass.parse(params), {
      original: readModel(digits),
      data: dataset,
      progress: () => undefined,
      signal: new AbortController().signal,
      random: seeded(0),
      scratch: temporaryFolder(),
      providers: ['cpu'],
      target: findTarget('any'),
    })
    model = result.model
  }
  return model
}

test('scale and zero point are in the manifest, and preprocessing.json gives codes', async () => {
  const model = await made([
    { pass: 'quantize-static', params: {} },
    { pass: 'edge-types', params: { inputs: 'codes', outputs: 'keep' } },
  ])
  const folder = temporaryFolder()
  const [file] = writeModel(model, path.join(folder, 'model.onnx')).files
  const out = path.join(folder, 'bundle')
  // Read back by preprocessing.json alone, raw pictures must give the codes that Pare measured.
  const request = { model: file!, name: 'digits', target: findTarget('any'), dataset }
  const { path: bundle } = await exportBundle(request, { form: 'folder', out })
  const read = (name: string): unknown => JSON.parse(fs.readFileSync(path.join(bundle, name), 'utf8'))
  const { inputs } = Manifest.parse(read('manifest.json'))
  const [port] = inputs
  expect(port!.dtype).toMatch(/^u?int8$/)
  expect(port!.codes!.scale).toBeGreaterThan(0)
  const [form] = SampleForm.parse(read('preprocessing.json')).inputs
  expect(form!.dtype).toBe(port!.dtype)
  const words = fs.readFileSync(path.join(bundle, 'README.md'), 'utf8')
  expect(words).toMatch(/raw samples, read by preprocessing.json/)
  expect(words).toContain(`${port!.dtype}: number = (value − ${port!.codes!.zeroPoint})`)
  expect(words).toContain(`as number / ${port!.codes!.scale} + ${port!.codes!.zeroPoint}, rounded`)
})
