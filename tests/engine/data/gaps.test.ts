import path from 'node:path'
import { expect, test } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { SPLITS } from '../../../src/contract/dataset'
import { Node, type Model } from '../../../src/engine/onnx'
import { floatsOf } from '../../../src/engine/runtime/value'
import { declares, fixture, npy, npz, temporaryFolder, tokenizerJson, write } from './support'

const ROWS = 40
const BROKEN = [3, 17, 31]
const three = declares([['x', ['N', 4]]], [['scores', ['N', 3]]])
const one = declares([['x', ['N', 4]]], [['value', ['N', 1]]])
const row = (i: number): number[] => [i, i / 2, -i, 1]

/** All samples of all splits by their first number, with their labels. */
async function all(files: Record<string, string | Uint8Array>, model: Model = three) {
  const [name] = Object.keys(files)
  const dataset = await openDataset(path.join(write(temporaryFolder(), files), name!), model)
  const samples: [first: number, label: number | undefined][] = []
  for (const split of SPLITS)
    for await (const { inputs, labels, indices } of dataset.splits[split].batches(7)) {
      const values = floatsOf(Object.values(inputs)[0]!)
      for (const i of indices.keys())
        samples.push([values[(i * values.length) / indices.length]!, labels && Number(labels.data[i])])
    }
  const { notes, samples: count } = dataset.summary()
  await dataset.close()
  samples.sort(([a], [b]) => a - b)
  return { notes, samples, count, dataset }
}

const kept = Array.from({ length: ROWS }, (_, i) => i).filter((i) => !BROKEN.includes(i))
const asKept = kept.map((i) => [i, i % 3])

const arrays = (change: (x: Float32Array) => void, descr = '<f4'): Uint8Array => {
  const x = Float32Array.from(Array.from({ length: ROWS }, (_, i) => row(i)).flat())
  change(x)
  return npz({
    x: npy(descr, [ROWS, 4], descr === '<f8' ? Float64Array.from(x) : x),
    y: npy(
      '<i4',
      [ROWS],
      Int32Array.from({ length: ROWS }, (_, i) => i % 3),
    ),
  })
}

const table = (cell: string, column: number): string =>
  ['a,b,c,d,label', ...Array.from({ length: ROWS }, (_, i) => [...row(i), i % 3].join(','))]
    .map((line, at) =>
      BROKEN.includes(at - 1)
        ? line
            .split(',')
            .map((text, i) => (i === column ? cell : text))
            .join(',')
        : line,
    )
    .join('\n')

const records = (value: unknown): string =>
  Array.from({ length: ROWS }, (_, i) =>
    JSON.stringify({ x: BROKEN.includes(i) ? value : row(i), label: i % 3 }),
  ).join('\n')

test.each<[string, Record<string, string | Uint8Array>]>([
  ['NaN in NPZ', { 'a.npz': arrays((x) => BROKEN.forEach((i) => (x[4 * i + 3] = NaN))) }],
  ['infinity in NPZ', { 'a.npz': arrays((x) => BROKEN.forEach((i) => (x[4 * i + 1] = -Infinity)), '<f8') }],
  ['empty cells in CSV', { 'a.csv': table('', 1) }],
  ['NaN in CSV', { 'a.csv': table('NaN', 3) }],
  ['-inf in CSV', { 'a.csv': table('-inf', 0) }],
  ['numbers beyond float32 in CSV', { 'a.csv': table('1e39', 2) }],
  ['NULL in CSV', { 'a.csv': table('NULL', 2) }],
  ['nothing in JSONL', { 'a.jsonl': records(null) }],
  ['a gap in a list of JSONL', { 'a.jsonl': records([1, null, 3, 4]) }],
])('samples with %s are left out, counted and named', async (_, files) => {
  const { notes, samples, count } = await all(files)
  expect(samples).toEqual(asKept)
  expect(count).toBe(kept.length)
  expect(notes.join()).toMatch(
    /3 of 40 (rows|samples|texts) are left out, with a value that is missing, NaN or infinite: 4, 18, 32\./,
  )
})

test.each([
  ['', 'without a label: 4, 18, 32'],
  ['nan', 'without a label: 4, 18, 32'],
  ['-1', 'without a label: 4, 18, 32'],
  ['-100', 'without a label: 4, 18, 32'],
])('rows of which the label is "%s" are left out', async (cell, words) => {
  const { notes, samples } = await all({ 'a.csv': table(cell, 4) })
  expect(samples).toEqual(asKept)
  expect(notes.join()).toContain(`3 of 40 rows are left out, ${words}`)
})

