/** Weights that lie in the branches of an If are there for energy, latency and the histogram of a layer. */
import { expect, test } from 'vitest'
import { estimateEnergy } from '../../../src/engine/evaluate/energy'
import { weightHistogram } from '../../../src/engine/evaluate/histogram'
import { nodeCosts } from '../../../src/engine/evaluate/target-latency'
import { Graph, Model, Tensor } from '../../../src/engine/onnx'
import { traceShapes } from '../../../src/engine/runtime'
import { HOST_CPU } from '../../../src/engine/targets/device'

/** The first branch has its weight as a Constant node and of ones, the second as int8 codes of its own. */
function branched(): Model {
  const model = new Model()
  model.opsets.set('', 18)
  model.irVersion = 8
  const { graph } = model
  graph.inputs.push({ name: 'x', dtype: 'float32', dims: [1, 8] })
  graph.outputs.push({ name: 'y', dtype: 'float32', dims: [1, 4] })
  const then = new Graph()
  const ones = Tensor.float32([8, 4], new Float32Array(32).fill(1))
  then.addNode({
    opType: 'Constant',
    inputs: [],
    outputs: ['w'],
    attributes: { value: { type: 'tensor', value: ones } },
  })
  then.addNode({ opType: 'MatMul', name: 'first', inputs: ['x', 'w'], outputs: ['a'] })
  then.outputs.push({ name: 'a', dtype: 'float32' })
  const other = new Graph()
  other.initializers.set(
    'codes',
    Tensor.of(
      'int8',
      [8, 4],
      new Float32Array(32).map((_, i) => i),
    ),
  )
  other.initializers.set('scale', Tensor.scalar('float32', 0.5))
  other.addNode({ opType: 'DequantizeLinear', inputs: ['codes', 'scale'], outputs: ['w'] })
  other.addNode({ opType: 'MatMul', name: 'second', inputs: ['x', 'w'], outputs: ['b'] })
  other.outputs.push({ name: 'b', dtype: 'float32' })
  graph.initializers.set('yes', Tensor.of('bool', [], [1]))
  graph.addNode({
    opType: 'ReduceSum',
    inputs: ['x'],
    outputs: ['sum'],
    attributes: { keepdims: { int: 0 } },
  })
  graph.addNode({ opType: 'Cast', inputs: ['sum'], outputs: ['is'], attributes: { to: { int: 9 } } })
  graph.addNode({
    opType: 'If',
    inputs: ['is'],
    outputs: ['y'],
    attributes: {
      then_branch: { type: 'graph', value: then },
      else_branch: { type: 'graph', value: other },
    },
  })
  return model
}

test('energy and latency count what the branches read', async () => {
  const model = branched()
  const traced = await traceShapes(model)
  // 32 floats; 32 codes and their scale.
  expect(estimateEnergy(model, traced).weightBytes).toBe(32 * 4 + 32 + 4)
  // Which branch runs is not known before, and so are its products.
  expect(estimateEnergy(model, traced).microjoules).toBeNull()
  const node = model.graph.nodes.find(({ opType }) => opType === 'If')!
  const bare = { ...HOST_CPU, overhead: 0 }
  const cost = nodeCosts(model, traced, bare).find((one) => one.node === node)!
  const moved = 1 + 4 * 4
  expect(cost.seconds('float32')).toBeCloseTo((moved + 4 * 64) / bare.bytesPerSecond, 12)
})

test('the histogram is that of the largest weight of the branches, or of one of them by name', async () => {
  const model = branched()
  const counted = (counts: readonly number[]): number => counts.filter((n) => n > 0).length
  const ones = await weightHistogram(model, 'y/then_branch/a')
  expect([counted(ones.before), ones.edges[0]]).toEqual([1, 0.5])
  const codes = await weightHistogram(model, 'y/else_branch/b')
  expect([codes.edges[0], codes.edges.at(-1)]).toEqual([0, 15.5])
  expect((await weightHistogram(model, 'y')).before.reduce((a, b) => a + b)).toBe(32)
  const half = model.clone()
  const [, body] = half.graph.nodes.find(({ opType }) => opType === 'If')!.subgraphs()[1]!
  body.initializers.set('scale', Tensor.scalar('float32', 0.25))
  const both = await weightHistogram(model, 'y/else_branch/b', half)
  expect(both.after!.slice(33).every((n) => n === 0)).toBe(true)
  await expect(weightHistogram(model, 'y/then_branch/b')).rejects.toMatchObject({
    data: { code: 'not-found' },
  })
})
