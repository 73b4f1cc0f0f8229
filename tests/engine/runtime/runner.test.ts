import { expect, test } from 'vitest'
import { openRunner } from '../../../src/engine/runtime/runner'
import type { Model } from '../../../src/engine/onnx'
import type { Values } from '../../../src/engine/runtime/value'
import { floats, ints, wires } from '../evaluate/support'

/** y = −x, the sum of all of x beside it, with the batch as given. */
function model(batch: number | string): Model {
  const made = wires({ x: { dims: [batch, 2], op: 'Neg', to: 'y' } })
  made.graph.outputs.push({ name: 'total', dtype: 'float32', dims: [] })
  made.graph.addNode({
    opType: 'ReduceSum',
    inputs: ['x'],
    outputs: ['total'],
    attributes: { keepdims: { int: 0 } },
  })
  return made
}

async function run(made: Model, rows: number): Promise<Values> {
  const runner = await openRunner(made)
  const x = floats(
    [rows, 2],
    Array.from({ length: 2 * rows }, (_, i) => i + 1),
  )
  try {
    return await runner.run({ x })
  } finally {
    await runner.release()
  }
}

test.each([1, 3, 4, 8, 9])(
  '%i samples through a model that takes four at once are so many answers',
  async (rows) => {
    const { y } = await run(model(4), rows)
    expect(y).toEqual(
      floats(
        [rows, 2],
        Array.from({ length: 2 * rows }, (_, i) => -i - 1),
      ),
    )
    expect(y).toEqual((await run(model('batch'), rows)).y)
  },
)

test('an output that is one number is one a sample, as the model gives it for that sample', async () => {
  expect((await run(model('batch'), 3)).total).toEqual(floats([3], [3, 7, 11]))
  expect((await run(model(1), 3)).total).toEqual(floats([3], [3, 7, 11]))
  expect((await run(model(2), 4)).total).toEqual(floats([4], [10, 10, 26, 26]))
})

test.each<number | string>([1, 'batch'])(
  'outputs whose size hangs on the sample end in zeros (batch %s)',
  async (batch) => {
    const made = wires({ x: { dims: [batch, 2], op: 'NonZero', to: 'places' } })
    made.graph.outputs[0]!.dtype = 'int64'
    made.graph.outputs[0]!.dims = [2, 'found']
    const runner = await openRunner(made)
    const { places } = await runner.run({ x: floats([3, 2], [1, 1, 0, 0, 0, 1]) })
    expect(places).toEqual(ints([3, 2, 2], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0]))
    await runner.release()
  },
)

test('only what is asked for is fetched', async () => {
  const runner = await openRunner(model(2))
  expect(runner.signature.batch).toBe(2)
  const outputs = await runner.run({ x: floats([3, 2], [1, 2, 3, 4, 5, 6]) }, ['y'])
  expect(Object.keys(outputs)).toEqual(['y'])
  await runner.release()
})

test.each<[string, Values, string]>([
  ['an input that is not there', {}, 'nothing'],
  ['another type', { x: ints([1, 2], [1, 2]) }, 'int64 [1, 2]'],
  ['another width', { x: floats([1, 3], [1, 2, 3]) }, 'float32 [1, 3]'],
  ['another rank', { x: floats([1, 1, 2], [1, 2]) }, 'float32 [1, 1, 2]'],
])('%s is told by its name and shape', async (_, inputs, got) => {
  const runner = await openRunner(model('batch'))
  await expect(runner.run(inputs)).rejects.toMatchObject({
    data: { code: 'data/shape-mismatch', input: 'x', expected: 'float32 [batch, 2]', got },
  })
  await runner.release()
})
