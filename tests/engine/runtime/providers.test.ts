import { expect, test } from 'vitest'
import { Model, Tensor } from '../../../src/engine/onnx'
import { chooseProviders, listProviders, profileNodes, workingFeeds } from '../../../src/engine/runtime'

test('the CPU is always there and proved; whatever else is listed is proved or explained', async () => {
  const providers = await listProviders()
  expect(providers.at(-1)).toEqual({ name: 'cpu', works: true })
  for (const { works, reason } of providers) expect(works || reason).toBeTruthy()
})

test('a wish that cannot be met falls back to the CPU with a word', async () => {
  expect(await chooseProviders('cpu')).toEqual({ providers: ['cpu'] })
  const { providers, word } = await chooseProviders('abacus')
  expect(providers).toEqual(['cpu'])
  expect(word).toBe(
    'abacus cannot be used here (this build of ONNX Runtime does not have it); the CPU is used instead.',
  )
})

test('a profile names the layers of the model and its shares add up to one', async () => {
  const model = new Model()
  model.opsets.set('', 18)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['n', 256] }]
  graph.outputs = [{ name: 'y', dtype: 'float32' }]
  graph.initializers.set('w', Tensor.float32([256, 256], new Float32Array(65536).fill(0.01)))
  graph.addNode({ opType: 'MatMul', name: 'first', inputs: ['x', 'w'], outputs: ['h'] })
  graph.addNode({ opType: 'Softmax', name: 'second', inputs: ['h'], outputs: ['y'] })
  const times = await profileNodes(model, await workingFeeds(model, { batch: 64 }), { runs: 3 })
  expect(times.map(({ layer, op }) => [layer, op]).sort()).toEqual([
    ['h', 'MatMul'],
    ['y', 'Softmax'],
  ])
  expect(times.every(({ provider }) => provider === 'CPUExecutionProvider')).toBe(true)
  expect(times.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
})

test('what the runtime fuses or lays out otherwise keeps the name of its layer', async () => {
  const model = new Model()
  model.opsets.set('', 18)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: [1, 8, 12, 12] }]
  graph.outputs = [{ name: 'y', dtype: 'float32' }]
  const small = (dims: number[]): Tensor =>
    Tensor.float32(dims, new Float32Array(dims.reduce((a, b) => a * b)).fill(0.01))
  graph.initializers.set('w', small([16, 8, 3, 3]))
  graph.initializers.set('g', small([1600, 32]))
  graph.initializers.set('b', small([32]))
  graph.addNode({ opType: 'Conv', name: 'conv', inputs: ['x', 'w'], outputs: ['c'] })
  graph.addNode({ opType: 'Relu', name: 'relu', inputs: ['c'], outputs: ['r'] })
  graph.addNode({ opType: 'Flatten', name: 'flat', inputs: ['r'], outputs: ['f'] })
  graph.addNode({ opType: 'Gemm', name: 'gemm', inputs: ['f', 'g', 'b'], outputs: ['h'] })
  graph.addNode({ opType: 'Relu', name: 'last', inputs: ['h'], outputs: ['y'] })
  const times = await profileNodes(model, await workingFeeds(model), { runs: 1 })
  const layerOf = (op: RegExp) => times.filter((time) => op.test(time.op)).map(({ layer }) => layer)
  expect(layerOf(/Conv/)).toEqual(['c'])
  expect(layerOf(/Gemm/)).toEqual(['h'])
})

test('names that no JSON takes as they are can be profiled', async () => {
  const model = new Model()
  model.opsets.set('', 18)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: [1, 4] }]
  graph.outputs = [{ name: 'y', dtype: 'float32' }]
  graph.addNode({ opType: 'Softmax', name: 'a "quoted"\\\n name', inputs: ['x'], outputs: ['y'] })
  const [time] = await profileNodes(model, await workingFeeds(model), { runs: 1 })
  expect(time).toMatchObject({ node: 'a _quoted___ name', layer: 'y', op: 'Softmax' })
  expect(graph.nodes[0]!.name).toContain('"')
})
