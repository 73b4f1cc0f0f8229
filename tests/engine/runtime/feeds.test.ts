import { describe, expect, test } from 'vitest'
import { Model, Node, Tensor, type Dim, type DType } from '../../../src/engine/onnx'
import { withSession } from '../../../src/engine/runtime'
import { requireRoomForConstants } from '../../../src/engine/runtime/declared'
import { randomFeeds, resolveDims } from '../../../src/engine/runtime/feeds'
import { signatureOf } from '../../../src/engine/runtime/signature'
import { indexBound } from '../../../src/engine/runtime/gather-bounds'
import { evaluateConstant } from '../../../src/engine/runtime/constants'

type Declared = Record<string, [dims: Dim[], dtype?: DType]>

function model(inputs: Declared): Model {
  const made = new Model()
  made.opsets.set('', 18)
  made.irVersion = 8
  made.graph.inputs = Object.entries(inputs).map(([name, [dims, dtype = 'float32']]) => ({
    name,
    dims,
    dtype,
  }))
  return made
}

test.each<[Dim[], number[]]>([
  [
    ['batch', 3],
    [5, 3],
  ],
  [
    ['batch', 'sequence'],
    [5, 7],
  ],
  [
    ['batch', 12, 'past_sequence_length', 64],
    [5, 12, 0, 64],
  ],
  [
    ['batch', 'past_sequence_length + sequence_length'],
    [5, 7],
  ],
  [
    ['batch', 'past_sequence_length + 1'],
    [5, 1],
  ],
  [
    ['batch', 'channels', 'height', 'width'],
    [5, 3, 32, 32],
  ],
  [
    ['batch', 3, null, null],
    [5, 3, 32, 32],
  ],
  [[], []],
])('%j becomes %j', (dims, expected) => {
  const [port] = signatureOf(model({ x: [dims] })).inputs
  expect(resolveDims(port!, { batch: 5, sequence: 7, side: 32 })).toEqual(expected)
})

test('numbers are what name and type say of them', () => {
  const feeds = randomFeeds(
    model({
      noise: [['batch', 400]],
      half: [['batch', 400], 'float16'],
      picture: [['batch', 300], 'uint8'],
      signed: [['batch', 300], 'int8'],
      on: [['batch', 4], 'bool'],
      position_ids: [['batch', 6], 'int64'],
      count: [[1], 'int64'],
      words: [['batch', 2], 'string'],
      flags: [['batch', 100], 'int32'],
    }),
    { batch: 2, seed: 1 },
  )
  const numbers = (name: string): number[] => Array.from(feeds[name]!.data as Float32Array, Number)
  const noise = numbers('noise')
  const mean = noise.reduce((sum, v) => sum + v, 0) / noise.length
  const deviation = Math.sqrt(noise.reduce((sum, v) => sum + (v - mean) ** 2, 0) / noise.length)
  // Standard errors of 800 normal numbers: 0.035 and 0.025; five of them.
  expect(Math.abs(mean)).toBeLessThan(0.18)
  expect(Math.abs(deviation - 1)).toBeLessThan(0.13)
  expect(feeds.half!.data).toBeInstanceOf(Uint16Array)
  expect(Math.max(...numbers('picture'))).toBeGreaterThan(200)
  expect(Math.min(...numbers('signed'))).toBeGreaterThanOrEqual(0)
  expect(Math.max(...numbers('signed'))).toBeGreaterThan(100)
  expect(numbers('on')).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
  expect(numbers('position_ids')).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5])
  expect(numbers('count')).toEqual([1])
  expect(feeds.words!.data).toEqual(['a', 'a', 'a', 'a'])
  expect(new Set(numbers('flags'))).toEqual(new Set([0, 1]))
})

describe('indices', () => {
  function looked(build: (graph: Model['graph']) => void): number | undefined {
    const made = model({ ids: [['batch', 3], 'int64'] })
    build(made.graph)
    return indexBound(made.graph, 'ids')
  }
  const table = (graph: Model['graph'], name: string, dims: number[]): string =>
    graph.addInitializer(name, Tensor.float32(dims, new Float32Array(dims.reduce((n, d) => n * d, 1))))

  test('stay within the smallest of the tables they look into, along the axis that is looked into', () => {
    expect(
      looked((graph) => {
        graph.addNode({ opType: 'Gather', inputs: [table(graph, 'big', [9, 2]), 'ids'], outputs: ['a'] })
        graph.addNode({ opType: 'Unsqueeze', inputs: ['ids'], outputs: ['more'] })
        graph.addNode({
          opType: 'Gather',
          inputs: [table(graph, 'wide', [2, 7]), 'more'],
          outputs: ['b'],
          attributes: { axis: { int: -1 } },
        })
      }),
    ).toBe(7)
  })

  test('are seen through a table that is stored in another form', () => {
    expect(
      looked((graph) => {
        graph.addNode({ opType: 'Cast', inputs: [table(graph, 'half', [5, 2])], outputs: ['t'] })
        graph.addNode({ opType: 'Gather', inputs: ['t', 'ids'], outputs: ['a'] })
      }),
    ).toBe(5)
  })

  test('of a one-hot end at its depth; of fused embeddings at their tables', () => {
    expect(
      looked((graph) => {
        const depth = graph.addInitializer('depth', Tensor.int64([6]))
        graph.addNode({ opType: 'OneHot', inputs: ['ids', depth, 'values'], outputs: ['a'] })
      }),
    ).toBe(6)
    expect(
      looked((graph) =>
        graph.addNode({
          opType: 'EmbedLayerNormalization',
          domain: 'com.microsoft',
          inputs: ['ids', '', table(graph, 'words', [11, 2]), table(graph, 'places', [4, 2])],
          outputs: ['a'],
        }),
      ),
    ).toBe(11)
  })

  test('that become numbers to reckon with have no bound', () => {
    expect(
      looked((graph) => {
        graph.addNode({ opType: 'Add', inputs: ['ids', 'ids'], outputs: ['a'] })
        graph.addNode({ opType: 'Gather', inputs: [table(graph, 't', [5, 2]), 'a'], outputs: ['b'] })
      }),
    ).toBeUndefined()
    expect(looked(() => undefined)).toBeUndefined()
  })
})

