import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { findPreprocessing } from '../../../src/engine/data/find'
import { openDataset } from '../../../src/engine/data/open'
import { seeded } from '../../../src/engine/math/random'
import { readModel } from '../../../src/engine/onnx'
import { hasReference, reference } from '../../reference'
import { csvOf, linear, numbers } from './linear'
import { accuracy, rSquared } from './scoring'
import { temporaryFolder, write } from './support'

describe('readings that are tried', () => {
  const model = linear([
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [0, 0, 0],
  ])
  const classOf = (row: readonly number[]): number => row.indexOf(Math.max(...row.slice(0, 3)))

  async function find(label: (row: number[], i: number) => number | string, rows = 200, seed = 1) {
    const text = csvOf(
      ['a', 'b', 'c', 'd', 'label'],
      numbers(rows, 4, seed).map((row, i) => [...row, label(row, i)]),
    )
    const file = path.join(write(temporaryFolder(), { 'a.csv': text }), 'a.csv')
    const dataset = await openDataset(file, model)
    const findings = await findPreprocessing(model, dataset, (d) => accuracy(model, d), { when: 'always' })
    await dataset.close()
    return findings
  }

  test.each([1, 2, 3, 4, 5])('random labels make none better (seed %i)', async (seed) => {
    const random = seeded(seed)
    const findings = await find(() => Math.floor(random.next() * 3), 120, seed)
    expect(findings.filter(({ better }) => better)).toEqual([])
  })

  test('nor do random names, however the classes are ordered, nor unequal ones', async () => {
    const random = seeded(9)
    const names = await find(() => ['ash', 'elm', 'oak'][Math.floor(random.next() ** 3 * 3)]!)
    expect(names.length).toBeGreaterThan(1)
    expect(names.filter(({ better }) => better)).toEqual([])
  })

  test('nor do labels that are all alike', async () => {
    expect((await find(() => 2)).filter(({ better }) => better)).toEqual([])
  })

  test('an order of the classes that the answers show is better; with few samples nobody can tell', async () => {
    const label = (row: number[]): string => ['oak', 'ash', 'elm'][classOf(row)]!
    const [best] = await find(label)
    expect(best).toMatchObject({ better: true, classes: ['oak', 'ash', 'elm'], value: 1 })
    expect((await find(label, 20)).filter(({ better }) => better)).toEqual([])
  })
})

describe('of readings that the labels do not tell apart the simplest is believed', () => {
  const weights = [0.5, -1, 0.25, 0.75]
  const model = linear(weights.map((w) => [w]))

  /** Columns with a deviation of 4, taken off and divided by it nearly as they are divided by 4 as a whole. */
  async function believed(seed: number, offset = 0) {
    const random = seeded(100 + seed)
    const rows = numbers(300, 4, seed).map((row) => {
      const x = row.map((v) => v * Math.sqrt(3))
      const noise = Math.sqrt(12) * (random.next() - 0.5) * 0.5
      const y = x.reduce((sum, v, i) => sum + weights[i]! * v, noise)
      return [...x.map((v, i) => 4 * v + offset * i), y]
    })
    const file = write(temporaryFolder(), { 'a.csv': csvOf(['a', 'b', 'c', 'd', 'label'], rows) })
    const dataset = await openDataset(path.join(file, 'a.csv'), model)
    const findings = await findPreprocessing(model, dataset, (d) => rSquared(model, d), { when: 'always' })
    await dataset.close()
    return findings.find(({ better }) => better)?.explanation
  }

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('one scale of all instead of one a column (seed %i)', async (seed) => {
    expect(await believed(seed)).toBe('divided by 4')
  })

  test('and what only one a column explains is read so', async () => {
    expect(await believed(1, 40)).toBe('standardised column by column')
  })
})

