import path from 'node:path'
import { expect, test } from 'vitest'
import { numberOf } from '../../../src/engine/data/csv'
import { openDataset, type OpenOptions } from '../../../src/engine/data/open'
import type { Model } from '../../../src/engine/onnx'
import { floatsOf } from '../../../src/engine/runtime/value'
import { declares, temporaryFolder, write } from './support'

const three = declares([['x', ['N', 2]]], [['y', ['N', 3]]])
const one = declares([['x', ['N', 2]]], [['y', ['N', 1]]])

async function read(bytes: string | Uint8Array, model: Model = three, options: OpenOptions = {}) {
  const dataset = await openDataset(
    path.join(write(temporaryFolder(), { 'a.csv': bytes }), 'a.csv'),
    model,
    options,
  )
  const rows: number[][] = []
  const labels: number[] = []
  for await (const batch of dataset.splits.training.batches(1)) {
    rows.push(Array.from(floatsOf(batch.inputs['x']!)))
    if (batch.labels) labels.push(...floatsOf(batch.labels))
  }
  await dataset.close()
  return { dataset, rows, labels }
}

const same = [
  [1, 2],
  [3, 4],
  [5.5, -6],
]

test.each([
  ['a header and a byte order mark', '\ufeffclass,a,b\n0,1,2\n1,3,4\n2,5.5,-6\n'],
  ['no header, the class first', '0,1,2\n1,3,4\n2,5.5,-6\n'],
  [
    'no header, the class last',
    '1.0,2.5,0\n3,4,1\n5.5,-6,2\n',
    [
      [1, 2.5],
      [3, 4],
      [5.5, -6],
    ],
  ],
  [
    'quotes, spaces, empty lines and Windows line ends',
    '"a","b","label"\r\n"1"," 2 ",0\r\n\r\n3,4,1\r\n5.5,-6,2\r\n',
  ],
  ['semicolons and decimal commas', 'a;b;label\n1;2;0\n3;4;1\n5,5;-6;2\n'],
  ['semicolons and decimal points', 'a;b;label\n1;2;0\n3;4;1\n5.5;-6;2\n'],
  ['tabs and decimal commas', 'a\tb\tlabel\n1\t2\t0\n3\t4\t1\n5,5\t-6,0\t2\n'],
  ['commas and quoted decimal commas', 'a,b,label\n"1,0",2,0\n3,4,1\n"5,5",-6,2\n'],
  ['a column that numbers the rows', 'id,a,b,target\n7,1,2,0\n8,3,4,1\n9,5.5,-6,2\n'],
])('a table with %s', async (_, text, expected = same) => {
  const { rows, labels } = await read(text)
  expect(rows).toEqual(expected)
  expect(labels).toEqual([0, 1, 2])
})

const excel = 'a\tb\tGröße\r\n1\t2\tklein\r\n3\t4\tmäßig\r\n5,5\t-6\tgroß\r\n'
const utf16 = Buffer.from('\ufeff' + excel, 'utf16le')

test.each([
  ['UTF-16, little end first', utf16],
  ['UTF-16, big end first', Buffer.from(utf16).swap16()],
  ['UTF-8', Buffer.from(excel)],
  ['Windows-1252', Buffer.from(excel, 'latin1')],
])('a table as spreadsheets save it, in %s', async (_, bytes) => {
  const { dataset, rows } = await read(bytes, three, { label: 'Größe' })
  expect(dataset.classes).toEqual(['groß', 'klein', 'mäßig'])
  expect(rows).toEqual(same)
})

test('a comma that may part thousands as well as decimals is no number', async () => {
  const thousands = 'a\tb\tlabel\n1,234\t2\t0\n3,456\t4\t1\n'
  await expect(read(thousands)).rejects.toMatchObject({ code: expect.stringMatching(/^data\//) as string })
})

test('names as labels, by a chosen column', async () => {
  const { dataset, rows } = await read('a,b,kind\n1,2,elm\n3,4,oak\n5.5,-6,fir\n', three, { label: 'kind' })
  expect(dataset.classes).toEqual(['elm', 'fir', 'oak'])
  expect(rows).toEqual(same)
})

test('one number to predict is a regression, several are too', async () => {
  const single = await read('a,b,y\n1,2,0.5\n3,4,1.5\n5.5,-6,9\n', one)
  expect(single.dataset.task).toBe('regression')
  expect(single.labels).toEqual([0.5, 1.5, 9])
  const two = declares([['x', ['N', 2]]], [['y', ['N', 2]]])
  const several = await read('y0,y1,a,b\n0.5,1,1,2\n1,2,3,4\n2,3.25,5.5,-6\n', two)
  expect(several.dataset.task).toBe('regression')
  expect(several.labels).toEqual([0.5, 1, 1, 2, 2, 3.25])
  expect(several.rows).toEqual(same)
})

test.each([
  ['a,b,label\n1,2,0\n1,zwei,1\n', 'line 3: the cell in column "b" holds "zwei", which is no number'],
  ['a,b,label\n1,2,0\n1,2\n', 'line 3 has another number of cells'],
  ['a,b,label\n1,2,0\n"1,2,0\n', 'a quotation mark is never closed'],
])('a broken table says where: %j', async (text, reason) => {
  await expect(read(text)).rejects.toMatchObject({
    data: { code: 'data/unreadable', reason: expect.stringContaining(reason) as string },
  })
})

test('the wrong number of columns, no rows, and an unknown label column are refused', async () => {
  await expect(read('a,b,c,label\n1,2,3,0\n4,5,6,1\n')).rejects.toMatchObject({
    data: {
      code: 'data/shape-mismatch',
      input: 'x',
      expected: '[samples, 2] of float32',
      got: 'columns [2, 3] of float32',
    },
  })
  await expect(read('')).rejects.toMatchObject({ code: expect.stringMatching(/^data\//) as string })
  await expect(read('a,b,label\n1,2,0\n', three, { label: 'kind' })).rejects.toMatchObject({
    data: { code: 'data/shape-mismatch', input: 'labels', expected: 'a column "kind"' },
  })
})

test('a table of columns by input name feeds several inputs', async () => {
  const model = declares(
    [
      ['speed', ['N', 1]],
      ['ids', ['N', 3], 'int64'],
    ],
    [['y', ['N', 2]]],
  )
  const text = 'speed,ids_0,ids_1,ids_2,label\n0.5,1,2,16777217,0\n1.5,4,5,6,1\n'
  const dataset = await openDataset(write(temporaryFolder(), { 'a.csv': text }), model)
  for await (const { inputs } of dataset.splits.training.batches(2)) {
    expect(Array.from(inputs['speed']!.data as Float32Array)).toEqual([0.5, 1.5])
    // 2²⁴ + 1 is no float32.
    expect(Array.from(inputs['ids']!.data as BigInt64Array)).toEqual([1n, 2n, 16777217n, 4n, 5n, 6n])
  }
  await dataset.close()
})

test('numbers are numbers as tables write them', () => {
  expect(['1', ' -2.5e3 ', '.5', '+7.'].map((cell) => numberOf(cell))).toEqual([1, -2500, 0.5, 7])
  for (const cell of ['', ' ', '0x10', 'Infinity', 'NaN', '1,5', '1 2']) expect(numberOf(cell)).toBeNaN()
  expect(numberOf('1,5', true)).toBe(1.5)
})
