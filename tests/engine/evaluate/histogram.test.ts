import { describe, expect, it } from 'vitest'
import { weightHistogram } from '../../../src/engine/evaluate/histogram'
import { Model, readModel, Tensor } from '../../../src/engine/onnx'
import { hasReference, reference } from '../../reference'

const sum = (counts: number[]): number => counts.reduce((a, b) => a + b, 0)

function product(weight: Tensor, op = 'MatMul'): Model {
  const model = new Model()
  model.opsets.set('', 18)
  model.irVersion = 8
  model.graph.inputs.push({ name: 'x', dtype: 'float32', dims: [1, weight.dims[0]!] })
  model.graph.outputs.push({ name: 'y', dtype: 'float32', dims: [1, weight.dims[1]!] })
  model.graph.initializers.set('w', weight)
  model.graph.addNode({ opType: op, name: 'fc', inputs: ['x', 'w'], outputs: ['y'] })
  return model
}

describe('weightHistogram', () => {
  it('counts before and after in the same bins', async () => {
    const values = Float32Array.from({ length: 128 }, (_, i) => i / 64 - 1)
    const before = product(Tensor.float32([16, 8], values))
    const after = product(
      Tensor.float32(
        [16, 8],
        values.map((v) => (Math.abs(v) < 0.5 ? 0 : v)),
      ),
    )
    const histogram = await weightHistogram(before, 'y', after)
    expect(histogram.edges).toHaveLength(65)
    expect(histogram.edges[0]).toBe(-1)
    expect(histogram.edges[64]).toBeCloseTo(127 / 64 - 1, 6)
    expect(sum(histogram.before)).toBe(128)
    expect(sum(histogram.after!)).toBe(128)
    expect(Math.max(...histogram.before)).toBeLessThanOrEqual(3)
    // |i/64 − 1| < 0.5 for i = 33 … 95
    expect(Math.max(...histogram.after!)).toBeGreaterThanOrEqual(63)
  })

  it('unpacks blocks of 4 bits', async () => {
    const before = product(Tensor.float32([32, 2], new Float32Array(64).fill(0.25)))
    const after = before.clone()
    const [node] = after.graph.nodes
    after.importOpset('com.microsoft', 1)
    // Codes 9 and 6 minus the zero point 8, times the scale of their column: 0.5 and −0.25.
    const codes = new Uint8Array(32).fill(0x99, 0, 16).fill(0x66, 16)
    after.graph.initializers.set('w', Tensor.fromBytes('uint8', [2, 1, 16], codes))
    after.graph.initializers.set('s', Tensor.float32([2, 1], [0.5, 0.125]))
    node!.opType = 'MatMulNBits'
    node!.domain = 'com.microsoft'
    node!.inputs.push('s')
    for (const [name, int] of Object.entries({ K: 32, N: 2, bits: 4, block_size: 32 }))
      node!.set(name, { int })
    const { edges, after: counts } = await weightHistogram(before, 'y', after)
    expect(edges[0]).toBeCloseTo(-0.25, 6)
    expect(edges[64]).toBeCloseTo(0.5, 6)
    expect([counts![0], counts![63]]).toEqual([32, 32])
  })

  it('says which layer it does not know', async () => {
    const model = product(Tensor.float32([2, 2], [1, 1, 1, 1]))
    await expect(weightHistogram(model, 'nowhere')).rejects.toMatchObject({
      data: { code: 'not-found', id: 'nowhere' },
    })
    expect((await weightHistogram(model, 'y')).edges[0]).toBe(0.5)
  })

  it.runIf(hasReference)('sees int8 weights as the layer does', async () => {
    const before = readModel(reference('models', 'lenet5.onnx'))
    const after = readModel(reference('peer', 'lenet5.static_minmax_pc.onnx'))
    for (const node of before.graph.nodes.filter((one) => one.is('Conv', 'Gemm'))) {
      const histogram = await weightHistogram(before, node.outputs[0]!, after)
      expect(sum(histogram.after!)).toBe(sum(histogram.before))
      const apart = histogram.before.reduce((n, count, i) => n + Math.abs(count - histogram.after![i]!), 0)
      expect(apart / sum(histogram.before)).toBeLessThan(0.5)
    }
  })
})