describe.skipIf(!hasReference)('on the reference data', () => {
  const open = async (name: string, data: string) => {
    const model = readModel(reference('models', `${name}.onnx`))
    return { model, dataset: await openDataset(reference('data', data), model) }
  }

  test('inverted images are found, explained and score as the right ones', async () => {
    const { model, dataset } = await open('lenet5', 'digits/png')
    const base = dataset.preprocessing
    if (base.kind !== 'image') throw new Error('not an image')
    const wrong = dataset.variant({ preprocessing: { ...base, invert: true, scale: 1 / 127.5, mean: [1] } })
    const findings = await findPreprocessing(model, wrong, (d) => accuracy(model, d), { samples: 100 })
    expect(findings[0]).toMatchObject({ value: 0.994, baseline: false })
    expect(findings[0]!.preprocessing).toMatchObject({ invert: false })
    expect(findings[0]!.explanation).toMatch(/not inverted$/)
    const before = findings.find((f) => f.baseline)!
    expect(before.value).toBeLessThan(0.127)
    expect(before.explanation, 'beside the one that is taken').toBe('as it was read before others were tried')
    await dataset.close()
  })

  test('a table of raw pixels needs 1/255', async () => {
    const { model, dataset } = await open('lenet5', 'digits/csv')
    expect(dataset.preprocessing).toMatchObject({ kind: 'array', scale: 1 / 255 })
    const raw = dataset.variant({
      preprocessing: { kind: 'array', scale: 1, mean: [0], std: [1], columns: {} },
    })
    const findings = await findPreprocessing(model, raw, (d) => accuracy(model, d), { when: 'always' })
    expect(findings[0]!.value).toBe(0.994)
    expect(findings.map((f) => f.explanation)).toContain('pixels scaled to 0…1')
    await dataset.close()
  })

  test('raw sensor counts and class names in another order are put right together', async () => {
    const { model, dataset } = await open('cnn1d', 'bearing/csv')
    expect(dataset.classes).toEqual([
      'ball',
      'imbalance',
      'inner_race',
      'misalignment',
      'normal',
      'outer_race',
    ])
    const findings = await findPreprocessing(model, dataset, (d) => accuracy(model, d))
    expect(findings[0]!.classes).toEqual([
      'normal',
      'inner_race',
      'outer_race',
      'ball',
      'imbalance',
      'misalignment',
    ])
    const right = await openDataset(reference('data', 'bearing/csv'), model, {
      preprocessing: { scale: 1 / 256 },
      classes: ['normal', 'inner_race', 'outer_race', 'ball', 'imbalance', 'misalignment'],
    })
    const samples = right.splits.validation.length
    expect(findings[0]!.value).toBeGreaterThanOrEqual((await accuracy(model, right)) - 1.5 / samples)
    await right.close()
    await dataset.close()
  })

  test.each<[string, string, number]>([
    ['lenet5', 'digits/png', 0.994],
    ['lenet5', 'digits/csv', 0.994],
    ['lenet300', 'digits/npz', 0.994],
    ['lenet300', 'digits/png', 0.994],
    ['cnn1d', 'bearing/npz', 0.9222],
    ['cnn1d_bn_legacy', 'bearing/npz', 0.9222],
    ['bert', 'text', 0.7423],
  ])('%s on %s scores within one sample of the reference table, with no hint', async (name, data, truth) => {
    const { model, dataset } = await open(name, data)
    const findings = await findPreprocessing(model, dataset, (d) => accuracy(model, d))
    const found = findings.find(({ better }) => better) ?? findings.find(({ baseline }) => baseline)!
    expect(found.value).toBeGreaterThanOrEqual(truth - 1.5 / dataset.splits.validation.length)
    await dataset.close()
  })

  test('a gain near 1 that suits the model better is its tuning, not another way to read', async () => {
    const sample = path.resolve(import.meta.dirname, '../../../resources/samples/bearing')
    const model = readModel(path.join(sample, 'cnn1d.onnx'))
    const dataset = await openDataset(path.join(sample, 'data'), model)
    const findings = await findPreprocessing(model, dataset, (d) => accuracy(model, d), { when: 'always' })
    expect(findings.filter(({ better }) => better)).toEqual([])
    await dataset.close()
  })

  test('where the baseline is right no other way is better', async () => {
    const { model, dataset } = await open('lenet5', 'digits/npz')
    const [first, ...others] = await findPreprocessing(model, dataset, (d) => accuracy(model, d))
    expect(first).toMatchObject({ baseline: true, value: 0.994 })
    expect(others.filter(({ better }) => better)).toEqual([])
    await dataset.close()
  })
})
