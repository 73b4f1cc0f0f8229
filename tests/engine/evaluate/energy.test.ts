import { describe, expect, it } from 'vitest'
import { estimateEnergy } from '../../../src/engine/evaluate/energy'
import { Graph, Model, readModel, Tensor } from '../../../src/engine/onnx'
import { traceShapes } from '../../../src/engine/runtime'
import { hasReference, reference } from '../../reference'

/** One product of [1, 100] with [100, 50]. */
function product(op: 'MatMul' | 'MatMulInteger'): Model {
  const model = new Model()
  model.opsets.set('', 18)
  model.irVersion = 8
  const graph = new Graph()
  const dtype = op === 'MatMul' ? 'float32' : 'uint8'
  graph.inputs.push({ name: 'x', dtype, dims: [1, 100] })
  graph.outputs.push({ name: 'y', dtype: op === 'MatMul' ? 'float32' : 'int32', dims: [1, 50] })
  graph.initializers.set('w', Tensor.of(dtype, [100, 50], new Float32Array(5000).fill(1)))
  graph.addNode({ opType: op, inputs: ['x', 'w'], outputs: ['y'] })
  model.graph = graph
  return model
}

describe('estimateEnergy', () => {
  it('adds up Horowitz’s figures by hand', async () => {
    const float = product('MatMul')
    const energy = estimateEnergy(float, await traceShapes(float))
    // 5000 MACs of 4.6 pJ and 20,000 bytes of 160 pJ
    expect(energy.microjoules).toBeCloseTo((5000 * 4.6 + 20_000 * 160) / 1e6, 9)
    expect(energy.macs).toEqual({ int8: 0, float16: 0, float32: 5000 })
    expect(energy.source).toMatch(/Estimate.*Horowitz/)
  })

  it('counts bytes and integer products of a quantized model', async () => {
    const integer = product('MatMulInteger')
    const energy = estimateEnergy(integer, await traceShapes(integer))
    expect(energy.microjoules).toBeCloseTo((5000 * 0.3 + 5000 * 160) / 1e6, 9)
  })

  it.runIf(hasReference)('sees that Q/DQ models multiply bytes and float16 models halves', async () => {
    const of = async (...parts: string[]): Promise<ReturnType<typeof estimateEnergy>> => {
      const model = readModel(reference(...parts))
      return estimateEnergy(model, await traceShapes(model))
    }
    const float = await of('models', 'lenet5.onnx')
    const int8 = await of('peer', 'lenet5.static_minmax_pc.onnx')
    expect(float.macs.int8).toBe(0)
    // Conv 20@24² ⋅ 25, Conv 50@8² ⋅ 500, 800 × 500, 500 × 10
    expect(float.macs.float32).toBe(288_000 + 1_600_000 + 400_000 + 5000)
    expect(int8.macs).toEqual({ int8: float.macs.float32, float16: 0, float32: 0 })
    // Older exports have the pairs in the domain of com.microsoft.
    const contributed = readModel(reference('peer', 'lenet5.static_minmax_pc.onnx'))
    contributed.importOpset('com.microsoft', 1)
    for (const node of contributed.graph.nodes)
      if (node.is('QuantizeLinear', 'DequantizeLinear')) node.domain = 'com.microsoft'
    const traced = await traceShapes(contributed)
    expect(estimateEnergy(contributed, traced)).toEqual(int8)
    expect(float.microjoules! / int8.microjoules!).toBeGreaterThan(3.5)
    const half = await of('peer', 'cnn1d.fp16.onnx')
    expect(half.macs.float16).toBeGreaterThan(0)
    expect(half.macs.float32).toBe(0)
  })
})
