/** The rows of a layer's weight against what ONNX Runtime computes with it. */
import { describe, expect, it } from 'vitest'
import { findLayers } from '../../../src/engine/layers/find'
import type { Layer } from '../../../src/engine/layers/layer'
import { Tensor, type AttributeInput } from '../../../src/engine/onnx'
import { seeded } from '../../../src/engine/math/random'
import { float32 } from '../../../src/engine/runtime'
import { outputOf } from '../passes/quantization/support'
import { Net } from '../passes/pruning/build'

const random = seeded(11)
const normal = (size: number): Float32Array => Float32Array.from({ length: size }, () => random.normal())

interface Made {
  layer: Layer
  x: Float32Array
  y: Float32Array
}

/** One operator, its layers and what it gives for a random input. */
async function run(
  opType: string,
  inDims: readonly number[],
  weights: readonly (readonly number[])[],
  attributes: Record<string, AttributeInput> = {},
  domain = '',
): Promise<Made & { layers: Layer[]; net: Net }> {
  const net = new Net(3)
  if (domain) net.model.importOpset(domain, 1)
  const x = net.input('x', inDims)
  const constants = weights.map((dims) => (dims.length === 0 ? '' : net.weight(dims)))
  const y = net.op(opType, [x, ...constants], attributes, 1, domain)
  net.output(y, 2)
  const values = normal(inDims.reduce((n, d) => n * d, 1))
  const { layers } = findLayers(net.model.graph)
  const out = await outputOf(net.model, { x: float32(inDims, values) })
  return { layer: layers[0]!, layers, net, x: values, y: out }
}

/** rows · x, the inputs of a row beginning at `from` of x. */
function products(layer: Layer, x: Float32Array, fromOf: (row: number) => number = () => 0): number[] {
  const { rows, cols } = layer.geometry
  const w = layer.rows()
  return Array.from({ length: rows }, (_, r) => {
    let sum = 0
    for (let c = 0; c < cols; c++) sum += w[r * cols + c]! * x[fromOf(r) + c]!
    return sum
  })
}

function close(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length)
  expected.forEach((value, i) => expect(actual[i]).toBeCloseTo(value, 4))
}

