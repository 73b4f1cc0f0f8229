import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SPLITS, type SplitName } from '../../../src/contract/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { makeSplits, stratifiedOrder, type Parts } from '../../../src/engine/data/splits'
import type { Source } from '../../../src/engine/data/source'
import { splitOfName, type GivenSplit } from '../../../src/engine/data/names'
import { declares, npy, npz, temporaryFolder, write } from './support'

const source = (length: number): Source => ({
  length,
  suggested: { kind: 'array', scale: 1, mean: [0], std: [1], columns: {} },
  notes: [],
  read: () => Promise.reject(new Error('not read')),
  preview: () => Promise.reject(new Error('not read')),
  close: async () => {},
})

const members = (parts: Parts, name: SplitName): number[] =>
  Array.from(parts[name].order ?? Array.from({ length: parts[name].source.length }, (_, i) => i))

test('every stretch of a stratified order holds each class in its share', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 0, max: 1000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (list, seed, part) => {
        const classes = Int32Array.from(list)
        const order = stratifiedOrder(classes.length, classes, seed)
        expect(Array.from(order).sort((a, b) => a - b)).toEqual(list.map((_, i) => i))
        const count = Math.round(part * list.length)
        for (const id of new Set(list)) {
          const share = (list.filter((other) => other === id).length * count) / list.length
          const got = Array.from(order.slice(0, count)).filter((i) => classes[i] === id).length
          expect(Math.abs(got - share)).toBeLessThan(4)
        }
      },
    ),
  )
})

test('an unsplit set: a fifth, a fifth of at most 512, the rest', () => {
  for (const [length, sizes] of [
    [100, [20, 60, 20]],
    [5, [1, 3, 1]],
    [10_000, [512, 7488, 2000]],
  ] as const) {
    const { parts } = makeSplits({ whole: source(length) }, () => undefined, 0)
    expect(SPLITS.map((name) => members(parts, name).length)).toEqual(sizes)
    expect(SPLITS.flatMap((name) => members(parts, name)).sort((a, b) => a - b)).toEqual(
      Array.from({ length }, (_, i) => i),
    )
    expect(SPLITS.map((name) => parts[name].origin)).toEqual(['made', 'made', 'made'])
  }
})

test.each<[Partial<Record<GivenSplit, number>>, Record<SplitName, [number, string]>]>([
  [
    { training: 50, validation: 20 },
    { calibration: [10, 'made'], training: [40, 'made'], validation: [20, 'given'] },
  ],
  [
    { training: 50, test: 20 },
    { calibration: [10, 'made'], training: [40, 'made'], validation: [20, 'given'] },
  ],
  [
    { training: 50, calibration: 8 },
    { calibration: [8, 'given'], training: [40, 'made'], validation: [10, 'made'] },
  ],
  [
    { calibration: 8, validation: 20 },
    { calibration: [8, 'given'], training: [8, 'shared'], validation: [20, 'given'] },
  ],
  [{ validation: 20 }, { calibration: [4, 'made'], training: [12, 'made'], validation: [4, 'made'] }],
  [{ training: 20 }, { calibration: [4, 'made'], training: [12, 'made'], validation: [4, 'made'] }],
  [{ training: 3 }, { calibration: [3, 'shared'], training: [3, 'shared'], validation: [3, 'shared'] }],
  [
    { training: 50, calibration: 8, validation: 20, test: 30 },
    { calibration: [8, 'given'], training: [50, 'given'], validation: [20, 'given'] },
  ],
])('given %j', (given, expected) => {
  const sources = Object.fromEntries(Object.entries(given).map(([name, length]) => [name, source(length)]))
  const { parts } = makeSplits(sources, () => undefined, 0)
  expect(
    Object.fromEntries(SPLITS.map((name) => [name, [members(parts, name).length, parts[name].origin]])),
  ).toEqual(expected)
  if (parts.calibration.source === parts.training.source && parts.training.origin === 'made') {
    const both = [...members(parts, 'calibration'), ...members(parts, 'training')]
    expect(new Set(both).size).toBe(both.length)
  }
})

test('the same seed makes the same splits, another seed others', () => {
  const whole = source(100)
  const of = (seed: number): number[] =>
    members(makeSplits({ whole }, () => undefined, seed).parts, 'validation')
  expect(of(1)).toEqual(of(1))
  expect(of(1)).not.toEqual(of(2))
})

test.each([
  ['train', 'training', ''],
  ['train_ids', 'training', 'ids'],
  ['x_train', 'training', 'x'],
  ['Val', 'validation', ''],
  ['valid-00000-of-00002', 'validation', '00000_of_00002'],
  ['t10k-test', 'test', 't10k'],
  ['calib', 'calibration', ''],
])('the name %s says %s', (name, split, rest) => {
  expect(splitOfName(name)).toEqual({ split, rest })
})

test.each(['trainer', 'evaluator_notes', 'cats', ''])('the name "%s" says no split', (name) => {
  expect(splitOfName(name)).toBeUndefined()
})

test('samples in two splits are told', async () => {
  const arrays = (values: number[]): Uint8Array =>
    npz({
      x: npy('<f4', [values.length, 2], Float32Array.from(values.flatMap((v) => [v, v * v]))),
      y: npy(
        '<i4',
        [values.length],
        Int32Array.from(values, (v) => v % 3),
      ),
    })
  const root = write(temporaryFolder(), {
    'train.npz': arrays([1, 2, 3, 4, 5, 6]),
    'calib.npz': arrays([10, 11, 12]),
    'val.npz': arrays([3, 6, 20, 21, 12]),
  })
  const dataset = await openDataset(root, declares([['x', ['N', 2]]], [['y', ['N', 3]]]))
  const { notes } = dataset.summary()
  expect(notes).toContain(
    '2 validation samples are also in training: scores after training may look better than they are.',
  )
  expect(notes).toContain('1 validation sample is also in calibration.')
  expect(notes.join(' ')).not.toContain('calibration samples')
  await dataset.close()
})
