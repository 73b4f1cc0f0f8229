/** A bundle that would read samples otherwise than they were measured, or guesses, is never written. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { exportBundle } from '../../../src/engine/export/bundle'
import { Manifest } from '../../../src/engine/export/manifest'
import { readModel } from '../../../src/engine/onnx'
import { findTarget } from '../../../src/engine/targets'
import { temporaryFolder } from '../data/support'

const sample = (...parts: string[]): string => path.resolve('resources/samples', ...parts)
const digits = sample('digits', 'lenet5.onnx')

async function bundleOf(dataset: Dataset): Promise<string> {
  const out = path.join(temporaryFolder(), 'bundle')
  try {
    const request = { model: digits, name: 'digits', target: findTarget('any'), dataset }
    return (await exportBundle(request, { form: 'folder', out })).path
  } catch (cause) {
    // Not even a part of it.
    expect(fs.readdirSync(path.dirname(out))).toEqual([])
    throw cause
  } finally {
    await dataset.close()
  }
}

const open = (): Promise<Dataset> => openDataset(sample('digits', 'data'), readModel(digits))

test('golden samples are there as the user has them, with what is expected of them', async () => {
  const bundle = await bundleOf(await open())
  const file = path.join(bundle, 'manifest.json')
  const { golden } = Manifest.parse(JSON.parse(fs.readFileSync(file, 'utf8')))
  expect(golden).toHaveLength(3)
  const classes = sample('digits', 'data', 'validation')
  for (const { raw, label } of golden) {
    const picture = fs.readFileSync(path.join(bundle, raw!['image']!))
    const own = fs.readdirSync(path.join(classes, label as string))
    const same = own.filter((name) =>
      fs.readFileSync(path.join(classes, label as string, name)).equals(picture),
    )
    expect(same).toHaveLength(1)
  }
  expect(fs.readFileSync(path.join(bundle, 'README.md'), 'utf8')).toContain('raw samples')
})

test('a description that gives the model other numbers stops the export', async () => {
  const dataset = await open()
  const form = dataset.form!.inputs
  if (form.kind !== 'image') throw new Error('digits are pictures')
  const wrong = { ...dataset, form: { inputs: { ...form, scale: 1 } } }
  await expect(bundleOf(wrong)).rejects.toMatchObject({
    data: { code: 'export/not-reproduced', sample: 1, input: form.inputs[0]!.name },
  })
})

test('a model that answers like guessing stops the export', async () => {
  const dataset = await open()
  const { preprocessing } = dataset
  if (preprocessing.kind !== 'image') throw new Error('digits are pictures')
  const black = dataset.variant({ preprocessing: { ...preprocessing, scale: 0 } })
  await expect(bundleOf(black)).rejects.toMatchObject({ data: { code: 'export/at-chance' } })
  // The order of the classes is a part of it.
  const classes = [...dataset.classes!.slice(3), ...dataset.classes!.slice(0, 3)]
  const rotated = (await open()).variant({ classes })
  await expect(bundleOf(rotated)).rejects.toMatchObject({ data: { code: 'export/at-chance' } })
})
