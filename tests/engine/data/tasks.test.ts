import { expect, test } from 'vitest'
import { recogniseTask, evaluatedOutput, type TaskHints } from '../../../src/engine/data/tasks'
import type { Batch } from '../../../src/engine/data/dataset'
import type { LabelFacts } from '../../../src/engine/data/labels'
import { openDataset } from '../../../src/engine/data/open'
import { Tensor, type Dim, type Model } from '../../../src/engine/onnx'
import { declares, npy, npz, temporaryFolder, write } from './support'

const none: LabelFacts = { kind: 'none' }
const names = (...list: string[]): LabelFacts => ({ kind: 'names', names: list })
const numbers = (change: Partial<Extract<LabelFacts, { kind: 'numbers' }>>): LabelFacts => ({
  kind: 'numbers',
  dims: [],
  integer: true,
  binary: false,
  oneHot: false,
  min: 0,
  max: 3,
  ...change,
})

function task(output: readonly Dim[], facts: LabelFacts, hints: TaskHints = {}, name = 'out') {
  const model = declares([['x', ['N', 8]]], [[name, ['N', ...output]]])
  return recogniseTask(model, evaluatedOutput(model), facts, hints)
}

test.each<[string, Dim[], LabelFacts, string]>([
  ['class numbers', [10], numbers({}), 'classification'],
  ['class names', [3], names('a', 'b', 'c'), 'classification'],
  ['class names, output [C, 1, 1]', [3, 1, 1], names('a', 'b', 'c'), 'classification'],
  ['one-hot rows', [4], numbers({ dims: [4], binary: true, oneHot: true, max: 1 }), 'classification'],
  ['several labels of 0 and 1', [4], numbers({ dims: [4], binary: true, max: 1 }), 'multi-label'],
  ['0 or 1 for one output', [1], numbers({ binary: true, max: 1 }), 'classification'],
  ['two names for one output', [1], names('no', 'yes'), 'classification'],
  ['one number', [1], numbers({ integer: false, max: 7.5 }), 'regression'],
  ['whole numbers for one output', [1], numbers({ max: 90 }), 'regression'],
  ['several numbers', [2], numbers({ dims: [2], integer: false }), 'regression'],
  ['an image for an image', [3, 8, 8], numbers({ dims: [3, 8, 8], integer: false }), 'regression'],
  ['a class per pixel', [5, 8, 8], numbers({ dims: [8, 8] }), 'segmentation'],
  ['a class per pixel, channels last', [8, 9, 5], numbers({ dims: [8, 9] }), 'segmentation'],
  ['a class per pixel with an axis of one', [5, 8, 8], numbers({ dims: [1, 8, 8] }), 'segmentation'],
  ['a token per position', [6, 100], numbers({ dims: [6], max: 99 }), 'language-model'],
  ['nothing', [10], none, 'unlabelled'],
])('%s', (_, output, facts, expected) => {
  const { task: found, reason } = task(output, facts)
  expect(found).toBe(expected)
  expect(reason).not.toBe('')
})

test('the one score of two classes is that of the second, by name, by a list, or by number', () => {
  expect(task([1], names('churned', 'stays'))).toMatchObject({
    classes: ['churned', 'stays'],
    guessedOrder: true,
  })
  const said = task([1], names('churned', 'stays'), { classes: ['stays', 'churned'] })
  expect(said.classes).toEqual(['stays', 'churned'])
  expect(said.guessedOrder).toBeUndefined()
  expect(task([1], names('spam')).classes).toEqual(['spam', 'not spam'])
  expect(() => task([1], names('a', 'b'), { classes: ['a', 'c'] })).toThrow(
    expect.objectContaining({ code: 'data/labels-out-of-range' }),
  )
  expect(task([1], numbers({ binary: true, max: 1 })).classes).toEqual(['0', '1'])
  // One label that holds or does not, where somebody says so; alarms where samples are steps of clips.
  const chosen = task([1], numbers({ binary: true, max: 1 }), { task: 'multi-label' })
  expect(chosen).toMatchObject({ task: 'multi-label', classes: ['1'] })
  expect(task([1], names('no', 'yes'), { clips: true }).task).toBe('events')
})

test('classes are numbered, named by a list, or counted from one', () => {
  expect(task([3], numbers({ max: 2 })).classes).toEqual(['0', '1', '2'])
  expect(task([3], numbers({ max: 2 }), { classes: ['x', 'y', 'z'] }).classes).toEqual(['x', 'y', 'z'])
  expect(task([3], numbers({ min: 1, max: 3 })).targets).toMatchObject({ kind: 'class', offset: 1 })
  expect(task([3], names('10', '2', '0')).targets).toMatchObject({ byName: true })
  expect(task([12], names('10', '2', '0')).targets).toMatchObject({
    byName: false,
    classes: Array.from({ length: 12 }, (__, i) => String(i)),
  })
})

