import path from 'node:path'
import { expect, test } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { openRandom } from '../../../src/engine/data/random'
import { withSession } from '../../../src/engine/runtime/session'
import { readModel } from '../../../src/engine/onnx'
import { declares, npy, npz, temporaryFolder, write } from './support'

const model = declares([['x', ['N', 2]]], [['y', ['N', 3]]])
const arrays = (count: number): Uint8Array =>
  npz({
    x: npy(
      '<f4',
      [count, 2],
      Float32Array.from({ length: 2 * count }, (_, i) => i),
    ),
    y: npy(
      '<i4',
      [count],
      Int32Array.from({ length: count }, (_, i) => i % 3),
    ),
  })

test.each<[string, Record<string, string | Uint8Array>, string, string]>([
  ['a folder that is not there', {}, 'nowhere', 'data/not-found'],
  ['an empty folder', {}, '', 'data/empty'],
  ['a folder of other things', { 'notes.md': '# Notes', 'a/b.pdf': '%PDF' }, '', 'data/unrecognised'],
  ['a file of zeros', { 'x.bin': new Uint8Array(100) }, 'x.bin', 'data/unrecognised'],
  ['an empty file', { 'x.csv': '' }, 'x.csv', 'data/empty'],
  ['a text renamed .npz', { 'x.npz': 'hello' }, 'x.npz', 'data/unrecognised'],
  ['a folder with a text renamed .npz', { 'x.npz': 'hello' }, '', 'data/unreadable'],
  ['an archive without arrays', { 'x.npz': npz({}) }, 'x.npz', 'data/unrecognised'],
  ['arrays without rows', { 'x.npz': arrays(0) }, 'x.npz', 'data/empty'],
  [
    'a Parquet file that is cut off',
    { 'x.parquet': 'PAR1 and then nothing of the kind' },
    'x.parquet',
    'data/unreadable',
  ],
  [
    'lines that are no JSON',
    { 'x.jsonl': '{"x": [1, 2], "y": 1}\n{"x": [1,\n' },
    'x.jsonl',
    'data/unreadable',
  ],
])('%s is refused', async (_, files, at, code) => {
  const root = path.join(write(temporaryFolder(), files), at)
  await expect(openDataset(root, model)).rejects.toMatchObject({ code })
})

test('content decides, not the name', async () => {
  const root = write(temporaryFolder(), {
    'samples.dat': arrays(10),
    'table.txt': 'a,b,label\n1,2,0\n3,4,1\n',
  })
  const npzSet = await openDataset(path.join(root, 'samples.dat'), model)
  expect(npzSet.kind).toBe('npz')
  await npzSet.close()
  const table = await openDataset(path.join(root, 'table.txt'), model)
  expect(table.kind).toBe('table')
  await table.close()
})

test('numbered parts of a split are one split, other files are left out with a word', async () => {
  const root = write(temporaryFolder(), {
    'train-00000-of-00002.npz': arrays(10),
    'train-00001-of-00002.npz': arrays(5),
    'validation.npz': arrays(4),
    'validation_stored.npz': arrays(4),
    'extra.npz': arrays(3),
  })
  const dataset = await openDataset(root, model)
  expect(dataset.splits.training.length + dataset.splits.calibration.length).toBe(15)
  expect(dataset.splits.validation.length).toBe(4)
  const notes = dataset.summary().notes.join(' ')
  expect(notes).toContain('validation_stored.npz is left out')
  expect(notes).toContain('extra.npz is left out')
  await dataset.close()
})

test('records with lists of numbers feed arrays, JSONL as well as a JSON list', async () => {
  const records = Array.from({ length: 6 }, (_, i) => ({ x: [i, i / 2], y: i % 3 }))
  const root = write(temporaryFolder(), {
    'a.jsonl': records.map((record) => JSON.stringify(record)).join('\r\n'),
    'b.json': JSON.stringify(records, null, 2),
  })
  for (const name of ['a.jsonl', 'b.json']) {
    const dataset = await openDataset(path.join(root, name), model)
    let sum = 0
    for (const split of Object.values(dataset.splits))
      for await (const { inputs } of split.batches(2))
        for (const v of inputs['x']!.data as Float32Array) sum += v
    expect([name, sum, dataset.task]).toEqual([name, 22.5, 'classification'])
    await dataset.close()
  }
})

test('ids that come padded with their mask lose the padding, and get it back', async () => {
  const tokens = declares(
    [
      ['input_ids', ['N', 5], 'int64'],
      ['attention_mask', ['N', 5], 'int64'],
      ['token_type_ids', ['N', 5], 'int64'],
    ],
    [['y', ['N', 2]]],
  )
  const record = { input_ids: [7, 8, 9, 0, 0, 0, 0], attention_mask: [1, 1, 1, 0, 0, 0, 0], label: 1 }
  const root = write(temporaryFolder(), { 'a.jsonl': JSON.stringify(record) })
  const dataset = await openDataset(root, tokens)
  for await (const { inputs } of dataset.splits.validation.batches(1)) {
    expect(Array.from(inputs['input_ids']!.data as BigInt64Array)).toEqual([7n, 8n, 9n, 0n, 0n])
    expect(Array.from(inputs['attention_mask']!.data as BigInt64Array)).toEqual([1n, 1n, 1n, 0n, 0n])
    expect(Array.from(inputs['token_type_ids']!.data as BigInt64Array)).toEqual([0n, 0n, 0n, 0n, 0n])
  }
  await dataset.close()
})

test('without data, inputs are random, seeded, and run', async () => {
  const sample = readModel(path.resolve(import.meta.dirname, '../../../resources/samples/bearing/cnn1d.onnx'))
  const first = await openRandom(sample, 3, 10)
  const again = await openRandom(sample, 3, 10)
  expect(first).toMatchObject({ kind: 'random', task: 'unlabelled' })
  const [name] = sample.graph.requiredInputs.map((input) => input.name)
  const read = async (dataset: typeof first): Promise<number[]> => {
    const all: number[] = []
    for await (const { inputs, labels, indices } of dataset.splits.validation.batches(4)) {
      expect(labels).toBeUndefined()
      expect(inputs[name!]!.dims).toEqual([indices.length, 3, 1024])
      all.push(...(inputs[name!]!.data as Float32Array))
    }
    return all
  }
  const values = await read(first)
  expect(values).toHaveLength(10 * 3 * 1024)
  expect(await read(again)).toEqual(values)
  await withSession(sample, { threads: 1 }, async (session) => {
    for await (const { inputs } of first.splits.calibration.batches(10))
      for (const output of Object.values(await session.run(inputs))) expect(output.dims[0]).toBe(10)
  })
})