describe('constants', () => {
  test('that hang on constants alone are computed; what hangs on an input is not', async () => {
    const made = model({ x: [['batch', 2]] })
    const { graph } = made
    graph.addInitializer('codes', Tensor.fromBytes('int8', [3], Uint8Array.of(1, 254, 3)))
    graph.addInitializer('scale', Tensor.float32([], [0.5]))
    graph.addNode({ opType: 'DequantizeLinear', inputs: ['codes', 'scale'], outputs: ['w'] })
    graph.addNode({ opType: 'Neg', inputs: ['w'], outputs: ['minus'] })
    graph.addNode({ opType: 'Add', inputs: ['x', 'w'], outputs: ['y'] })
    graph.outputs = [{ name: 'y', dtype: 'float32' }]
    expect((await evaluateConstant(made, 'minus')).data).toEqual(Float32Array.of(-0.5, 1, -1.5))
    expect((await evaluateConstant(made, 'scale')).data).toEqual(Float32Array.of(0.5))
    await expect(evaluateConstant(made, 'y')).rejects.toThrow('x is not constant')
  })

  test('of a few bytes that would fill the memory are refused before anything runs', () => {
    const made = model({})
    made.graph.addInitializer('dims', Tensor.int64([2 ** 20, 2 ** 20]))
    made.graph.addNode({ opType: 'ConstantOfShape', inputs: ['dims'], outputs: ['y'] })
    expect(() => requireRoomForConstants(made)).toThrow(
      expect.objectContaining({ code: 'limit/memory' }) as Error,
    )
    made.graph.initializers.set('dims', Tensor.int64([2, 3]))
    requireRoomForConstants(made)
  })
})

test('results are written where the caller wants them', async () => {
  const made = model({ x: [['batch', 2]] })
  made.graph.addNode({ opType: 'Neg', inputs: ['x'], outputs: ['y'] })
  made.graph.outputs = [{ name: 'y', dtype: 'float32', dims: ['batch', 2] }]
  const into = { dtype: 'float32' as const, dims: [1, 2], data: new Float32Array(2) }
  await withSession(made, {}, async (session) => {
    await session.run({ x: { dtype: 'float32', dims: [1, 2], data: Float32Array.of(1, -2) } }, { y: into })
  })
  expect(into.data).toEqual(Float32Array.of(-1, 2))
})

test('a run that fails is an error with the words of ONNX Runtime', async () => {
  const made = model({ x: [['batch', 2]] })
  made.graph.initializers.set('shape', Tensor.int64([3, 5]))
  made.graph.addNode({ opType: 'Reshape', inputs: ['x', 'shape'], outputs: ['y'] })
  made.graph.outputs = [{ name: 'y', dtype: 'float32' }]
  const x = { dtype: 'float32' as const, dims: [1, 2], data: Float32Array.of(1, 2) }
  await expect(withSession(made, {}, (session) => session.run({ x }))).rejects.toMatchObject({
    data: { code: 'model/run-failed', file: made.file, reason: expect.stringContaining('Reshape') as string },
  })
})

test('a model that ONNX Runtime refuses is an error with its words', async () => {
  const made = model({ x: [['batch', 2]] })
  made.graph.addNode({ opType: 'Levitate', inputs: ['x'], outputs: ['y'] })
  made.graph.outputs = [{ name: 'y', dtype: 'float32' }]
  const use = () => Promise.resolve()
  await expect(withSession(made, {}, use)).rejects.toMatchObject({
    data: { code: 'model/not-loadable', reason: expect.stringContaining('Levitate') as string },
  })
})

test('tables far behind other nodes, and nodes with very many outputs, bound indices all the same', () => {
  const { graph } = new Model()
  const many = Array.from({ length: 200_000 }, (_, i) => `v${i}`)
  graph.initializers.set('c0', Tensor.int64([1, 2, 3]))
  for (let i = 0; i < 20_000; i++)
    graph.nodes.push(new Node({ opType: 'Cast', inputs: [`c${i}`], outputs: [`c${i + 1}`] }))
  graph.nodes.push(
    new Node({ opType: 'Split', inputs: ['ids'], outputs: many }),
    new Node({ opType: 'Gather', inputs: ['c20000', 'v199999'], outputs: ['y'] }),
  )
  expect(indexBound(graph, 'ids')).toBe(3)
})

test('an input larger than the budget is refused before it is made', () => {
  expect(() => randomFeeds(model({ x: [[2 ** 30, 2 ** 30]] }))).toThrow(
    expect.objectContaining({ code: 'limit/memory' }),
  )
})