test('class names with some missing, and numbers to predict with some missing', async () => {
  const named = table('', 4).replace(
    /,(\d)$/gm,
    (_, digit: string) => `,${['oak', 'elm', 'fir'][Number(digit)]!}`,
  )
  const names = await all({ 'a.csv': named })
  expect(names.dataset.classes).toEqual(['elm', 'fir', 'oak'])
  expect(names.samples).toEqual(kept.map((i) => [i, [2, 0, 1][i % 3]]))
  const values = table('', 4).replace(/,(\d)$/gm, ',$1.5')
  const numbers = await all({ 'a.csv': values }, one)
  expect(numbers.dataset.task).toBe('regression')
  expect(numbers.samples).toEqual(kept.map((i) => [i, (i % 3) + 0.5]))
})

test('a class all of whose samples have gaps keeps its place among the outputs', async () => {
  const lines = Array.from({ length: 30 }, (_, i) => `${i % 3 === 1 ? '' : i},1,2,3,${'abc'[i % 3]!}`)
  const { dataset, samples } = await all({ 'a.csv': ['p,q,r,s,label', ...lines].join('\n') })
  expect(dataset.classes).toEqual(['a', 'b', 'c'])
  expect(new Set(samples.map(([, label]) => label))).toEqual(new Set([0, 2]))
})

test.each<[string, number[], number, number[]]>([
  ['−1 and 1 of two outputs', [-1, 1], 2, [0, 1]],
  ['−1, 0 and 1 of three outputs', [-1, 0, 1], 3, [0, 1, 2]],
  ['1 and 2 of two outputs beside −1', [-1, 1, 2], 2, [0, 1]],
])('labels of %s', async (_, labels, size, classes) => {
  const model = declares([['x', ['N', 4]]], [['scores', ['N', size]]])
  const lines = Array.from({ length: 30 }, (_, i) => [...row(i), labels[i % labels.length]].join(','))
  const { samples } = await all({ 'a.csv': ['a,b,c,d,label', ...lines].join('\n') }, model)
  expect([...new Set(samples.map(([, label]) => label!))].sort()).toEqual(classes)
})

test('where every sample has a gap, or every label is none, a sentence says so', async () => {
  const x = arrays((values) => values.fill(NaN))
  await expect(all({ 'a.npz': x })).rejects.toMatchObject({
    code: 'data/unreadable',
    data: { reason: expect.stringContaining('none of its 40 samples can be used') as string },
  })
})

test('a model that reads gaps itself gets them', async () => {
  const model = declares([['x', ['N', 4]]], [['scores', ['N', 3]]])
  model.graph.nodes.push(new Node({ opType: 'IsNaN', inputs: ['x'], outputs: ['gap'] }))
  const { count } = await all({ 'a.csv': table('', 1) }, model)
  expect(count).toBe(ROWS)
})

test('columns that nothing reads may have gaps', async () => {
  const lines = Array.from({ length: ROWS }, (_, i) =>
    JSON.stringify({ x: row(i), label: i % 3, remark: i % 2 ? null : [1] }),
  )
  expect((await all({ 'a.jsonl': lines.join('\n') })).count).toBe(ROWS)
})

test('nulls of Parquet, in numbers and in labels', async () => {
  const dataset = await openDataset(fixture('nulls.parquet'), three)
  expect(dataset.summary()).toMatchObject({ samples: 35 })
  const notes = dataset.summary().notes.join()
  expect(notes).toContain(
    '3 of 40 rows are left out, with a value that is missing, NaN or infinite: 4, 18, 32.',
  )
  expect(notes).toContain('2 of 40 rows are left out, without a label: 6, 21.')
  await dataset.close()
})

test('texts that are not there, and texts without a label', async () => {
  const model = declares([['input_ids', ['N', 'T'], 'int64']], [['scores', ['N', 3]]])
  const line = (i: number): string =>
    JSON.stringify({ text: i === 4 ? null : 'a b', label: i === 9 ? null : i % 3 })
  const files = {
    'a.jsonl': Array.from({ length: 30 }, (_, i) => line(i)).join('\n'),
    'tokenizer.json': tokenizerJson(['a', 'b']),
  }
  const { notes, count } = await all(files, model)
  expect(count).toBe(28)
  expect(notes.join()).toMatch(/1 of 30 texts is left out, with a value .*: 5\..*without a label: 10\./)
})
