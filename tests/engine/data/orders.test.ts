import path from 'node:path'
import { expect, test } from 'vitest'
import type { ClassAnswers } from '../../../src/engine/data/answers'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { ordersOf, reordered } from '../../../src/engine/data/orders'
import { csvOf, linear, numbers } from './linear'
import { temporaryFolder, write } from './support'

/** Answers that are sure of one class each. */
const sure = (answers: readonly number[], labels: readonly number[], width: number): ClassAnswers => ({
  kind: 'classes',
  samples: labels.length,
  width,
  scores: Float64Array.from(
    answers.flatMap((a) => Array.from({ length: width }, (_, k) => (k === a ? 9 : 0))),
  ),
  labels: Int32Array.from(labels),
  of: Int32Array.from(labels.keys()),
})

const named = (classes: readonly string[], guessedOrder: boolean): Dataset =>
  ({ classes, guessedOrder }) as Dataset

test('names without an order are matched to the answers, also where the model has more outputs', () => {
  const orders = ordersOf(sure([3, 0, 3, 0], [0, 1, 0, 1], 4), named(['cat', 'dog'], true))
  const matched = orders.at(-1)!.classes
  expect([matched[3], matched[0]]).toEqual(['cat', 'dog'])
  expect(matched).toHaveLength(4)
})

test('numbers may be counted from one, or leave the first output to the background', () => {
  const answers = sure([0, 1, 1], [1, 2, 2], 4)
  const orders = ordersOf(answers, named(['0', '1', '2', '3'], false))
  expect(orders.map(({ classes }) => classes)).toEqual([
    ['1', '2', '3', '0'],
    ['3', '0', '1', '2'],
  ])
  expect([...reordered(answers, ['0', '1', '2', '3'], orders[0]!.classes).labels]).toEqual([0, 1, 1])
  expect(ordersOf(sure([0], [0], 1), named(['0'], false))).toEqual([])
})

test('class numbers in an order of their own are read back so from a spec', async () => {
  const model = linear([
    [1, 0, 0],
    [0, 1, 0],
  ])
  const rows = numbers(20, 2).map((row, i) => [...row, (i % 2) + 1])
  const file = path.join(write(temporaryFolder(), { 'a.csv': csvOf(['a', 'b', 'label'], rows) }), 'a.csv')
  const plain = await openDataset(file, model)
  const labelsOf = async (dataset: Dataset): Promise<bigint[]> => {
    const all: bigint[] = []
    for await (const { labels } of dataset.splits.validation.batches(8))
      all.push(...(labels!.data as BigInt64Array))
    return all
  }
  const moved = plain.variant({ classes: ['1', '2', '0'] })
  expect(await labelsOf(moved)).toEqual((await labelsOf(plain)).map((label) => label - 1n))
  const again = await openDataset(file, model, moved.spec)
  expect(await labelsOf(again)).toEqual(await labelsOf(moved))
  await again.close()
  await plain.close()
})
