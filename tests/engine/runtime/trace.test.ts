import { describe, expect, test } from 'vitest'
import { Model, readModel, Tensor } from '../../../src/engine/onnx'
import {
  float32,
  int64,
  randomFeeds,
  shapesAt,
  streamActivations,
  traceShapes,
  withOutputs,
  withSession,
} from '../../../src/engine/runtime'
import type { PareError } from '../../../src/contract/errors'
import { computedValues, typesOf, withShapeOutputs } from '../../../src/engine/runtime/expose'
import { hasReference, reference, REFERENCE_MODELS } from '../../reference'

/** x[batch, 4] → MatMul → Relu; a Shape branch and a sequence branch beside it. */
function small(): Model {
  const model = new Model()
  model.opsets.set('', 18)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 4] }]
  graph.outputs = [{ name: 'y', dtype: 'float32', dims: ['batch', 3] }]
  graph.initializers.set(
    'w',
    Tensor.float32(
      [4, 3],
      Float32Array.from({ length: 12 }, (_, i) => i - 5),
    ),
  )
  graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] })
  graph.addNode({ opType: 'Relu', inputs: ['h'], outputs: ['r'] })
  graph.addNode({
    opType: 'SplitToSequence',
    inputs: ['r'],
    outputs: ['s'],
    attributes: { axis: { int: 1 } },
  })
  graph.addNode({
    opType: 'ConcatFromSequence',
    inputs: ['s'],
    outputs: ['c'],
    attributes: { axis: { int: 1 } },
  })
  graph.addNode({ opType: 'Transpose', inputs: ['c'], outputs: ['t'] })
  graph.addNode({ opType: 'Transpose', inputs: ['t'], outputs: ['y'] })
  return model
}

describe('traceShapes', () => {
  test('finds types, dimensions at batch 1 and the batch axis; leaves sequences out', async () => {
    const traced = await traceShapes(small())
    expect(traced.get('x')).toEqual({ dtype: 'float32', dims: [1, 4], batchAxis: 0 })
    expect(traced.get('w')).toEqual({ dtype: 'float32', dims: [4, 3], batchAxis: null })
    expect(traced.get('h')).toEqual({ dtype: 'float32', dims: [1, 3], batchAxis: 0 })
    expect(traced.get('t')).toEqual({ dtype: 'float32', dims: [3, 1], batchAxis: 1 })
    expect(traced.has('s')).toBe(false)
  })

  test.each([
    ['int4', false],
    ['uint4', false],
    ['int8', true],
  ] as const)('values of %s are left out only where no shape can be asked for', async (dtype, shaped) => {
    const model = new Model()
    model.opsets.set('', 21)
    const { graph } = model
    graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 4] }]
    graph.initializers.set('scale', Tensor.scalar('float32', 0.5))
    graph.initializers.set('zero', Tensor.of(dtype, [], [0]))
    graph.addNode({ opType: 'QuantizeLinear', inputs: ['x', 'scale', 'zero'], outputs: ['q'] })
    graph.addNode({ opType: 'DequantizeLinear', inputs: ['q', 'scale', 'zero'], outputs: ['y'] })
    graph.outputs = [{ name: 'y', dtype: 'float32', dims: ['batch', 4] }]
    const traced = await traceShapes(model)
    expect(traced.get('y')?.dims).toEqual([1, 4])
    expect(traced.has('q')).toBe(shaped)
  })

  test('a fixed batch is traced once and has no batch axis', async () => {
    const model = small()
    model.graph.inputs[0]!.dims = [5, 4]
    const traced = await traceShapes(model)
    expect(traced.get('h')).toEqual({ dtype: 'float32', dims: [5, 3], batchAxis: null })
  })

  test('real feeds of one sample are enough', async () => {
    const traced = await traceShapes(small(), { feeds: { x: float32([1, 4], new Float32Array(4)) } })
    expect(traced.get('y')).toEqual({ dtype: 'float32', dims: [1, 3], batchAxis: 0 })
  })

  test('the sequence is shortened to what the position table allows', async () => {
    const model = new Model()
    model.opsets.set('', 18)
    const { graph } = model
    graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 'sequence', 2] }]
    graph.outputs = [{ name: 'y', dtype: 'float32' }]
    graph.initializers.set('positions', Tensor.float32([8, 2], new Float32Array(16)))
    graph.addNode({ opType: 'Add', inputs: ['x', 'positions'], outputs: ['y'] })
    const traced = await traceShapes(model)
    expect(traced.get('x')!.dims).toEqual([1, 8, 2])
  })

  test('large weights are traced by a zero-weight clone with the same result', async () => {
    const model = small()
    const big = new Tensor('float32', [3, 4_000_000], {
      bytes: () => {
        throw new Error('the weights were read')
      },
    })
    model.graph.initializers.set('big', big)
    model.graph.addNode({ opType: 'MatMul', inputs: ['y', 'big'], outputs: ['z'] })
    model.graph.outputs.push({ name: 'z', dtype: 'float32' })
    const traced = await traceShapes(model)
    expect(traced.get('z')).toEqual({ dtype: 'float32', dims: [1, 4_000_000], batchAxis: 0 })
    expect(traced.get('big')!.dims).toEqual([3, 4_000_000])
  })

  test.runIf(hasReference).each(REFERENCE_MODELS)('%s: every node has its shapes', async (name) => {
    const model = readModel(reference('models', `${name}.onnx`))
    const traced = await traceShapes(model)
    for (const node of model.graph.nodes)
      for (const output of node.outputs) if (output) expect(traced.has(output), output).toBe(true)
    expect(traced.get(model.graph.outputs[0]!.name)!.batchAxis).toBe(0)
  })
})

