import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { SampleRow } from '../../../src/contract/compare'
import { operatorTimes } from '../../../src/engine/evaluate/operators'
import { sampleDetail } from '../../../src/engine/evaluate/sample-detail'
import { writeModel } from '../../../src/engine/onnx'
import { arrayDataset, floats, ints, numbers, wires } from './support'

let folder = ''
beforeAll(() => void (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-detail-'))))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const row: SampleRow = { index: 1, original: { answer: 'b', score: 1 }, candidates: [] }

function saved(name: string, model: ReturnType<typeof wires>): string {
  const file = path.join(folder, `${name}.onnx`)
  writeModel(model, file)
  return file
}

it('shows the strongest classes of every model', async () => {
  const model = saved('same', wires({ x: { dims: ['N', 3] } }))
  const negative = saved('negative', wires({ x: { dims: ['N', 3], op: 'Neg' } }))
  const inputs = { x: floats([2, 3], [9, 0, 0, 0, Math.log(3), 0]) }
  const classes = ['a', 'b', 'c']
  const dataset = arrayDataset({ task: 'classification', inputs, labels: ints([2], [0, 1]), classes })
  // The helper's splits read in order only.
  const { batches } = dataset.splits.validation
  dataset.splits.validation.batches = async function* (size, options) {
    for await (const batch of batches(size)) if (options?.indices?.includes(batch.indices[0]!)) yield batch
  }
  const models = [
    { name: 'Original', model },
    { name: 'Small', model: negative },
  ]
  const detail = await sampleDetail({ dataset, index: 1, models, row })
  expect(detail.preview.title).toBe('sample 1')
  expect(numbers(detail.outputs[0]!).values[0]).toEqual({
    name: 'b',
    value: expect.closeTo(0.6, 5) as number,
  })
  expect(numbers(detail.outputs[1]!).values.at(-1)!.name).toBe('b')
  expect(detail).not.toHaveProperty('inputImage')
  await expect(sampleDetail({ dataset, index: 7, models, row })).rejects.toMatchObject({
    data: { code: 'not-found' },
  })
})

it('shows images side by side where the output is one', async () => {
  const model = saved('image', wires({ x: { dims: ['N', 1, 16, 16] } }))
  const ramp = floats(
    [1, 1, 16, 16],
    Array.from({ length: 256 }, (_, i) => i),
  )
  const dataset = arrayDataset({ task: 'unlabelled', inputs: { x: ramp } })
  const detail = await sampleDetail({ dataset, index: 0, models: [{ name: 'Original', model }], row })
  expect(detail.inputImage).toMatch(/^data:image\/png;base64,/)
  expect(numbers(detail.outputs[0]!).image).toBe(detail.inputImage)
})

it('times layers side by side', async () => {
  const original = wires({ x: { dims: ['N', 64], op: 'Relu' } })
  const candidate = wires({ x: { dims: ['N', 64], op: 'Sigmoid' } })
  const times = await operatorTimes(original, candidate, { x: floats([1, 64], Array(64).fill(1)) })
  const paired = times.find(({ layer }) => layer === 'x_out')
  expect(paired?.original).toBeGreaterThan(0)
  expect(paired?.candidate).toBeGreaterThan(0)
})
