import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fitRows } from '../../../src/engine/data/convert'
import { npyArray, npzArrays } from '../../../src/engine/data/npz'
import type { Batch } from '../../../src/engine/data/dataset'
import { openDataset, type OpenOptions } from '../../../src/engine/data/open'
import { Spool } from '../../../src/engine/data/spool'
import { floatsOf } from '../../../src/engine/runtime/value'
import { declares, fixture, fixtureJson, npy, npz, temporaryFolder, write } from './support'

const expected = fixtureJson('dtypes.json') as Record<string, string[] | number[][]>

test.each(['dtypes.npz', 'dtypes_deflated.npz'])(
  'every dtype and order NumPy writes is read from %s',
  async (file) => {
    const { arrays, close } = await npzArrays(fixture(file))
    expect(arrays.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort())
    for (const array of arrays) {
      const rows = await array.open()
      const { data, dims, dtype } = await rows.read([2, 0, 1])
      const want = [2, 0, 1].map((i) => expected[array.name]![i]!)
      if (Array.isArray(data)) expect(data).toEqual(want)
      else {
        expect(dims).toEqual([3, 2, 4])
        const numbers =
          dtype === 'float16' ? floatsOf({ dtype, dims, data }) : Array.from(data as Float64Array, Number)
        expect(Array.from(numbers)).toEqual(want.flat())
      }
      await rows.close()
    }
    close()
  },
)

test.each([1, 2, 3])('NPY version %i', async (version) => {
  const rows = await (await npyArray(fixture(`version${version}.npy`))).open()
  expect(Array.from((await rows.read([1])).data as Float32Array)).toEqual([8, 9, 10, 11, 12, 13, 14, 15])
  await rows.close()
})

const model = declares([['x', ['N', 6]]], [['y', ['N', 3]]])
const open = async (files: Record<string, Uint8Array>, at = '') =>
  openDataset(path.join(write(temporaryFolder(), files), at), model)

test.each([
  ['objects.npy', 'its dtype is object'],
  ['fields.npy', 'named fields'],
  ['complex.npy', 'its dtype is complex'],
])('%s is refused with a sentence', async (name, words) => {
  await expect(openDataset(fixture(name), model)).rejects.toMatchObject({
    code: 'data/unreadable',
    data: { reason: expect.stringContaining(words) as string },
  })
})

test.each([
  ['|O', 'object'],
  ['<c8', 'complex64'],
  ['<c16', 'complex128'],
  ['<f16', 'longdouble'],
  ['<M8[ns]', 'datetime64'],
])(
  'of an archive, an input of dtype %s is the reason, labels too, anything else a note',
  async (descr, name) => {
    const bytes = Number(/\d+/.exec(descr)?.[0] ?? 8)
    const strange = (rows: number, columns: number): Uint8Array =>
      npy(descr, columns === 1 ? [rows] : [rows, columns], new Uint8Array(rows * columns * bytes))
    const x = npy('<f4', [6, 6], new Float32Array(36))
    const y = npy('<i4', [6], Int32Array.from([0, 1, 2, 0, 1, 2]))
    const refused = { code: 'data/unreadable', data: { reason: expect.stringContaining(name) as string } }
    await expect(open({ 'a.npz': npz({ x: strange(6, 6), y }) })).rejects.toMatchObject(refused)
    await expect(open({ 'a.npz': npz({ x, y: strange(6, 1) }) })).rejects.toMatchObject(refused)
    const dataset = await open({ 'a.npz': npz({ x, y, extra: strange(6, 1) }) })
    expect(dataset.summary().notes.join()).toMatch(new RegExp(`The array extra is left out: .*${name}`))
    await dataset.close()
  },
)

test('an archive that promises more than it holds is refused before anything is inflated', async () => {
  await expect(openDataset(fixture('lies.npz'), model)).rejects.toMatchObject({
    code: 'data/unreadable',
    data: { reason: expect.stringContaining('promises 4000000128 bytes') as string },
  })
})

