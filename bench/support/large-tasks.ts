/** What the large model goes through, each task in a process of its own. */
import { Model, readModel, Tensor, writeModel } from '../../src/engine/onnx'
import { storeHalf } from '../../src/engine/passes/half/store'
import { inspectModel } from '../../src/engine/layers/costs/inspect'
import { answer } from './child'

const LAYERS = 31
const WIDTH = 4096

/** 31 layers of 4096 × 4096 float32: 2.08 · 10⁹ bytes, just within what one file may hold. */
function large(): Model {
  const model = new Model()
  model.opsets.set('', 18)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', WIDTH] }]
  let value = 'x'
  for (let layer = 0; layer < LAYERS; layer++) {
    const weight = Tensor.lazy('float32', [WIDTH, WIDTH], () => noise(WIDTH * WIDTH, layer + 1))
    graph.initializers.set(`w${layer}`, weight)
    const output = layer === LAYERS - 1 ? 'y' : `h${layer}`
    graph.addNode({ opType: 'MatMul', inputs: [value, `w${layer}`], outputs: [output] })
    value = output
  }
  graph.outputs = [{ name: 'y', dtype: 'float32', dims: ['batch', WIDTH] }]
  return model
}

function noise(count: number, seed: number): Uint8Array {
  const values = new Float32Array(count)
  let state = seed
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    values[i] = state / 2 ** 38
  }
  return new Uint8Array(values.buffer)
}

await answer({
  make: (file) => writeModel(large(), file!).bytes,
  inspect: async (file) => {
    const { parameters, macs, issues } = await inspectModel(file!)
    return { parameters, macs, issues: issues.map(({ kind }) => kind) }
  },
  rewrite: (from, to) => writeModel(storeHalf(readModel(from!)).model, to!).bytes,
  nothing: () => 0,
})
