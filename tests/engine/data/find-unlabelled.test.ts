import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { findPreprocessing } from '../../../src/engine/data/find'
import type { Finding } from '../../../src/engine/data/finding'
import { keepsChannels, type InputLayer } from '../../../src/engine/data/input-fit'
import { openDataset } from '../../../src/engine/data/open'
import { separationOf, statisticsOf } from '../../../src/engine/data/witness'
import { seeded } from '../../../src/engine/math/random'
import { readModel, Tensor, type Model } from '../../../src/engine/onnx'
import { hasReference, reference } from '../../reference'
import { npy, npz } from './files'
import { digits, FORMS, trainedOn, written, type Pictures } from './forms'
import { csvOf, linear, numbers } from './linear'
import { accuracy } from './scoring'
import { declares, temporaryFolder, write } from './support'

const noScore = (): Promise<number> => Promise.reject(new Error('there is nothing to score by'))

async function findIn(model: Model, data: string): Promise<Finding[]> {
  const dataset = await openDataset(data, model)
  try {
    expect(dataset.task).toBe('unlabelled')
    return await findPreprocessing(model, dataset, noScore, { value: 1 })
  } finally {
    await dataset.close()
  }
}

describe('pictures without labels', () => {
  let pictures: Pictures
  beforeAll(async () => {
    pictures = await digits()
  })

  /** The reading found without labels, scored with them. */
  async function scored(model: Model): Promise<{ findings: Finding[]; found: number }> {
    const bare = Object.fromEntries(
      Object.entries(pictures.splits).map(([split, { pixels }]) => [
        `${split}.npz`,
        npz({ x: npy('|u1', [pixels.length, 1, 28, 28], new Uint8Array(Buffer.concat(pixels))) }),
      ]),
    )
    const findings = await findIn(model, write(temporaryFolder(), bare))
    const best = findings.find(({ better }) => better) ?? findings.find(({ baseline }) => baseline)!
    const dataset = await openDataset(await written(FORMS['byte NPZ'], pictures), model)
    const found = await accuracy(model, dataset.variant({ preprocessing: best.preprocessing }))
    await dataset.close()
    return { findings, found }
  }

  let score: number | undefined
  async function truth(): Promise<number> {
    if (score === undefined) {
      const model = trainedOn(UNIT, 1)
      const dataset = await openDataset(await written(FORMS['float NPZ 0…1'], pictures), model)
      score = await accuracy(model, dataset)
      await dataset.close()
    }
    return score
  }

  const UNIT = { mean: [0], std: [1] }

  test.each([
    ['0…255', { mean: [0], std: [1 / 255] }],
    ['−1…1, dark on light', { mean: [0.5], std: [0.5], invert: true }],
    ['in a way of its own', { mean: [0.42], std: [0.17] }],
  ])('of a model trained on pixels %s are read right', { timeout: 180_000 }, async (_, trained) => {
    const { findings, found } = await scored(trainedOn(trained, 1))
    expect(findings.find(({ better }) => better)?.by?.measure).toBe('separation')
    expect(found).toBeGreaterThan((await truth()) - 0.03)
  })

  test('that are read right already have no better way', { timeout: 180_000 }, async () => {
    const { findings, found } = await scored(trainedOn(UNIT, 1))
    expect(findings.filter(({ better }) => better)).toEqual([])
    expect(found).toBe(await truth())
  })

  test.each([1, 2])('noise changes nothing (seed %i)', { timeout: 180_000 }, async (seed) => {
    const random = seeded(seed)
    const noise = Uint8Array.from({ length: 200 * 784 }, () => random.next() * 256)
    const file = write(temporaryFolder(), { 'a.npz': npz({ x: npy('|u1', [200, 1, 28, 28], noise) }) })
    const findings = await findIn(trainedOn(UNIT, 1), path.join(file, 'a.npz'))
    expect(findings.filter(({ better }) => better)).toEqual([])
  })
})

test('numbers that are no scores of classes tell nothing', async () => {
  const model = linear([
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ])
  const text = csvOf(['a', 'b', 'c'], numbers(100, 3))
  const findings = await findIn(model, path.join(write(temporaryFolder(), { 'a.csv': text }), 'a.csv'))
  expect(findings).toMatchObject([{ baseline: true, better: false, value: 1 }])
  expect(findings[0]!.by).toBeUndefined()
})

