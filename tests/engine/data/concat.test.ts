import { expect, test, vi } from 'vitest'
import { concatSources } from '../../../src/engine/data/concat'
import type { RawLabels, Source } from '../../../src/engine/data/source'
import { float32, floatsOf } from '../../../src/engine/runtime/value'

const suggested = { kind: 'array' as const, scale: 1, mean: [0], std: [1], columns: {} }

/** Sample i of source `at` is the number 100·at + i; those in `broken` cannot be read. */
function source(
  at: number,
  length: number,
  more: Partial<Pick<Source, 'labels' | 'identity'>> = {},
  broken: number[] = [],
) {
  const value = (i: number): number => 100 * at + i
  return {
    length,
    suggested,
    notes: [`source ${at}`, 'shared'],
    read: vi.fn((indices: readonly number[]) => {
      const kept = [...indices.keys()].filter((i) => !broken.includes(indices[i]!))
      const x = float32(
        [kept.length, 1],
        Float32Array.from(kept, (i) => value(indices[i]!)),
      )
      return Promise.resolve({ inputs: { x }, ...(broken.length > 0 && { kept }) })
    }),
    preview: (index: number) => Promise.resolve({ title: String(value(index)) }),
    close: vi.fn(() => Promise.resolve()),
    ...more,
  } satisfies Source
}

const numbersOf = (read: Awaited<ReturnType<Source['read']>>): number[] =>
  Array.from(floatsOf(read.inputs.x!))

test('positions run on from file to file, in any order and more than once', async () => {
  const parts = [source(0, 2), source(1, 0), source(2, 3), source(3, 1)]
  const all = concatSources(parts)
  expect(all.length).toBe(6)
  expect(all.notes).toEqual(['source 0', 'shared', 'source 1', 'source 2', 'source 3'])
  const order = [5, 0, 1, 4, 2, 2, 3, 0]
  const expected = [300, 0, 1, 202, 200, 200, 201, 0]
  const read = await all.read(order, suggested)
  expect(numbersOf(read)).toEqual(expected)
  expect(read.kept).toBeUndefined()
  // Neighbours of one file are asked for together.
  expect(parts[2]!.read.mock.calls.map(([indices]) => indices)).toEqual([[2, 0, 0, 1]])
  for (const [i, position] of order.entries())
    expect((await all.preview(position, suggested)).title).toBe(String(expected[i]))
})

test('what one file cannot give is left out, and the places of the rest are told', async () => {
  const all = concatSources([source(0, 2, {}, [1]), source(1, 2, {}, [0, 1]), source(2, 2)])
  const read = await all.read([0, 1, 2, 3, 4, 5], suggested)
  expect(numbersOf(read)).toEqual([0, 200, 201])
  expect(read.kept).toEqual([0, 4, 5])
  expect(await all.read([1, 2], suggested)).toEqual({ inputs: {}, kept: [] })
})

const named = (names: string[], of: number[]): RawLabels => ({
  kind: 'names',
  names,
  of: Int32Array.from(of),
})

test('the same name is the same label in every file, and none stays none', () => {
  const all = concatSources([
    source(0, 3, { labels: named(['cat', 'dog'], [0, 1, -1]) }),
    source(1, 2, { labels: named(['dog', 'eel'], [0, 1]) }),
  ])
  expect(all.labels).toEqual(named(['cat', 'dog', 'eel'], [0, 1, -1, 1, 2]))
})

const rows = (values: number[]) => ({
  length: values.length,
  dims: [],
  dtype: 'float32' as const,
  read: (indices: readonly number[]) =>
    Promise.resolve(
      float32(
        [indices.length],
        Float32Array.from(indices, (i) => values[i]!),
      ),
    ),
  close: vi.fn(() => Promise.resolve()),
})

test('labels that are numbers are read across files and closed in each; of two kinds there are none', async () => {
  const [a, b] = [rows([1, 2]), rows([3, 4, 5])]
  const { labels } = concatSources([
    source(0, 2, { labels: { kind: 'rows', rows: a } }),
    source(1, 3, { labels: { kind: 'rows', rows: b } }),
  ])
  if (labels?.kind !== 'rows') throw new Error('no rows')
  expect(labels.rows.length).toBe(5)
  expect(Array.from(floatsOf(await labels.rows.read([4, 0, 2, 1])))).toEqual([5, 1, 3, 2])
  await labels.rows.close()
  expect([a.close, b.close].map((close) => close.mock.calls.length)).toEqual([1, 1])
  const mixed = [
    source(0, 2, { labels: { kind: 'rows', rows: a } }),
    source(1, 2, { labels: named(['a'], [0, 0]) }),
  ]
  expect(concatSources(mixed).labels).toBeUndefined()
  expect(concatSources([source(0, 2, { labels: named(['a'], [0, 0]) }), source(1, 1)]).labels).toBeUndefined()
})

test('samples can be told apart only where every file can tell its own', async () => {
  const identity = (indices: readonly number[]) => Promise.resolve(indices.map((i) => Uint8Array.of(i)))
  const all = concatSources([source(0, 2, { identity }), source(1, 2, { identity })])
  expect(await all.identity!([3, 0])).toEqual([Uint8Array.of(1), Uint8Array.of(0)])
  expect(concatSources([source(0, 2, { identity }), source(1, 2)]).identity).toBeUndefined()
})

test('closing closes every file; a single file is itself; no files are refused', async () => {
  const parts = [source(0, 1), source(1, 1)]
  await concatSources(parts).close()
  expect(parts.map(({ close }) => close.mock.calls.length)).toEqual([1, 1])
  expect(concatSources(parts.slice(0, 1))).toBe(parts[0])
  expect(() => concatSources([])).toThrow(RangeError)
})