test.each<[Dim[], LabelFacts, string]>([
  [[3], numbers({ max: 3 }), 'data/labels-out-of-range'],
  [[3], numbers({ min: -1, max: 2 }), 'data/labels-out-of-range'],
  [[2], names('a', 'b', 'c'), 'data/labels-out-of-range'],
  [[3], numbers({ integer: false, max: 2 }), 'data/shape-mismatch'],
  [[3], numbers({ dims: [2] }), 'data/shape-mismatch'],
  [[5, 8, 8], numbers({ dims: [7, 8] }), 'data/shape-mismatch'],
])('output %j with labels %j is refused', (output, facts, code) => {
  expect(() => task(output, facts)).toThrow(expect.objectContaining({ code }) as Error)
})

test('a chosen task is taken where the labels allow it', () => {
  expect(task([1], numbers({ binary: true, max: 1 }), { task: 'regression' }).task).toBe('regression')
  expect(task([4], numbers({}), { task: 'unlabelled' }).targets).toEqual({ kind: 'none' })
  expect(() => task([4], names('a'), { task: 'regression' })).toThrow(/data\/shape-mismatch/)
})

test('an output called an embedding is one', () => {
  expect(task([64], none, {}, 'sentence_embedding').task).toBe('embedding')
})

/** Ids → embedding table [50, 4] → scores of 50 tokens. */
function languageModel(): Model {
  const model = declares(
    [
      ['ids', ['N', 'T'], 'int64'],
      ['attention_mask', ['N', 'T'], 'int64'],
    ],
    [['logits', ['N', 'T', 50]]],
  )
  const weights = (rows: number, columns: number): Tensor =>
    Tensor.fromBytes('float32', [rows, columns], new Uint8Array(4 * rows * columns))
  model.importOpset('', 17)
  const table = model.graph.addInitializer('table', weights(50, 4))
  const head = model.graph.addInitializer('head', weights(4, 50))
  model.graph.addNode({ opType: 'Gather', inputs: [table, 'ids'], outputs: ['embedded'] })
  model.graph.addNode({ opType: 'MatMul', inputs: ['embedded', head], outputs: ['logits'] })
  return model
}

test('a language model without labels is scored on the next tokens', async () => {
  const ids = BigInt64Array.from([5n, 6n, 7n, 8n, 9n, 10n, 0n, 0n])
  const mask = BigInt64Array.from([1n, 1n, 1n, 1n, 1n, 1n, 0n, 0n])
  const root = write(temporaryFolder(), {
    'a.npz': npz({ ids: npy('<i8', [2, 4], ids), attention_mask: npy('<i8', [2, 4], mask) }),
  })
  const dataset = await openDataset(root, languageModel())
  expect(dataset.task).toBe('language-model')
  for await (const { labels } of dataset.splits.validation.batches(2)) {
    expect(labels).toMatchObject({ dtype: 'int64', dims: [2, 4] })
    expect(Array.from(labels!.data as BigInt64Array)).toEqual([6n, 7n, 8n, -100n, 10n, -100n, -100n, -100n])
  }
  await dataset.close()
})

test('class maps are checked as they are read, and void is not scored', async () => {
  const model = declares([['x', ['N', 1, 2, 2]]], [['out', ['N', 3, 2, 2]]])
  const open = (last: number) =>
    openDataset(
      write(temporaryFolder(), {
        'a.npz': npz({
          x: npy('<f4', [2, 1, 2, 2], new Float32Array(8)),
          y: npy('|u1', [2, 2, 2], Uint8Array.from([0, 1, 2, 2, 0, 1, 2, last])),
        }),
      }),
      model,
    )
  const good = await open(255)
  expect(good.task).toBe('segmentation')
  for await (const { labels } of good.splits.validation.batches(2))
    expect(Array.from(labels!.data as BigInt64Array)).toEqual([0n, 1n, 2n, 2n, 0n, 1n, 2n, -100n])
  await good.close()
  const bad = await open(9)
  await expect(bad.splits.validation.batches(2)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    data: { code: 'data/labels-out-of-range', label: '9', classes: 3 },
  })
  await bad.close()
})

test('labels that are the ids themselves are moved one step, others are not', async () => {
  const ids = BigInt64Array.from([5n, 6n, 7n, 8n, 9n, 10n, 11n, 12n])
  const read = async (labels: BigInt64Array): Promise<bigint[]> => {
    const arrays = { ids, attention_mask: new BigInt64Array(8).fill(1n), labels }
    const files = Object.entries(arrays).map(([name, data]) => [name, npy('<i8', [2, 4], data)])
    const root = write(temporaryFolder(), {
      'a.npz': npz(Object.fromEntries(files) as Record<string, Uint8Array>),
    })
    const dataset = await openDataset(root, languageModel())
    expect(dataset.task).toBe('language-model')
    const { value } = (await dataset.splits.validation.batches(2)[Symbol.asyncIterator]().next()) as {
      value: Batch
    }
    await dataset.close()
    return Array.from(value.labels!.data as BigInt64Array)
  }
  expect(await read(ids)).toEqual([6n, 7n, 8n, -100n, 10n, 11n, 12n, -100n])
  const next = BigInt64Array.from([6n, 7n, 8n, -100n, 10n, 11n, 12n, -100n])
  expect(await read(next)).toEqual(Array.from(next))
})

test('more names than a call takes arguments', () => {
  const list = Array.from({ length: 200_000 }, (_, i) => String(i))
  expect(task([200_000], { kind: 'names', names: list }).task).toBe('classification')
})