test.each([0, 6] as const)(
  'an array whose checksum is wrong is refused, packed at level %i',
  async (level) => {
    const x = npy(
      '<f4',
      [30, 6],
      Float32Array.from({ length: 180 }, (_, i) => Math.sin(i)),
    )
    const bytes = Buffer.from(npz({ x }, level))
    bytes.writeUInt32LE(1, bytes.indexOf('PK\x01\x02', 0, 'latin1') + 16)
    const folder = write(temporaryFolder(), { 'a.npz': bytes })
    await expect(openDataset(path.join(folder, 'a.npz'), model)).rejects.toMatchObject({
      code: 'data/unreadable',
      data: { reason: expect.stringContaining('checksum') as string },
    })
  },
)

const good = npz({
  x: npy(
    '<f4',
    [30, 6],
    Float32Array.from({ length: 180 }, (_, i) => Math.sin(i)),
  ),
  y: npy(
    '|u1',
    [30],
    Uint8Array.from({ length: 30 }, (_, i) => i % 3),
  ),
})

test('archives cut off anywhere are refused as data/unreadable or data/unrecognised', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: good.length - 1 }), async (length) => {
      const outcome = open({ 'a.npz': good.slice(0, length) }, 'a.npz')
      await expect(outcome).rejects.toMatchObject({
        code: expect.stringMatching(/^data\/(unreadable|unrecognised)$/) as string,
      })
    }),
    { numRuns: 60 },
  )
})

test('archives with a changed byte open or are refused, and never break', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: good.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, change) => {
        const bytes = good.slice()
        bytes[at]! ^= change
        const opened = await open({ 'a.npz': bytes }, 'a.npz').catch((error: unknown) => error)
        if (opened instanceof Error)
          expect(opened).toMatchObject({ code: expect.stringMatching(/^data\//) as string })
        else await (opened as Awaited<ReturnType<typeof open>>).close()
      },
    ),
    { numRuns: 120 },
  )
})

test('a wrong shape names the input, what it takes and what is there', async () => {
  const files = {
    'a.npz': npz({ x: npy('<f4', [4, 7], new Float32Array(28)), y: npy('<i8', [4], new BigInt64Array(4)) }),
  }
  await expect(open(files)).rejects.toMatchObject({
    data: {
      code: 'data/shape-mismatch',
      input: 'x',
      expected: '[samples, 6] of float32',
      got: 'x [4, 7] of float32',
    },
  })
})

test('arrays of different lengths, and labels beyond the classes, are refused', async () => {
  const x = npy('<f4', [4, 6], new Float32Array(24))
  await expect(open({ 'a.npz': npz({ x, y: npy('<i8', [5], new BigInt64Array(5)) }) })).rejects.toMatchObject(
    {
      data: { code: 'data/shape-mismatch', input: 'y', expected: '4 samples, as x has' },
    },
  )
  const labels = BigInt64Array.from([0n, 1n, 2n, 7n])
  await expect(open({ 'a.npz': npz({ x, y: npy('<i8', [4], labels) }) })).rejects.toMatchObject({
    data: { code: 'data/labels-out-of-range', label: '7', classes: 3 },
  })
})

test('a deflated array that does not fit into memory is read from a temporary file, which goes away', async () => {
  const folder = temporaryFolder()
  const spool = new Spool({ folder, memoryLimit: 100 })
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251)
  for (let at = 0; at < 1000; at += 50) await spool.append(bytes.subarray(at, at + 50))
  const stored = await spool.finish()
  expect(fs.readdirSync(folder)).toHaveLength(1)
  expect(Array.from(await stored.read(90, 300))).toEqual(Array.from(bytes.subarray(90, 390)))
  await stored.close()
  expect(fs.readdirSync(folder)).toEqual([])
})

test('shapes are matched: reshaped, free axes, channels moved, or not at all', () => {
  expect(fitRows([784], [1, 28, 28])?.dims).toEqual([1, 28, 28])
  expect(fitRows([3, 5], [3, 'T'])?.dims).toEqual([3, 5])
  expect(fitRows([10], ['T', 5])?.dims).toEqual([2, 5])
  expect(fitRows([784], [1, 28, 27])).toBeUndefined()
  // [2, 2, 3] channels last: red 0, 3, 6, 9 come first in [3, 2, 2].
  expect(Array.from(fitRows([2, 2, 3], [3, 2, 2])!.order!)).toEqual([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11])
  expect(Array.from(fitRows([3, 2, 2], [2, 2, 3])!.order!)).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
})

