import { expect, it } from 'vitest'
import { combine, Model, Tensor, type Dim } from '../../../src/engine/onnx'
import { floatsOf, openRunner } from '../../../src/engine/runtime'
import { floats } from '../evaluate/support'

/** [N, 2] → w · x, as [N] or [N, 1]. */
function scorer(weights: [number, number], { input = 'x', flat = false, opset = 13 } = {}): Model {
  const model = new Model()
  model.opsets.set('', opset)
  model.irVersion = 7
  const { graph } = model
  graph.inputs = [{ name: input, dtype: 'float32', dims: ['N', 2] }]
  graph.initializers.set('w', Tensor.float32([2, 1], weights))
  graph.addNode({ opType: 'MatMul', inputs: [input, 'w'], outputs: [flat ? 'column' : 'score'] })
  const dims: Dim[] = flat ? ['N'] : ['N', 1]
  if (flat) {
    graph.initializers.set('shape', Tensor.int64([-1]))
    graph.addNode({ opType: 'Reshape', inputs: ['column', 'shape'], outputs: ['score'] })
  }
  graph.outputs = [{ name: 'score', dtype: 'float32', dims }]
  return model
}

const run = async (model: Model, feeds: Record<string, ReturnType<typeof floats>>): Promise<number[]> => {
  const runner = await openRunner(model)
  try {
    const outputs = await runner.run(feeds)
    expect(outputs['condition']!.dims).toEqual([2, 1])
    return Array.from(floatsOf(outputs['condition']!))
  } finally {
    await runner.release()
  }
}

const x = floats([2, 2], [1, 2, 3, -1])
// First model 1 · a + 0 · b = 1, 3; second 0 · a + 1 · b = 2, −1.
it.each([
  ['min', undefined, [1, -1]],
  ['max', undefined, [2, 3]],
  ['mean', undefined, [1.5, 1]],
  ['sum', undefined, [3, 2]],
  ['sum', [2, -1], [0, 7]],
] as const)('joins two models on one input by %s %s', async (by, weights, expected) => {
  const first = scorer([1, 0])
  const both = combine([first, scorer([0, 1], { flat: true, opset: 17 })], {
    by,
    ...(weights && { weights }),
  })
  expect(both.graph.requiredInputs.map(({ name }) => name)).toEqual(['x'])
  expect(both.graph.outputs.map(({ name }) => name)).toEqual(['condition'])
  expect(await run(both, { x })).toEqual([...expected])
  expect(first.graph.outputs[0]!.name).toBe('score')
})

it('keeps inputs of other names, and joins three', async () => {
  const all = combine([scorer([1, 0]), scorer([1, 0], { input: 'z' }), scorer([0, 1], { input: 'z' })], {
    by: 'max',
  })
  expect(all.graph.requiredInputs.map(({ name }) => name)).toEqual(['x', 'm2_z', 'm3_z'])
  const z = floats([2, 2], [0, 0, 0, 9])
  expect(await run(all, { x, m2_z: z, m3_z: z })).toEqual([1, 9])
})

it('joins several outputs of one model, by name', async () => {
  const model = scorer([1, 0])
  model.graph.addNode({ opType: 'Neg', inputs: ['score'], outputs: ['other'] })
  model.graph.outputs.push({ name: 'other', dtype: 'float32', dims: ['N', 1] })
  model.graph.outputs.push({ name: 'features', dtype: 'float32', dims: ['N', 2] })
  model.graph.addNode({ opType: 'Identity', inputs: ['x'], outputs: ['features'] })
  const joined = combine([model], { by: 'sum', outputs: ['score', 'other'], weights: [1, 2] })
  expect(joined.graph.outputs.map(({ name }) => name)).toEqual(['condition', 'features'])
  expect(await run(joined, { x })).toEqual([-1, -3])
})

it('says why scores cannot be joined', () => {
  const wide = scorer([1, 0])
  wide.graph.outputs[0] = { name: 'score', dtype: 'float32', dims: ['N', 2] }
  const refused = (models: Model[], options: Parameters<typeof combine>[1]): unknown => {
    try {
      return combine(models, options)
    } catch (error) {
      return (error as { data: { reason: string } }).data.reason
    }
  }
  expect(refused([wide], { by: 'min' })).toContain('score [N, 2]')
  expect(refused([scorer([1, 0])], { by: 'min' })).toContain('one score')
  expect(refused([], { by: 'min' })).toContain('no model')
  expect(refused([scorer([1, 0]), scorer([0, 1])], { by: 'sum', weights: [1] })).toContain('1 weights for 2')
  expect(refused([scorer([1, 0]), scorer([0, 1])], { by: 'max', weights: [1, 2] })).toContain('only a sum')
})
