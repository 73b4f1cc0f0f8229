import path from 'node:path'
import { expect, test } from 'vitest'
import { DataSpec } from '../../../src/contract/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { floatsOf } from '../../../src/engine/runtime/value'
import { csvOf, linear, numbers } from './linear'
import { declares, png, temporaryFolder, write } from './support'

const model = linear([
  [1, 0],
  [0, 1],
  [0, 0],
])
const rows = numbers(30, 3).map((row, i) => [...row, ['up', 'down'][i % 2]!])
const table = (): string =>
  path.join(write(temporaryFolder(), { 'a.csv': csvOf(['a', 'b', 'c', 'turn'], rows) }), 'a.csv')

async function contents(file: string, spec: DataSpec) {
  const dataset = await openDataset(file, model, spec)
  const batches = []
  for await (const { inputs, labels } of dataset.splits.training.batches(8))
    batches.push([Array.from(floatsOf(inputs['x']!)), Array.from(floatsOf(labels!))])
  await dataset.close()
  return { spec: dataset.spec, notes: dataset.summary().notes, batches, dataset }
}

test('opened with its own spec, through JSON, data is read the same', async () => {
  const file = table()
  const said = {
    label: 'turn',
    classes: ['up', 'down'],
    preprocessing: { scale: 0.5, mean: [1] },
    notes: ['Found so.'],
  }
  const first = await contents(file, said)
  expect(first.spec).toEqual({
    ...said,
    task: 'classification',
    preprocessing: { kind: 'array', scale: 0.5, mean: [1], std: [1], columns: { x: 'columns' } },
  })
  expect(first.notes).toContain('Found so.')
  const again = await contents(file, DataSpec.parse(JSON.parse(JSON.stringify(first.spec))))
  expect(again.batches).toEqual(first.batches)
  expect(again.spec).toEqual(first.spec)
  const plain = await contents(file, { label: 'turn' })
  expect(first.batches[0]![0]![0]).toBeCloseTo(plain.batches[0]![0]![0]! * 0.5 - 1, 6)
  expect(plain.spec.classes).toEqual(['down', 'up'])
})

test('a variant has a spec of its own', async () => {
  const { dataset } = await contents(table(), { label: 'turn' })
  const { spec } = dataset.variant({ classes: ['up', 'down'] })
  expect(spec).toMatchObject({ label: 'turn', classes: ['up', 'down'] })
})

test.each<[DataSpec['preprocessing'], string]>([
  [{ layout: 'nhwc' }, 'data read as “array” has no preprocessing called layout'],
  [{ kind: 'image' }, 'its preprocessing is of kind “image”'],
  [{ scale: 'large' }, 'preprocessing.scale'],
])('a preprocessing of %j does not fit a table', async (preprocessing, words) => {
  await expect(openDataset(table(), model, { label: 'turn', preprocessing })).rejects.toMatchObject({
    data: { code: 'data/spec', reason: expect.stringContaining(words) as string },
  })
})

test('of pictures, some fields are named and the others recognised', async () => {
  const picture = declares([['x', ['N', 3, 4, 4]]], [['y', ['N', 2]]])
  const root = temporaryFolder()
  for (const name of ['a/1.png', 'b/1.png'])
    write(root, {
      [name]: await png(
        4,
        4,
        Uint8Array.from({ length: 48 }, (_, i) => 5 * i),
      ),
    })
  const dataset = await openDataset(root, picture, { preprocessing: { order: 'bgr', scale: 1 } })
  expect(dataset.preprocessing).toMatchObject({
    kind: 'image',
    order: 'bgr',
    scale: 1,
    width: 4,
    layout: 'nchw',
  })
  for await (const { inputs } of dataset.splits.validation.batches(1, { limit: 1 }))
    expect(Array.from(floatsOf(inputs['x']!).subarray(0, 2))).toEqual([10, 25])
  await dataset.close()
})
