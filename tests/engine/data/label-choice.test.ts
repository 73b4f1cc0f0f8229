import path from 'node:path'
import { expect, test } from 'vitest'
import { openDataset, type OpenOptions } from '../../../src/engine/data/open'
import type { Model } from '../../../src/engine/onnx'
import { floatsOf } from '../../../src/engine/runtime/value'
import { csvOf, linear, numbers } from './linear'
import { temporaryFolder, write } from './support'

const WEIGHTS = [2, -1, 0.5, 3]
const force = linear(WEIGHTS.map((w) => [w]))
const features = numbers(200, 4)
const pull = (row: readonly number[]): number => row.reduce((sum, v, i) => sum + v * WEIGHTS[i]!, 0)

async function labels(text: string, model: Model = force, options: OpenOptions = {}) {
  const file = path.join(write(temporaryFolder(), { 'a.csv': text }), 'a.csv')
  const dataset = await openDataset(file, model, options)
  const found: [first: number, label: number][] = []
  for await (const batch of dataset.splits.training.batches(50)) {
    const x = floatsOf(batch.inputs['x']!)
    const y = floatsOf(batch.labels!)
    for (let i = 0; i < y.length; i++) found.push([x[4 * i]!, y[i]!])
  }
  const { notes } = dataset.summary()
  await dataset.close()
  return { found, notes: notes.join(' '), task: dataset.task }
}

/** Column names with the force at a place of its own, and the rows in the same order. */
function table(
  names: readonly string[],
  at: number,
  value: (row: number[]) => number | string = pull,
): string {
  const placed = (row: readonly (number | string)[], item: number | string) => row.toSpliced(at, 0, item)
  return csvOf(
    placed(names, 'force') as string[],
    features.map((row) => placed(row, value(row))),
  )
}

test.each([
  ['last', ['pos', 'vel', 'target', 'rate'], 4],
  ['first', ['pos', 'y', 'angle', 'rate'], 0],
  ['last, after coordinates', ['x', 'y', 'z', 'class'], 4],
])('a feature called like labels is told from the labels, which are %s', async (_, names, at) => {
  const { found, notes } = await labels(table(names, at))
  for (const [first, label] of found) {
    const row = features.find(([v]) => Math.fround(v!) === first)!
    expect(label).toBeCloseTo(pull(row), 5)
  }
  if (!names.includes('class')) expect(notes).toContain('The labels are taken from column “force”')
})

test('where the model answers no column better than by guessing it is asked, and what is said is done', async () => {
  const noise = table(['pos', 'vel', 'target', 'rate'], 4, (row) => Math.sin(1e4 * row[0]!))
  await expect(labels(noise)).rejects.toMatchObject({
    data: { code: 'data/label-unclear', columns: ['target', 'force', 'pos'] },
  })
  const { found } = await labels(noise, force, { label: 'force' })
  expect(found[0]![1]).toBeCloseTo(
    Math.sin(1e4 * features.find(([v]) => Math.fround(v!) === found[0]![0])![0]!),
    5,
  )
})

test.each([
  ['label', ['pos', 'label', 'angle', 'rate']],
  ['Labels', ['pos', 'vel', 'Labels', 'rate']],
])('a column called %s is surely the labels, wherever it stands', async (name, names) => {
  const at = names.indexOf(name)
  const { found } = await labels(table(names, 4))
  expect(
    found.every(([first, label]) =>
      features.some((row) => Math.fround(row[0]!) === first && Math.fround(row[at]!) === label),
    ),
  ).toBe(true)
})

test('a column called like labels that the model needs as an input is one; names beside it are the labels', async () => {
  const model = linear([
    [1, 0],
    [0, 1],
    [0, 0],
    [0, 0],
  ])
  const text = table(['pos', 'target', 'angle', 'rate'], 4, (row) => (row[0]! > row[1]! ? 'fall' : 'rise'))
  const { found, task } = await labels(text, model)
  expect(task).toBe('classification')
  expect(new Set(found.map(([, label]) => label))).toEqual(new Set([0, 1]))
})