test('several inputs are matched by name, by shape, and by what tokenizers leave out', async () => {
  const two = declares(
    [
      ['speed', ['N', 2]],
      ['image', ['N', 1, 8, 8]],
      ['ids', ['N', 'T'], 'int64'],
      ['attention_mask', ['N', 'T'], 'int64'],
    ],
    [['y', ['N', 3]]],
  )
  const files = {
    'a.npz': npz({
      pixels: npy(
        '|u1',
        [6, 8, 8],
        Uint8Array.from({ length: 384 }, (_, i) => i % 250),
      ),
      Speed: npy(
        '<f8',
        [6, 2],
        Float64Array.from({ length: 12 }, (_, i) => i),
      ),
      ids: npy(
        '<i4',
        [6, 5],
        Int32Array.from({ length: 30 }, (_, i) => i),
      ),
      label: npy('<i4', [6], Int32Array.from([0, 1, 2, 0, 1, 2])),
    }),
  }
  const dataset = await openDataset(write(temporaryFolder(), files), two)
  for await (const { inputs } of dataset.splits.training.batches(2)) {
    expect(inputs['speed']).toMatchObject({ dtype: 'float32', dims: [2, 2] })
    expect((inputs['speed']!.data as Float32Array)[1]! % 2).toBe(1)
    expect(inputs['image']).toMatchObject({ dtype: 'float32', dims: [2, 1, 8, 8] })
    expect(Math.max(...(inputs['image']!.data as Float32Array))).toBeLessThan(1)
    expect(inputs['ids']).toMatchObject({ dtype: 'int64', dims: [2, 5] })
    expect(Array.from(inputs['attention_mask']!.data as BigInt64Array)).toEqual(new Array(10).fill(1n))
  }
  expect(dataset.summary().notes.join(' ')).toContain('no attention_mask')
  await dataset.close()
})

test('an array that should be text or labels that are names work as class names', async () => {
  const text = Buffer.concat(
    ['oak', 'elm', 'fir', 'oak', 'elm', 'fir'].map((name) =>
      Buffer.from(Uint32Array.from(name, (c) => c.charCodeAt(0)).buffer),
    ),
  )
  const dataset = await open({
    'a.npz': npz({
      x: npy(
        '<f4',
        [6, 6],
        new Float32Array(36).map((_, i) => i),
      ),
      labels: npy('<U3', [6], text),
    }),
  })
  expect(dataset.classes).toEqual(['elm', 'fir', 'oak'])
  expect(dataset.summary().classCounts).toEqual([2, 2, 2])
  await dataset.close()
})

test('a person may say which array is fed and which holds the labels', async () => {
  const values = (from: number): Uint8Array =>
    npy(
      '<f4',
      [6, 6],
      new Float32Array(36).map((_, i) => i + from),
    )
  const labels = npy('<i4', [6], Int32Array.from([0, 1, 2, 0, 1, 2]))
  const root = write(temporaryFolder(), {
    'a.npz': npz({ first: values(0), second: values(100), kind: labels }),
  })
  const read = async (options: OpenOptions): Promise<number> => {
    const dataset = await openDataset(root, model, { label: 'kind', ...options })
    expect(dataset.task).toBe('classification')
    const { value } = (await dataset.splits.training.batches(1)[Symbol.asyncIterator]().next()) as {
      value: Batch
    }
    await dataset.close()
    return (value.inputs['x']!.data as Float32Array)[0]!
  }
  expect(await read({})).toBeLessThan(100)
  expect(await read({ columns: { x: 'second' } })).toBeGreaterThanOrEqual(100)
  const array = { kind: 'array', scale: 1 } as const
  const kept = (columns: Record<string, string>) => ({
    preprocessing: { ...array, mean: [0], std: [1], columns },
  })
  expect(await read(kept({ x: 'second' }))).toBeGreaterThanOrEqual(100)
  expect(await read(kept({ x: 'of other data' }))).toBeLessThan(100)
  await expect(read({ columns: { x: 'missing' } })).rejects.toMatchObject({ code: 'data/shape-mismatch' })
})
