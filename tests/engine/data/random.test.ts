import { expect, test } from 'vitest'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openRandom } from '../../../src/engine/data/random'
import { Model, Tensor } from '../../../src/engine/onnx'
import type { Values } from '../../../src/engine/runtime/value'

/** y = x · scale, with x of the given shape and, where asked for, a scalar beside it. */
function model(dims: (number | string)[], scalar = false): Model {
  const made = new Model()
  made.opsets.set('', 17)
  made.irVersion = 8
  made.graph.inputs = [{ name: 'x', dtype: 'float32', dims }]
  made.graph.outputs = [{ name: 'y', dtype: 'float32', dims }]
  if (scalar) made.graph.inputs.push({ name: 'scale', dtype: 'float32', dims: [] })
  else made.graph.initializers.set('scale', Tensor.float32([], [2]))
  made.graph.addNode({ opType: 'Mul', inputs: ['x', 'scale'], outputs: ['y'], name: 'mul' })
  return made
}

async function all(data: Dataset, size: number, split: 'validation' | 'calibration' = 'validation') {
  const batches: Values[] = []
  for await (const { inputs } of data.splits[split].batches(size)) batches.push(inputs)
  return batches
}

const numbersOf = (batches: Values[]): number[] =>
  batches.flatMap(({ x }) => Array.from(x!.data as Float32Array))

test('samples are the same every time and in batches of any size, and others in every split', async () => {
  const data = await openRandom(model(['batch', 3]), 5, 10)
  const ten = await all(data, 10)
  expect(ten.map(({ x }) => x!.dims)).toEqual([[10, 3]])
  expect(numbersOf(await all(data, 4))).toEqual(numbersOf(ten))
  expect(numbersOf(await all(await openRandom(model(['batch', 3]), 5, 10), 3))).toEqual(numbersOf(ten))
  expect(numbersOf(await all(data, 10, 'calibration'))).not.toEqual(numbersOf(ten))
  expect(numbersOf(await all(await openRandom(model(['batch', 3]), 6, 10), 10))).not.toEqual(numbersOf(ten))
  expect(new Set(numbersOf(ten)).size).toBeGreaterThan(25)
})

test('a model that takes four at once gets four different samples', async () => {
  const data = await openRandom(model([4, 3]), 0, 8)
  const [whole] = await all(data, 8)
  expect(whole!.x!.dims).toEqual([8, 3])
  const rows = new Set(Array.from({ length: 8 }, (_, i) => String(whole!.x!.data.slice(3 * i, 3 * i + 3))))
  expect(rows.size).toBe(8)
})

test('a scalar is one number for all', async () => {
  const data = await openRandom(model(['batch', 3], true), 0, 6)
  const [batch] = await all(data, 6)
  expect(batch!.scale!.dims).toEqual([6])
  expect(new Set(batch!.scale!.data as Float32Array).size).toBe(1)
  expect(batch!.x!.dims).toEqual([6, 3])
})

test('a large model is asked with fewer samples, the same number everywhere', async () => {
  const large = new Model()
  large.opsets.set('', 17)
  large.irVersion = 8
  large.graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 2000, 1000] }]
  large.graph.outputs = [{ name: 'y', dtype: 'float32', dims: ['batch', 2000, 250] }]
  large.graph.initializers.set('w', Tensor.float32([1000, 250], new Float32Array(250_000)))
  large.graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['y'], name: 'mm' })
  // 500 million multiply-accumulates a sample.
  expect((await openRandom(large)).splits.validation.length).toBe(59)
  expect((await openRandom(model(['batch', 3]))).splits.validation.length).toBe(256)
})

test('it says what it is', async () => {
  const data = await openRandom(model(['batch', 3]), 0, 6)
  expect(data.summary()).toMatchObject({ kind: 'random', task: 'unlabelled', samples: 6 })
  expect([data.splits.calibration.length, data.splits.training.length]).toEqual([0, 0])
  expect(data.summary().notes.join()).toContain('only the likeness to the original is measured')
  expect((await data.splits.validation.preview(2)).title).toBe('Random sample 3')
})
