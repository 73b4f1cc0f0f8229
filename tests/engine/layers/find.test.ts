import { describe, expect, it } from 'vitest'
import { findLayers, weightedLayers } from '../../../src/engine/layers/find'
import { activationAfter } from '../../../src/engine/layers/fuses'
import { productLayer } from '../../../src/engine/layers/product'
import { Tensor } from '../../../src/engine/onnx'
import { Net } from '../passes/pruning/build'

const reasons = (net: Net): string[] => findLayers(net.model.graph).skipped.map(({ reason }) => reason)

describe('what is no layer, and why', () => {
  it('says so of weights that are computed, on the left or of another type', () => {
    const net = new Net()
    const x = net.input('x', [4, 4])
    const w = net.weight([4, 4])
    const half = net.op('MatMul', [x, net.constant('d', Tensor.of('float64', [4, 4], new Array(16).fill(1)))])
    net.op('MatMul', [w, x])
    net.op('MatMul', [x, half])
    net.op('Gemm', [x, net.op('Abs', [w])])
    net.op('Gemm', [x, net.op('Transpose', [w], { perm: { ints: [1, 0] } })])
    net.op('MatMul', [x, net.weight([4])])
    net.op('Conv', [net.input('image', [1, 4, 8]), net.weight([4, 4])])
    net.op('Gather', [net.weight([4, 4]), net.input('ids', [2], 'int64')], { axis: { int: 1 } })
    expect(findLayers(net.model.graph).layers).toEqual([])
    expect(reasons(net)).toEqual([
      'its weight is float64',
      'a constant times an activation',
      'a product of two activations',
      'its weight is computed by the model',
      'its weight is computed by the model',
      'its weight is a vector',
      'its kernel has fewer than three dimensions',
      'it does not look up rows',
    ])
  })

  it('says nothing of a Gather that reads shapes', () => {
    const net = new Net()
    net.op('Gather', [net.op('Shape', [net.input('x', [4, 4])]), net.ints([0])])
    net.op('Gather', [net.ints([1, 2, 3, 4], [2, 2]), net.ints([0])])
    expect(findLayers(net.model.graph)).toEqual({ layers: [], skipped: [] })
  })
})

describe('guards', () => {
  it('tells a product from what only looks like one', () => {
    const net = new Net()
    const x = net.input('x', [4, 4])
    const image = net.input('image', [1, 4, 8])
    const w = net.weight([4, 4])
    const plain = [net.op('MatMul', [x, w]), net.op('Gemm', [x, w], { transB: { int: 1 } })]
    plain.push(net.op('Conv', [image, net.weight([4, 4, 3])], { auto_pad: 'SAME_UPPER' }))
    net.op('Gemm', [x, w], { transA: { int: 1 } })
    net.op('Gemm', [x, w], { alpha: { float: 2 } })
    net.op('Gemm', [x, w, net.weight([4])], { beta: { float: 2 } })
    net.op('MatMul', [net.input('batch', [2, 4, 4]), net.weight([2, 4, 4])])
    net.op('ConvTranspose', [image, net.weight([4, 4, 3])])
    const { graph } = net.model
    expect(graph.nodes.filter((node) => productLayer(graph, node)).map(({ outputs }) => outputs[0])).toEqual(
      plain,
    )
    expect(weightedLayers(graph)).toHaveLength(graph.nodes.length)
  })
})

describe('readers of one weight', () => {
  it('share a key whichever way they read it, through Transpose too', () => {
    const net = new Net()
    const table = net.weight([10, 4])
    const half = net.constant('half', Tensor.of('float16', [10, 4], new Array(40).fill(0.5)))
    const words = net.op('Gather', [table, net.input('ids', [3], 'int64')])
    const turned = net.op('Transpose', [table], { perm: { ints: [1, 0] } })
    net.op('MatMul', [words, turned])
    net.op('Gemm', [words, table], { transB: { int: 1 } })
    net.op('Gemm', [words, net.op('Identity', [table])], { transB: { int: 1 } })
    net.op('MatMul', [words, net.op('Transpose', [net.op('Cast', [half], { to: { int: 1 } })])])
    net.op('MatMul', [words, net.weight([4, 10])])
    const { graph } = net.model
    expect(findLayers(graph).layers).toHaveLength(4)
    const { layers } = findLayers(graph, { throughViews: true })
    const [embedding, head, tied, same, cast, own] = layers as [(typeof layers)[0], ...(typeof layers)[0][]]
    for (const layer of [head!, tied!, same!]) expect(layer.rowsKey).toBe(embedding.rowsKey)
    expect(head!.root).toMatchObject({ value: table, flipped: true })
    expect(head!.tensor.dims).toEqual([4, 10])
    expect(head!.rows()).toEqual(embedding.rows())
    const values = embedding.rows()
    expect(head!.tensor.floats()[1]).toBe(values[4])
    expect(cast!.root.value).toBe(half)
    expect(cast!.tensor.dtype).toBe('float32')
    expect(cast!.rows()).toEqual(new Float32Array(40).fill(0.5))
    expect(own!.rowsKey).not.toBe(embedding.rowsKey)
  })
})

describe('neighbours a layer fuses with', () => {
  it('finds the activation that alone reads an output and cuts at zero', () => {
    const net = new Net()
    const x = net.input('x', [1, 4])
    const first = net.op('MatMul', [x, net.weight([4, 6])])
    const relu = net.op('Relu', [first])
    const second = net.op('MatMul', [relu, net.weight([6, 6])])
    const clip = net.op('Clip', [second, net.constant('low', Tensor.float32([], [0]))])
    const shared = net.op('MatMul', [clip, net.weight([6, 6])])
    net.op('Relu', [shared])
    net.output(net.op('Tanh', [shared]), 2)
    const { graph } = net.model
    const wiring = { graph, consumers: graph.consumerMap(), producers: graph.producers() }
    expect(activationAfter(wiring, first)).toBe(graph.producer(relu))
    expect(activationAfter(wiring, second)).toBe(graph.producer(clip))
    expect(activationAfter(wiring, shared)).toBeUndefined()
  })
})
