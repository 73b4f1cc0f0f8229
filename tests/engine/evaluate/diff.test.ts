import { describe, expect, it } from 'vitest'
import { diffGraphs } from '../../../src/engine/evaluate/diff'
import { nodeCosts, nodeDetail } from '../../../src/engine/evaluate/node'
import { readModel, Tensor } from '../../../src/engine/onnx'
import { hasReference, reference } from '../../reference'
import { wires } from './support'

const model = (): ReturnType<typeof wires> =>
  wires({ a: { dims: [1, 4], op: 'Relu' }, b: { dims: [1, 4], op: 'Neg' } })

describe('diffGraphs', () => {
  it('finds nothing between a model and itself', () => {
    const { nodes, counts } = diffGraphs(model())
    expect(counts).toEqual({ same: 2, changed: 0, removed: 0, added: 0 })
    expect(nodes.map(({ op }) => op)).toEqual(['Relu', 'Neg'])
    expect(diffGraphs(model(), model()).counts.same).toBe(2)
  })

  it('tells what changed, came and went, in place', () => {
    const before = model()
    const after = model()
    const [relu, neg] = after.graph.nodes
    relu!.opType = 'Sigmoid'
    relu!.name = before.graph.nodes[0]!.name
    after.graph.removeNode(neg!)
    after.graph.addNode({ opType: 'Abs', inputs: ['b'], outputs: ['other'] })
    after.graph.outputs[1]!.name = 'other'
    const { nodes, counts } = diffGraphs(before, after)
    expect(counts).toEqual({ same: 0, changed: 1, removed: 1, added: 1 })
    expect(nodes.map(({ op, state }) => `${op} ${state}`)).toEqual([
      'Sigmoid changed',
      'Neg removed',
      'Abs added',
    ])
    expect(nodes[0]!.change).toBe('Relu → Sigmoid')
  })

  it('names new weights and attributes', () => {
    const before = model()
    before.graph.initializers.set('w', Tensor.float32([4, 4], new Float32Array(16)))
    before.graph.addNode({
      opType: 'Gemm',
      name: 'fc',
      inputs: ['a', 'w'],
      outputs: ['y'],
      attributes: { transB: { int: 1 } },
    })
    const after = before.clone()
    after.graph.initializers.set('w', Tensor.float32([2, 4], new Float32Array(8)))
    after.graph.nodes[2]!.set('transB', { int: 0 })
    const gemm = diffGraphs(before, after).nodes.find(({ op }) => op === 'Gemm')
    expect(gemm?.change).toBe('weights 4×4 → 2×4; transB 1 → 0')
    const trained = before.clone()
    trained.graph.initializers.set('w', Tensor.float32([4, 4], new Float32Array(16).fill(1)))
    expect(diffGraphs(before, trained).nodes[2]).toMatchObject({
      state: 'changed',
      change: 'weights changed',
    })
  })

  it.runIf(hasReference)('sees layers through Q/DQ', () => {
    const before = readModel(reference('models', 'cnn1d.onnx'))
    const after = readModel(reference('peer', 'cnn1d.static_minmax_pc.onnx'))
    const { nodes, counts } = diffGraphs(before, after)
    const layers = nodes.filter(({ op }) => op === 'Conv' || op === 'Gemm')
    expect(layers.length).toBe(before.graph.nodes.filter((node) => node.is('Conv', 'Gemm')).length)
    for (const layer of layers) {
      expect(layer.state).toBe('changed')
      expect(layer.change).toMatch(/weights float32 → u?int8.*inputs quantized/)
    }
    expect(counts.added).toBeGreaterThan(10)
    const ids = new Set(nodes.map(({ id }) => id))
    expect(ids.size).toBe(nodes.length)
    for (const { inputs } of nodes) for (const id of inputs) expect(ids.has(id)).toBe(true)
  })
})

describe('one operator of a diff', () => {
  const layered = (): ReturnType<typeof wires> => {
    const made = model()
    made.graph.initializers.set('w', Tensor.float32([4, 4], new Float32Array(16)))
    made.graph.addNode({
      opType: 'Gemm',
      name: 'fc',
      inputs: ['a', 'w'],
      outputs: ['y'],
      attributes: { transB: { int: 1 } },
    })
    return made
  }

  it('has both sides, the one that is left, or the one that came', () => {
    const before = layered()
    const after = before.clone()
    after.graph.initializers.set('w', Tensor.float32([4, 4], new Float32Array(16).fill(1)))
    const [, neg] = after.graph.nodes
    after.graph.removeNode(neg!)
    after.graph.addNode({ opType: 'Abs', inputs: ['b'], outputs: ['other'] })
    after.graph.outputs[1]!.name = 'other'
    for (const { id, state } of diffGraphs(before, after).nodes) {
      const { original, candidate } = nodeDetail(id, before, after)
      expect([id, !!original, !!candidate]).toEqual([id, state !== 'added', state !== 'removed'])
    }
    expect(nodeDetail('y', before, after).candidate).toEqual({
      op: 'Gemm',
      name: 'fc',
      attributes: [{ name: 'transB', value: '1' }],
      inputs: [{ name: 'a' }, { name: 'w', dtype: 'float32', dims: [4, 4], bytes: 64 }],
      outputs: ['y'],
    })
    expect(nodeDetail('y', before).candidate).toBeUndefined()
    expect(() => nodeDetail('nothing', before, after)).toThrow(expect.objectContaining({ code: 'not-found' }))
  })

  it('costs what its shapes say, and nothing where the model does not run', async () => {
    const costs = await nodeCosts(layered())
    expect(costs.y).toEqual({ shape: [1, 4], dtype: 'float32', macs: 16, parameters: 16 })
    const broken = layered()
    broken.graph.nodes[2]!.opType = 'NoSuchOperator'
    expect(await nodeCosts(broken)).toEqual({})
  })
})
