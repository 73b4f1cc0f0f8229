import { beforeAll, expect, test } from 'vitest'
import { findPreprocessing } from '../../../src/engine/data/find'
import { openDataset } from '../../../src/engine/data/open'
import type { Finding } from '../../../src/engine/data/finding'
import { IMAGENET, MNIST } from '../../../src/engine/data/image-input'
import type { Model } from '../../../src/engine/onnx'
import { coloured, digits, FORMS, trainedOn, written, type Pictures, type Trained } from './forms'
import { accuracy } from './scoring'

const UNIT: Trained = { mean: [0], std: [1] }
const BYTES: Trained = { mean: [0], std: [1 / 255] }
const INVERTED: Trained = { mean: [0.5], std: [0.5], invert: true }
/** Of no published recipe. */
const OWN: Trained = { mean: [0.42], std: [0.17] }
const OWN_COLOURS: Trained = { mean: [0.3, 0.2, 0.6], std: [0.15, 0.3, 0.2] }

type FormName = keyof typeof FORMS
let pictures: Record<1 | 3, Pictures>
const truth = new Map<number, number>()

beforeAll(async () => {
  const grey = await digits()
  pictures = { 1: grey, 3: coloured(grey) }
})

/** What the model scores as it was trained: the layer in front changes nothing of the numbers it undoes. */
async function trueScore(channels: 1 | 3): Promise<number> {
  if (!truth.has(channels)) {
    const model = trainedOn(UNIT, channels)
    const dataset = await openDataset(await written(FORMS['float NPZ 0…1'], pictures[channels]), model)
    truth.set(channels, await accuracy(model, dataset))
    await dataset.close()
  }
  return truth.get(channels)!
}

async function findingsOf(model: Model, form: FormName, channels: 1 | 3): Promise<Finding[]> {
  const dataset = await openDataset(await written(FORMS[form], pictures[channels]), model)
  try {
    return await findPreprocessing(model, dataset, (d) => accuracy(model, d))
  } finally {
    await dataset.close()
  }
}

async function found(model: Model, form: FormName, channels: 1 | 3): Promise<number> {
  const findings = await findingsOf(model, form, channels)
  return (findings.find(({ better }) => better) ?? findings.find(({ baseline }) => baseline))!.value
}

const grey: [string, Trained, FormName[]][] = [
  ['0…1', UNIT, ['PNG folders', 'byte NPZ', 'float NPZ 0…255', 'CSV of bytes']],
  ['as for MNIST', { ...MNIST }, ['CSV 0…1']],
  ['0…255', BYTES, ['PNG folders', 'byte NPZ, channels last']],
  ['−1…1, dark on light', INVERTED, ['float NPZ −1…1']],
  ['in a way of its own', OWN, ['byte NPZ']],
]
const colour: [string, Trained, 'rgb' | 'bgr', FormName[]][] = [
  ['as for ImageNet', { ...IMAGENET }, 'rgb', ['PNG folders', 'byte NPZ']],
  ['as for ImageNet, blue first', { ...IMAGENET }, 'bgr', ['CSV of bytes', 'byte NPZ, channels last']],
  ['in a way of its own', OWN_COLOURS, 'rgb', ['float NPZ 0…1']],
]

/** With no hint the reading found scores within one validation sample of the true one. */
async function expectTrue(value: number, channels: 1 | 3): Promise<void> {
  const samples = pictures[channels].splits['validation']!.labels.length
  expect(Math.round((value - (await trueScore(channels))) * samples)).toBeGreaterThanOrEqual(-1)
}

test.each(grey.flatMap(([words, trained, forms]) => forms.map((form) => ({ words, trained, form }))))(
  'a model trained on grey pixels $words reads $form',
  async ({ trained, form }) => {
    await expectTrue(await found(trainedOn(trained, 1), form, 1), 1)
  },
)

test('a score far above guessing is no proof: bytes that are half right are read the right way all the same', async () => {
  const findings = await findingsOf(trainedOn({ mean: [0.5], std: [0.5] }, 1), 'byte NPZ', 1)
  const plain = findings.find(({ baseline }) => baseline)!.value
  expect(plain).toBeGreaterThan(0.3)
  const right = findings.find(({ better }) => better)!
  expect(right.preprocessing).toMatchObject({ scale: 1 / 255, mean: [0.5], std: [0.5] })
  await expectTrue(right.value, 1)
})

test.each(
  colour.flatMap(([words, trained, order, forms]) => forms.map((form) => ({ words, trained, order, form }))),
)('a model trained on colours $words reads $form', async ({ trained, order, form }) => {
  await expectTrue(await found(trainedOn(trained, 3, order), form, 3), 3)
})