describe('randomFeeds', () => {
  test('are the same for the same seed, others for another', () => {
    const model = small()
    expect(randomFeeds(model, { seed: 3 })).toEqual(randomFeeds(model, { seed: 3 }))
    expect(randomFeeds(model, { seed: 3 })).not.toEqual(randomFeeds(model, { seed: 4 }))
    expect(randomFeeds(model, { batch: 7 }).x!.dims).toEqual([7, 4])
  })

  test('ids stay within the table they index, also through reshapes; masks are ones', () => {
    const model = new Model()
    model.opsets.set('', 18)
    const { graph } = model
    graph.inputs = [
      { name: 'ids', dtype: 'int64', dims: ['batch', 'sequence'] },
      { name: 'attention_mask', dtype: 'int64', dims: ['batch', 'sequence'] },
    ]
    graph.initializers.set('flat', Tensor.int64([-1]))
    graph.initializers.set('table', Tensor.float32([5, 1], new Float32Array(5)))
    graph.addNode({ opType: 'Reshape', inputs: ['ids', 'flat'], outputs: ['i'] })
    graph.addNode({ opType: 'Gather', inputs: ['table', 'i'], outputs: ['e'] })
    const feeds = randomFeeds(model, { batch: 50 })
    const ids = new Set(Array.from(feeds.ids!.data as BigInt64Array, Number))
    expect([...ids].sort()).toEqual([0, 1, 2, 3, 4])
    expect(new Set(feeds.attention_mask!.data as BigInt64Array)).toEqual(new Set([1n]))
  })
})

describe('streamActivations', () => {
  const batches = (): ReturnType<typeof float32>[] =>
    [1, 2, 3].map((n) =>
      float32(
        [n, 4],
        Float32Array.from({ length: n * 4 }, (_, i) => i * n),
      ),
    )

  test('gives what a run with those outputs gives, in rounds or at once', async () => {
    const model = small()
    const expected: Float32Array[] = []
    await withSession(withOutputs(model, ['h']), { optimization: 'disabled' }, async (session) => {
      for (const x of batches()) expected.push((await session.run({ x })).h!.data as Float32Array)
    })
    for (const maxBytes of [1, 2 ** 20]) {
      const seen = new Map<string, unknown[]>()
      const result = await streamActivations(
        model,
        ['x', 'h', 'r', 's', 'w', 'nowhere'],
        () => batches().map((x) => ({ x })),
        (name, value, batch) => {
          const list = seen.get(name) ?? []
          expect(batch).toBe(list.length)
          list.push(value.data)
          seen.set(name, list)
        },
        { maxBytes },
      )
      expect(result).toEqual({ batches: 3, skipped: ['s', 'w', 'nowhere'] })
      expect(seen.get('h')).toEqual(expected)
      expect(seen.get('x')).toEqual(batches().map((x) => x.data))
      expect(seen.get('r')).toEqual(expected.map((h) => h.map((v) => Math.max(0, v))))
    }
  })

  test('int64 intermediates keep their type', async () => {
    const model = small()
    model.graph.addNode({ opType: 'Shape', inputs: ['h'], outputs: ['n'] })
    await streamActivations(
      model,
      ['n'],
      () => [{ x: float32([2, 4], new Float32Array(8)) }],
      (_, value) => expect(value).toEqual(int64([2], [2, 3])),
    )
  })

  test.each([2 ** 20, Infinity])(
    'codes of 4 bits, which would end the process, are left out (%s)',
    async (maxBytes) => {
      const model = small()
      model.opsets.set('', 21)
      const { graph } = model
      graph.initializers.set('scale', Tensor.scalar('float32', 0.5))
      graph.initializers.set('zero', Tensor.of('int4', [], [0]))
      graph.addNode({ opType: 'QuantizeLinear', inputs: ['r', 'scale', 'zero'], outputs: ['q'] })
      const feeds = { x: float32([2, 4], new Float32Array(8)) }
      const visit = (): Promise<never> => Promise.reject(new Error('it was given'))
      const alone = await streamActivations(model, ['q'], () => [feeds], visit, { maxBytes })
      expect(alone.skipped).toEqual(['q'])
      const seen: string[] = []
      const take = (name: string): void => void seen.push(name)
      await streamActivations(model, ['h', 'q'], () => [feeds], take, { maxBytes })
      expect(seen).toEqual(['h'])
      await withSession(withOutputs(model, ['q']), {}, (session) =>
        expect(session.run(feeds, ['h', 'q'])).rejects.toMatchObject({
          code: 'model/run-failed',
          data: { reason: 'its value “q” is int4, which cannot be read here' },
        }),
      )
    },
  )
})

