import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import type { DataSpec } from '../../../src/contract/dataset'
import { combine, encodeModel, readModel } from '../../../src/engine/onnx'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { accuracy } from './scoring'

const root = path.resolve(import.meta.dirname, '../../../resources/samples')

interface Sample {
  id: string
  model: string
  data: string
  task: string
}

test.each([
  ['digits', { training: 300, calibration: 100, validation: 200 }, 199 / 200],
  ['bearing', { training: 240, calibration: 96, validation: 180 }, 164 / 180],
])('%s opens, is split as given and scores what its model can', async (id, sizes, expected) => {
  const folder = path.join(root, id)
  const sample = JSON.parse(fs.readFileSync(path.join(folder, 'sample.json'), 'utf8')) as Sample
  expect(sample.id).toBe(id)
  const model = readModel(path.join(folder, sample.model))
  const dataset = await openDataset(path.join(folder, sample.data), model)
  expect(dataset.task).toBe(sample.task)
  const { splits, notes } = dataset.summary()
  for (const [name, samples] of Object.entries(sizes))
    expect(splits[name as keyof typeof splits]).toEqual({ samples, origin: 'given' })
  expect(notes.join(' ')).not.toMatch(/also in|could not be read/)
  const score = await accuracy(model, dataset)
  expect(score).toBeCloseTo(expected, 2)
  await dataset.close()
})

test('the drones open with their boxes recognised, and are scored as pycocotools scores what ONNX Runtime gives', async () => {
  const folder = path.join(root, 'drones')
  const model = readModel(path.join(folder, 'drones.onnx'))
  const dataset = await openDataset(path.join(folder, 'data'), model)
  expect(dataset.task).toBe('detection')
  expect(dataset.classes).toEqual(['drone', 'bird'])
  expect(dataset.splits.validation).toMatchObject({ length: 100, origin: 'given' })
  const { original } = await measureQuality(model, [], { dataset })
  expect(original.quality.value).toBeCloseTo(0.891, 3)
  await dataset.close()
})

test.each([
  ['wake', 'events', 90, 0.892],
  ['machine', 'events', 240, 0.885],
  ['wearable', 'regression', 200, 0.9979],
  ['car', 'regression', 500, 0.9984],
])('%s is of its task as it lies there, and scores what its page says', async (id, task, samples, score) => {
  const folder = path.join(root, id)
  const { model: file } = JSON.parse(fs.readFileSync(path.join(folder, 'sample.json'), 'utf8')) as Sample
  const model = readModel(path.join(folder, file))
  const spec = path.join(folder, 'data-spec.json')
  const told = fs.existsSync(spec) ? (JSON.parse(fs.readFileSync(spec, 'utf8')) as DataSpec) : {}
  const dataset = await openDataset(path.join(folder, 'data'), model, told)
  expect(dataset.task).toBe(task)
  const { original } = await measureQuality(model, [], { dataset })
  expect(original.quality.samples).toBe(samples)
  expect(original.quality.value).toBeCloseTo(score, 3)
  await dataset.close()
})

test('the condition of the machine is what combining its parts gives', () => {
  const folder = path.join(root, 'machine')
  const [bearing, motor] = ['bearing', 'motor'].map((part) => readModel(path.join(folder, `${part}.onnx`)))
  const both = combine([bearing!, motor!], { by: 'max' })
  expect(Buffer.from(encodeModel(both)).equals(fs.readFileSync(path.join(folder, 'machine.onnx')))).toBe(true)
})

test('every sample tells its origin and licence', () => {
  for (const id of fs.readdirSync(root)) {
    const readme = fs.readFileSync(path.join(root, id, 'README.md'), 'utf8')
    expect(readme).toMatch(/Licence of the (images|data): CC/)
    expect(readme).toMatch(/Origin:/)
  }
})
