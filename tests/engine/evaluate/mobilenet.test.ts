/** The network the figures of the devices were measured with, layer by layer: arXiv:1704.04861, table 1. */
import { expect, test } from 'vitest'
import { nodeCosts } from '../../../src/engine/evaluate/target-latency'
import { Model, Tensor } from '../../../src/engine/onnx'
import { macsOf, traceShapes } from '../../../src/engine/runtime'
import { findTarget } from '../../../src/engine/targets'

/** Outputs of each pointwise convolution and the stride of the depthwise one before it. */
const BLOCKS = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  ...Array.from({ length: 5 }, () => [512, 1] as const),
  [1024, 2],
  [1024, 1],
] as const

function mobilenet(): Model {
  const model = new Model()
  model.opsets.set('', 18)
  model.irVersion = 8
  const { graph } = model
  graph.inputs = [{ name: 'image', dtype: 'float32', dims: ['batch', 3, 224, 224] }]
  const weight = (dims: number[]): string =>
    graph.addInitializer('w', Tensor.float32(dims, new Float32Array(dims.reduce((n, d) => n * d, 1))))
  let [x, channels] = ['image', 3]
  const conv = (outputs: number, kernel: number, stride: number, group = 1): void => {
    const output = graph.freshName('c')
    graph.addNode({
      opType: 'Conv',
      inputs: [x, weight([outputs, channels / group, kernel, kernel]), weight([outputs])],
      outputs: [output],
      attributes: {
        strides: { ints: [stride, stride] },
        pads: { ints: new Array<number>(4).fill(kernel >> 1) },
        group: { int: group },
      },
    })
    x = graph.freshName('r')
    graph.addNode({ opType: 'Relu', inputs: [output], outputs: [x] })
    channels = outputs
  }
  conv(32, 3, 2)
  for (const [outputs, stride] of BLOCKS) {
    conv(channels, 3, stride, channels)
    conv(outputs, 1, 1)
  }
  graph.addNode({ opType: 'GlobalAveragePool', inputs: [x], outputs: ['pooled'] })
  graph.addNode({ opType: 'Flatten', inputs: ['pooled'], outputs: ['flat'] })
  graph.addNode({
    opType: 'Gemm',
    inputs: ['flat', weight([1000, 1024]), weight([1000])],
    outputs: ['logits'],
    attributes: { transB: { int: 1 } },
  })
  graph.outputs = [{ name: 'logits', dtype: 'float32', dims: ['batch', 1000] }]
  return model
}

const model = mobilenet()
const traced = traceShapes(model)

test('it multiplies and holds as much as the paper says', async () => {
  const shapes = await traced
  const macs = model.graph.nodes.reduce((sum, node) => sum + macsOf(node, shapes)!, 0)
  expect(Math.round(macs / 1e6)).toBe(569)
  const weights = [...model.graph.initializers.values()].reduce((sum, { size }) => sum + size, 0)
  expect((weights / 1e6).toFixed(1)).toBe('4.2')
})

/** TensorFlow Lite's published benchmarks of MobileNet 1.0 224; moving bytes and overheads come on top. */
test.each([
  ['android-cpu', 'float32', 14.0, 1.05],
  ['android-cpu', 'int8', 5.0, 1.25],
  ['android-npu', 'float32', 14.8, 1.05],
  ['android-npu', 'int8', 3.2, 1.25],
  ['ios', 'float32', 14.8, 1.05],
  ['raspberry-pi', 'float32', 123.3, 1.05],
  ['raspberry-pi', 'int8', 65.4, 1.05],
] as const)('%s, %s: modelled as the %f ms that were measured', async (id, type, milliseconds, most) => {
  const costs = nodeCosts(model, await traced, findTarget(id).device!)
  const modelled = 1000 * costs.reduce((sum, { seconds }) => sum + seconds(type), 0)
  expect(modelled / milliseconds).toBeGreaterThan(1)
  expect(modelled / milliseconds).toBeLessThan(most)
})
