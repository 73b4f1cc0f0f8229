import { expect, test } from 'vitest'
import { Graph, Model, Tensor } from '../../../src/engine/onnx'
import { withSession } from '../../../src/engine/runtime'

/** Two products of 255 · 127 leave 16 bits. */
function products(): Model {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  const graph = new Graph()
  graph.inputs.push({ name: 'x', dtype: 'uint8', dims: [1, 8] })
  graph.outputs.push({ name: 'y', dtype: 'int32', dims: [1, 1] })
  graph.initializers.set('w', Tensor.fromBytes('int8', [8, 1], new Uint8Array(8).fill(127)))
  graph.addNode({ opType: 'MatMulInteger', inputs: ['x', 'w'], outputs: ['y'] })
  model.graph = graph
  return model
}

test('sums of int8 products are whole on every processor', async () => {
  const x = { dtype: 'uint8' as const, dims: [1, 8], data: new Uint8Array(8).fill(255) }
  const { y } = await withSession(products(), {}, (session) => session.run({ x }))
  expect([...(y!.data as Int32Array)]).toEqual([8 * 255 * 127])
})