describe('what a normalization layer learned', () => {
  const rows = numbers(400, 4)
  const of = (values: number[]): Tensor => Tensor.float32([4], values)

  /** x · W, as often as there are layers, then BatchNormalization that learned of uniform numbers in −1…1 about a mean. */
  function normalized(layers: number, mean: number): Model {
    const model = declares([['x', ['N', 4]]], [['y', ['N', 4]]])
    model.opsets.set('', 17)
    const { graph } = model
    graph.addInitializer('one', of([1, 1, 1, 1]))
    graph.addInitializer('zero', of([0, 0, 0, 0]))
    graph.addInitializer('mean', of([1, 2, 3, 4].map((v) => v ** layers * mean)))
    graph.addInitializer('variance', of([1, 2, 3, 4].map((v) => v ** (2 * layers) / 3)))
    let last = 'x'
    for (let i = 0; i < layers; i++) {
      graph.addInitializer(`w${i}`, Tensor.float32([4, 4], [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4]))
      graph.addNode({ opType: 'MatMul', inputs: [last, `w${i}`], outputs: [`h${i}`] })
      last = `h${i}`
    }
    const inputs = [last, 'one', 'zero', 'mean', 'variance']
    graph.addNode({ opType: 'BatchNormalization', inputs, outputs: ['y'] })
    return model
  }

  /** Of numbers that are larger by a factor. */
  const findings = (layers: number, by: number, mean = 0): Promise<Finding[]> => {
    const text = csvOf(
      ['a', 'b', 'c', 'd'],
      rows.map((row) => row.map((v) => (v + mean) * by)),
    )
    return findIn(normalized(layers, mean), path.join(write(temporaryFolder(), { 'a.csv': text }), 'a.csv'))
  }

  test('says which scale was meant', async () => {
    const [best] = await findings(1, 64)
    expect(best).toMatchObject({ better: true, by: { measure: 'statistics' } })
    if (best!.preprocessing.kind !== 'array') throw new Error('no array')
    const { scale, std } = best!.preprocessing
    expect(std.map((v) => scale / v / (1 / 64)).every((v) => Math.abs(v - 1) < 0.1)).toBe(true)
    expect((await findings(1, 1)).filter(({ better }) => better)).toEqual([])
  })

  test('is not fitted to where samples may have drifted, and is where they are too far off', async () => {
    const isFit = ({ explanation, better }: Finding): boolean => better && explanation.includes('fitted')
    expect((await findings(1, 1 / 3)).some(isFit)).toBe(false)
    expect((await findings(1, 7, 30)).some(isFit)).toBe(true)
  })

  test('says nothing behind several layers, where it goes by what samples show', async () => {
    expect(await findings(2, 64)).toMatchObject([{ baseline: true, better: false, value: 1 }])
  })

  test('is not matched by leaving a channel out', () => {
    const layer = (...deviations: number[]): InputLayer => ({
      channels: deviations.length,
      gainOnly: false,
      deviations: Float64Array.from(deviations),
      apply: (batch) => batch,
    })
    expect(keepsChannels(layer(1, 1), Float64Array.of(0, -7))).toBe(false)
    expect(keepsChannels(layer(1, 1), Float64Array.of(-7, -7))).toBe(true)
    expect(keepsChannels(layer(1, 1000), Float64Array.of(0, 0))).toBe(true)
    expect(keepsChannels(layer(1, 1000), Float64Array.of(-1, 0))).toBe(false)
    expect(keepsChannels(layer(1), Float64Array.of(-7))).toBe(true)
  })
})

test('separation forgets size and what all samples have in common', () => {
  const rows = numbers(50, 5).map((row) => Float32Array.from(row))
  const plain = separationOf(rows)
  const same = separationOf(rows.map((row) => row.map((v, k) => 7 * v + k)))
  expect(same.value).toBeCloseTo(plain.value, 4)
  expect(plain.gains(plain)).toEqual([])
  expect(separationOf([Float32Array.of(1, 2, 3)]).value).toBe(0)
})

test('divergence is that of normal distributions', () => {
  // Mean 3, deviation 2 against mean 1, deviation 1: (4 + 4 − 1 − ln 4) / 2 nats.
  const rows = [1, 5, 1, 5].map((v) => Float32Array.of(v))
  expect(-statisticsOf(rows, Float32Array.of(1), Float32Array.of(1)).value).toBeCloseTo(
    (7 - Math.log(4)) / 2,
    6,
  )
})

describe.skipIf(!hasReference)('on the reference data', () => {
  test.each(['cnn1d', 'cnn1d_bn_legacy'])(
    '%s reads counts of its sensors',
    { timeout: 180_000 },
    async (name) => {
      const model = readModel(reference('models', `${name}.onnx`))
      const labelled = await openDataset(reference('data', 'bearing/csv'), model, {
        classes: ['normal', 'inner_race', 'outer_race', 'ball', 'imbalance', 'misalignment'],
      })
      const dataset = await openDataset(reference('data', 'bearing/csv'), model, { task: 'unlabelled' })
      const findings = await findPreprocessing(model, dataset, noScore, { value: 1 })
      const right = labelled.variant({
        preprocessing: { kind: 'array', scale: 1 / 256, mean: [0], std: [1], columns: {} },
      })
      const best = findings.find(({ better }) => better)!
      const found = await accuracy(model, labelled.variant({ preprocessing: best.preprocessing }))
      expect(found).toBeGreaterThanOrEqual(
        (await accuracy(model, right)) - 1.5 / right.splits.validation.length,
      )
      await dataset.close()
      await labelled.close()
    },
  )
})
