import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { forgetOpenData } from '../../../src/engine/jobs/data'
import { dataJobs } from '../../../src/engine/jobs/datasets'
import { best, COUNT, given, INPUTS, listening, settings } from './support'
import { seeded } from '../../../src/engine/math/random'
import { npy, npz, write } from '../data/support'

afterEach(forgetOpenData)

const doubtsOn = async (labels: Parameters<typeof given>[0]): Promise<string[]> =>
  (await dataJobs.openData(given(labels), listening())).doubts.map(({ kind }) => kind)

test('labels that the model answers give no reason to doubt', async () => {
  expect(await doubtsOn(best)).toEqual([])
})

test.each<[string, Parameters<typeof given>[0], string[]]>([
  ['random labels', (_, i) => (i * 7919) % 3, ['guessing']],
  ['one class', () => 2, ['labels-constant']],
  ['two of three classes, well answered', (answer) => Math.min(1, best(answer)), ['classes-missing']],
  ['one number', () => [1, 1, 1], ['labels-constant']],
  ['several labels, of which one always holds and one is random', (_, i) => [1, i % 2, 0], ['few-samples']],
  ['several labels that are answered', (answer) => answer.map((v) => Number(v > 0.5)), []],
])('%s', async (_, labels, kinds) => {
  expect(await doubtsOn(labels)).toEqual(kinds)
})

test('a score that chance explains is called so, and few samples of a model that is right too few', async () => {
  const message = async (labels: Parameters<typeof given>[0], samples = COUNT): Promise<string> => {
    const { model, data, settings } = given(labels)
    const few = {
      ...data,
      splits: { calibration: 1 - samples / COUNT, training: 0, validation: samples / COUNT, seed: 1 },
    }
    return (await dataJobs.openData({ model, settings, data: few }, listening())).doubts[0]?.message ?? ''
  }
  const random = seeded(8)
  expect(await message(() => random.below(3))).toMatch(
    /^The original is not distinguishable from chance \(Accuracy .*% on \d+ samples\): the data/,
  )
  expect(await message((answer) => best(answer) % 2, 6)).toMatch(/on 6 samples\): too few samples to tell\.$/)
})

test('chance is judged by the classes that occur: half of two of three is guessing', async () => {
  const random = seeded(4)
  const { baseline, looksLikeChance } = await dataJobs.openData(
    given(() => random.below(2)),
    listening(),
  )
  expect(baseline.value).toBeGreaterThan(0.25)
  expect(looksLikeChance).toBe(true)
})

test('validation samples out of training data, and some that are in training too', async () => {
  const { model, folder } = given()
  const labels = npy(
    '<i8',
    [COUNT],
    BigInt64Array.from({ length: COUNT }, (_, i) => BigInt(best([...INPUTS.subarray(4 * i, 4 * i + 3)]))),
  )
  const file = npz({ x: npy('<f4', [COUNT, 4], INPUTS), labels })
  const open = async (root: string) =>
    (await dataJobs.openData({ model, settings, data: { path: root } }, listening())).doubts.map(
      ({ kind }) => kind,
    )
  const train = write(path.join(folder, 'one'), { 'train.npz': file })
  expect(await open(train)).toContain('training-scored')
  expect(await open(path.join(train, 'train.npz'))).toContain('training-scored')
  const both = write(path.join(folder, 'two'), { 'train.npz': file, 'validation.npz': file })
  const kinds = await open(both)
  expect(kinds).toContain('overlap')
  expect(kinds).not.toContain('training-scored')
})