test('a model that computes nothing has no shapes to ask for', async () => {
  const model = new Model()
  model.opsets.set('', 17)
  model.graph.outputs = [{ name: 'c', dtype: 'float32', dims: [2] }]
  model.graph.initializers.set('c', Tensor.float32([2], new Float32Array(2)))
  expect(await shapesAt(model, [], {})).toEqual(new Map())
})

test('sizes are not guessed that make inputs of gigabytes', async () => {
  const model = new Model()
  model.opsets.set('', 17)
  model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 44_100, 'frames'] }]
  model.graph.outputs = [{ name: 'y', dtype: 'float32', dims: [13, 17, 19] }]
  model.graph.initializers.set('to', Tensor.int64([13, 17, 19]))
  model.graph.addNode({ opType: 'Reshape', inputs: ['x', 'to'], outputs: ['y'] })
  const started = process.memoryUsage.rss()
  const failure = await traceShapes(model).catch((cause: unknown) => cause)
  const { tried } = (failure as PareError).data as { tried: string[] }
  const elements = tried.map((one) => one.match(/\d+/g)!.reduce((product, n) => product * Number(n), 1))
  expect(elements.length).toBeGreaterThan(1)
  for (const count of elements.slice(1)) expect(count).toBeLessThanOrEqual(2 ** 24)
  expect(process.memoryUsage.rss() - started).toBeLessThan(2 ** 30)
})

test('a run of a fixed batch is traced with all of its samples: they may be something else', async () => {
  const model = new Model()
  model.opsets.set('', 18)
  model.graph.inputs = [
    { name: 'x', dtype: 'float32', dims: [2, 3] },
    { name: 'axes', dtype: 'int64', dims: [2] },
  ]
  model.graph.outputs = [{ name: 'y', dtype: 'float32', dims: [2, 1, 3, 1] }]
  model.graph.addNode({ opType: 'Unsqueeze', inputs: ['x', 'axes'], outputs: ['y'] })
  const traced = await traceShapes(model, {
    feeds: { x: float32([2, 3], new Float32Array(6)), axes: int64([2], [1, 3]) },
  })
  expect(traced.get('y')!.dims).toEqual([2, 1, 3, 1])
})

test('shapes are asked for in the order in which values are computed, so that none is held to the end', async () => {
  const names = computedValues(small())
  const types = await typesOf(small(), names)
  expect([...types.keys()]).toEqual(names.filter((name) => types.has(name)))
  const { model, shapes } = withShapeOutputs(small(), [...types.keys()])
  // Each shape waits for nothing but those of earlier values.
  const joins = model.graph.nodes.filter(({ opType }) => opType === 'Concat')
  const [first, ...rest] = shapes.values()
  let before = first
  for (const [i, shape] of rest.entries()) {
    expect(joins[i]!.inputs).toEqual([before, shape])
    before = joins[i]!.outputs[0]
  }
  expect(joins).toHaveLength(rest.length)
})