describe('rows of a weight make what ONNX Runtime computes', () => {
  it.each([
    ['MatMul', [5, 3], {}],
    ['Gemm', [5, 3], {}],
    ['Gemm', [3, 5], { transB: { int: 1 } }],
  ] as const)('%s of %j', async (op, dims, attributes) => {
    const { layer, x, y } = await run(op, [1, 5], [dims], attributes)
    expect([layer.geometry.rows, layer.geometry.cols, layer.channels]).toEqual([3, 5, 3])
    expect(layer.tensor.dims[layer.axis]).toBe(3)
    expect(layer.tensor.dims[layer.geometry.inAxis]).toBe(5)
    expect(layer.isPlain).toBe(true)
    close(y, products(layer, x))
  })

  it.each([
    ['FusedMatMul', { transB: { int: 1 }, alpha: { float: 0.5 } }, 0.5],
    ['FusedGemm', { transB: { int: 1 }, activation: 'Relu' }, 1],
  ] as const)('%s, whose factor is told', async (op, attributes, factor) => {
    const { layer, x, y } = await run(op, [1, 5], [[3, 5]], attributes, 'com.microsoft')
    expect(layer.factors.product).toBe(factor)
    expect(layer.isPlain).toBe(false)
    const sums = products(layer, x).map((sum) => sum * factor)
    close(y, op === 'FusedGemm' ? sums.map((sum) => Math.max(0, sum)) : sums)
  })

  it.each([
    ['Conv', [4], 1],
    ['Conv', [3, 2], 1],
    ['Conv', [2, 3, 2], 1],
    ['Conv', [3, 2], 2],
    ['FusedConv', [3, 2], 1],
  ] as const)('%s with a kernel of %j in %i groups, at its only position', async (op, kernel, groups) => {
    const { layer, x, y } = await run(
      op,
      [1, 6, ...kernel],
      [[4, 6 / groups, ...kernel]],
      { group: { int: groups }, ...(op === 'FusedConv' && { activation: 'Relu' }) },
      op === 'FusedConv' ? 'com.microsoft' : '',
    )
    const { cols } = layer.geometry
    expect(layer.groups).toBe(groups)
    expect(layer.product).toEqual({ groups, inputs: cols, outputs: 4 / groups })
    const sums = products(layer, x, (row) => Math.floor(row / (4 / groups)) * cols)
    close(y, op === 'FusedConv' ? sums.map((sum) => Math.max(0, sum)) : sums)
  })

  it('a grouped ConvTranspose, whose rows are its input channels', async () => {
    const { layer, x, y } = await run('ConvTranspose', [1, 4, 1, 1], [[4, 3, 2, 2]], { group: { int: 2 } })
    const { rows, cols } = layer.geometry
    expect([rows, cols, layer.channels, layer.axis]).toEqual([4, 12, 6, 1])
    const w = layer.rows()
    const expected = Array.from({ length: 24 }, (_, at) => {
      const group = Math.floor(at / cols)
      return [0, 1].reduce((sum, i) => sum + w[(2 * group + i) * cols + (at % cols)]! * x[2 * group + i]!, 0)
    })
    close(y, expected)
  })

  it('a batch of matrices, whose rows see all of it', async () => {
    const { layer, x, y } = await run('MatMul', [2, 1, 5], [[2, 5, 3]])
    const { rows, cols } = layer.geometry
    expect([rows, cols]).toEqual([3, 10])
    const w = layer.rows()
    close(
      y,
      Array.from({ length: 6 }, (_, at) => {
        const [batch, r] = [Math.floor(at / 3), at % 3]
        return Array.from({ length: 5 }, (_, c) => w[r * cols + batch * 5 + c]! * x[batch * 5 + c]!).reduce(
          (a, b) => a + b,
        )
      }),
    )
  })

  const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v))

  it.each(['forward', 'reverse', 'bidirectional'])('the gates of an LSTM that runs %s', async (direction) => {
    const count = direction === 'bidirectional' ? 2 : 1
    const { layers, x, y } = await run(
      'LSTM',
      [1, 1, 5],
      [
        [count, 12, 5],
        [count, 12, 3],
      ],
      {
        hidden_size: { int: 3 },
        direction,
      },
    )
    expect(layers.map(({ slot }) => slot)).toEqual([1, 2])
    expect(layers.map(({ geometry }) => [geometry.rows, geometry.cols])).toEqual([
      [12 * count, 5],
      [12 * count, 3],
    ])
    const sums = products(layers[0]!, x)
    const parts = new Map(layers[0]!.geometry.parts!.map((part) => [part.name, part]))
    const directions = direction === 'bidirectional' ? ['forward', 'reverse'] : [direction]
    close(
      y,
      directions.flatMap((one) => {
        const gate = (name: string): number[] => {
          const { from, to } = parts.get(`${one} ${name}`)!
          return sums.slice(from, to)
        }
        return gate('cell').map(
          (cell, h) => sigmoid(gate('output')[h]!) * Math.tanh(sigmoid(gate('input')[h]!) * Math.tanh(cell)),
        )
      }),
    )
  })

  it('the gates of a GRU and the rows of an RNN', async () => {
    const gru = await run(
      'GRU',
      [1, 1, 5],
      [
        [1, 9, 5],
        [1, 9, 3],
      ],
      { hidden_size: { int: 3 } },
    )
    const sums = products(gru.layer, gru.x)
    const gates = gru.layer.geometry.parts!.map(({ from, to }) => sums.slice(from, to))
    expect(gru.layer.geometry.parts!.map(({ name }) => name)).toEqual([
      'forward update',
      'forward reset',
      'forward hidden',
    ])
    close(
      gru.y,
      gates[2]!.map((hidden, h) => (1 - sigmoid(gates[0]![h]!)) * Math.tanh(hidden)),
    )
    const rnn = await run(
      'RNN',
      [1, 1, 5],
      [
        [1, 3, 5],
        [1, 3, 3],
      ],
      { hidden_size: { int: 3 } },
    )
    close(rnn.y, products(rnn.layer, rnn.x).map(Math.tanh))
  })

  it('attention that projects by itself: of one word the values are all it gives', async () => {
    const { layer, x, y } = await run(
      'Attention',
      [1, 1, 8],
      [[8, 20], [20]],
      { num_heads: { int: 2 }, qkv_hidden_sizes: { ints: [8, 8, 4] } },
      'com.microsoft',
    )
    const bias = layer.bias!.tensor!.floats()
    const value = layer.geometry.parts!.find(({ name }) => name === 'value')!
    expect([value.from, value.to]).toEqual([16, 20])
    close(
      y,
      products(layer, x)
        .map((sum, r) => sum + bias[r]!)
        .slice(value.from, value.to),
    )
  })
})

describe('rows go back', () => {
  it.each([
    ['MatMul', [5, 3], {}],
    ['MatMul', [2, 5, 3], {}],
    ['Gemm', [3, 5], { transB: { int: 1 } }],
    ['Conv', [4, 3, 3], { group: { int: 2 } }],
    ['ConvTranspose', [6, 2, 3], { group: { int: 2 } }],
  ] as const)('of %s %j', async (op, dims, attributes) => {
    const net = new Net(5)
    const w = net.weight(dims)
    net.op(op, [net.input('x', [1, 6, 5]), w], attributes)
    const [layer] = findLayers(net.model.graph).layers
    expect(layer!.withRows(layer!.rows()).floats()).toEqual(net.model.graph.initializers.get(w)!.floats())
    expect(layer!.withColumns(layer!.columns()).floats()).toEqual(layer!.tensor.floats())
  })

  it('columns of a grouped convolution are turned group by group', () => {
    const net = new Net()
    const w = net.constant('w', Tensor.float32([4, 2, 1], Float32Array.from([0, 1, 2, 3, 4, 5, 6, 7])))
    net.op('Conv', [net.input('x', [1, 4, 5]), w], { group: { int: 2 } })
    expect([...findLayers(net.model.graph).layers[0]!.columns()]).toEqual([0, 2, 1, 3, 4, 6, 5, 7])
  })
})
