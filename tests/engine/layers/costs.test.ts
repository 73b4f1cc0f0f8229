/**
 * Fed with ones, a linear operator with weights of ones adds 1 for each multiplication it does: the sum of
 * its outputs, computed by ONNX Runtime, is the true number of multiply-accumulates.
 */
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { Model, readModel, Tensor, type AttributeInput, type DType } from '../../../src/engine/onnx'
import { packBits } from '../../../src/engine/onnx/numeric'
import { evaluateConstant, floatsOf, traceShapes, withSession } from '../../../src/engine/runtime'
import { modelCosts, nonzeroParameters } from '../../../src/engine/layers/costs/costs'
import { inspectModel } from '../../../src/engine/layers/costs/inspect'
import { countNonzero } from '../../../src/engine/layers/costs/nonzero'
import { copies } from '../../../src/engine/layers/costs/copies'
import { hasReference, reference } from '../../reference'
import { quantizeDynamic } from '../../../src/engine/passes/quantize-dynamic'
import { quantizeWeights } from '../../../src/engine/passes/quantize-weights'
import { int64 } from '../../../src/engine/runtime'
import { Net } from '../passes/pruning/build'
import { contextOf } from '../passes/quantization/support'

interface Case {
  op: string
  domain?: string
  x: number[]
  w: number[]
  attributes?: Record<string, AttributeInput>
  /** dtype of both; float32 unless said. */
  dtype?: DType
}

const CASES: readonly Case[] = [
  { op: 'Conv', x: [1, 3, 9, 9], w: [4, 3, 3, 3] },
  {
    op: 'Conv',
    x: [1, 3, 9, 9],
    w: [4, 3, 3, 3],
    attributes: { strides: { ints: [2, 2] }, dilations: { ints: [2, 1] } },
  },
  { op: 'Conv', x: [1, 6, 9], w: [4, 3, 3], attributes: { group: { int: 2 } } },
  { op: 'Conv', x: [1, 5, 9, 9], w: [5, 1, 3, 3], attributes: { group: { int: 5 } } },
  { op: 'Conv', x: [1, 2, 5, 5, 5], w: [3, 2, 2, 2, 2] },
  { op: 'ConvTranspose', x: [1, 3, 5, 5], w: [3, 4, 3, 3], attributes: { strides: { ints: [2, 2] } } },
  { op: 'ConvTranspose', x: [1, 4, 5], w: [4, 3, 2], attributes: { group: { int: 2 } } },
  { op: 'Gemm', x: [2, 5], w: [5, 7] },
  { op: 'Gemm', x: [5, 2], w: [7, 5], attributes: { transA: { int: 1 }, transB: { int: 1 } } },
  { op: 'MatMul', x: [2, 3, 4, 5], w: [5, 6] },
  { op: 'MatMul', x: [2, 3, 4, 5], w: [3, 5, 6] },
  { op: 'MatMul', x: [5], w: [5, 6] },
  { op: 'MatMul', x: [5], w: [5] },
  { op: 'FusedMatMul', domain: 'com.microsoft', x: [5, 2], w: [5, 6], attributes: { transA: { int: 1 } } },
  { op: 'Einsum', x: [2, 3, 4], w: [4, 5], attributes: { equation: 'bij,jk->bik' } },
  { op: 'Einsum', x: [2, 3, 4], w: [2, 4, 5], attributes: { equation: '...ij,...jk->...ik' } },
  { op: 'MatMulInteger', x: [2, 5], w: [5, 7], dtype: 'uint8' },
  { op: 'ConvInteger', x: [1, 3, 6, 6], w: [4, 3, 3, 3], dtype: 'uint8' },
]

function single({ op, domain, x, w, attributes = {}, dtype = 'float32' }: Case): Model {
  const model = new Model()
  model.opsets.set('', 18)
  if (domain) model.opsets.set(domain, 1)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype, dims: x }]
  graph.outputs = [{ name: 'y' }]
  graph.initializers.set('w', Tensor.of(dtype, w, new Float32Array(w.reduce((a, b) => a * b, 1)).fill(1)))
  graph.addNode({ opType: op, domain, inputs: ['x', 'w'], outputs: ['y'], attributes })
  return model
}

describe('MACs', () => {
  test.each(CASES)('$op $x · $w', async (one) => {
    const model = single(one)
    const size = one.x.reduce((a, b) => a * b, 1)
    const data = one.dtype === 'uint8' ? new Uint8Array(size).fill(1) : new Float32Array(size).fill(1)
    const sum = await withSession(model, {}, async (session) => {
      const { y } = await session.run({ x: { dtype: one.dtype ?? 'float32', dims: one.x, data } })
      return floatsOf(y!).reduce((a, b) => a + b, 0)
    })
    const costs = await modelCosts(model)
    expect(costs.macs).toBe(sum)
    expect(costs.parameters).toBe(one.w.reduce((a, b) => a * b, 1))
  })

  test('LSTM and GRU: gates × (inputs + hidden) per step, both directions', async () => {
    for (const [op, gates] of [
      ['LSTM', 4],
      ['GRU', 3],
    ] as const) {
      const model = new Model()
      model.opsets.set('', 18)
      model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: [7, 2, 5] }]
      model.graph.outputs = [{ name: 'y' }]
      model.graph.initializers.set('w', Tensor.float32([2, gates * 6, 5], new Float32Array(gates * 60)))
      model.graph.initializers.set('r', Tensor.float32([2, gates * 6, 6], new Float32Array(gates * 72)))
      const attributes: Record<string, AttributeInput> = {
        hidden_size: { int: 6 },
        direction: 'bidirectional',
      }
      model.graph.addNode({ opType: op, inputs: ['x', 'w', 'r'], outputs: ['y'], attributes })
      expect((await modelCosts(model)).macs).toBe(7 * 2 * 2 * gates * 6 * (5 + 6))
    }
  })

  test('attention: scores and their use', async () => {
    const model = new Model()
    model.opsets.set('', 18)
    model.opsets.set('com.microsoft', 1)
    for (const [name, length] of [
      ['q', 3],
      ['k', 5],
      ['v', 5],
    ] as const)
      model.graph.inputs.push({ name, dtype: 'float32', dims: [2, length, 8] })
    model.graph.outputs = [{ name: 'y' }]
    model.graph.addNode({
      opType: 'MultiHeadAttention',
      domain: 'com.microsoft',
      inputs: ['q', 'k', 'v'],
      outputs: ['y'],
      attributes: { num_heads: { int: 2 } },
    })
    expect((await modelCosts(model)).macs).toBe(2 * 3 * 5 * 8 + 2 * 3 * 5 * 8)
  })
})

/** x[1,4] → MatMul with a weight that is made by `build` from constants. */
function throughConstants(opset: number, build: (model: Model) => string): Model {
  const model = new Model()
  model.opsets.set('', opset)
  model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 4] }]
  model.graph.outputs = [{ name: 'y' }]
  const w = build(model)
  model.graph.addNode({ opType: 'MatMul', inputs: ['x', w], outputs: ['y'] })
  return model
}

describe('parameters', () => {
  test('int4 behind DequantizeLinear counts by element, scales are no parameters, zeros by zero point', async () => {
    const model = throughConstants(21, ({ graph }) => {
      graph.initializers.set('q', Tensor.of('uint4', [4, 3], [8, 8, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
      graph.initializers.set('s', Tensor.float32([3], [0.5, 1, 2]))
      graph.initializers.set('z', Tensor.of('uint4', [3], [8, 8, 8]))
      graph.addNode({
        opType: 'DequantizeLinear',
        inputs: ['q', 's', 'z'],
        outputs: ['w'],
        attributes: { axis: { int: 1 } },
      })
      return 'w'
    })
    const costs = await modelCosts(model)
    expect(costs.parameters).toBe(12)
    expect(costs.nodes[0]!.weights[0]).toMatchObject({ bytes: 6 + 12 + 2, dtype: 'uint4' })
    expect(await nonzeroParameters(model)).toBe(8)
    const weight = await evaluateConstant(model, 'w')
    expect(Array.from(weight.data as Float32Array).slice(0, 6)).toEqual([0, 0, 0, -3.5, -6, -10])
  })

  test('a codebook looked up by constant indices counts as the weight it makes', async () => {
    const model = throughConstants(18, ({ graph }) => {
      graph.initializers.set('book', Tensor.float32([3], [0, 1, -1]))
      graph.initializers.set(
        'at',
        Tensor.of(
          'int32',
          [4, 5],
          Array.from({ length: 20 }, (_, i) => i % 3),
        ),
      )
      graph.addNode({ opType: 'Gather', inputs: ['book', 'at'], outputs: ['w'] })
      return 'w'
    })
    expect((await modelCosts(model)).parameters).toBe(20)
    expect(await nonzeroParameters(model)).toBe(13)
  })

  test('MatMulNBits counts N·K and its zeros by block', async () => {
    const model = new Model()
    model.opsets.set('', 18)
    model.opsets.set('com.microsoft', 1)
    model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 20] }]
    model.graph.outputs = [{ name: 'y' }]
    const codes = Array.from({ length: 64 }, (_, i) => (i % 32 < 5 ? 8 : 3))
    model.graph.initializers.set('w', Tensor.fromBytes('uint8', [2, 2, 8], packBits(codes, 4)))
    model.graph.initializers.set('s', Tensor.float32([4], [1, 1, 1, 1]))
    model.graph.addNode({
      opType: 'MatMulNBits',
      domain: 'com.microsoft',
      inputs: ['x', 'w', 's'],
      outputs: ['y'],
      attributes: { K: { int: 20 }, N: { int: 2 }, bits: { int: 4 }, block_size: { int: 16 } },
    })
    const costs = await modelCosts(model)
    expect([costs.parameters, costs.macs]).toEqual([40, 40])
    expect(await nonzeroParameters(model)).toBe(30)
  })

  test('a weight read twice or stored twice counts once; settings and scalars do not count', async () => {
    const values = Float32Array.from({ length: 1600 }, (_, i) => i % 7)
    const model = new Model()
    model.opsets.set('', 18)
    const { graph } = model
    graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 40] }]
    graph.outputs = [{ name: 'y' }]
    graph.initializers.set('a', Tensor.float32([40, 40], values))
    graph.initializers.set('b', Tensor.float32([40, 40], values.slice()))
    graph.initializers.set('half', Tensor.scalar('float32', 0.5))
    graph.addNode({ opType: 'MatMul', inputs: ['x', 'a'], outputs: ['h'] })
    graph.addNode({ opType: 'MatMul', inputs: ['h', 'a'], outputs: ['i'] })
    graph.addNode({ opType: 'MatMul', inputs: ['i', 'b'], outputs: ['j'] })
    graph.addNode({ opType: 'Mul', inputs: ['j', 'half'], outputs: ['k'] })
    graph.addNode({ opType: 'Clip', inputs: ['k', 'half'], outputs: ['y'] })
    expect(copies(graph)).toEqual(new Map([['b', 'a']]))
    const costs = await modelCosts(model)
    expect(costs.parameters).toBe(1600)
    expect(costs.macs).toBe(3 * 1600)
    expect(await nonzeroParameters(model)).toBe(values.filter((v) => v !== 0).length)
  })

  test.each([
    ['float32', 5],
    ['float16', 5],
    ['bfloat16', 5],
    ['float64', 5],
    ['int64', 4],
    ['int16', 4],
    ['int8', 4],
    ['int4', 4],
  ] as const)('%s: %i of 8 are not zero, minus zero being zero', (dtype, expected) => {
    expect(countNonzero(Tensor.of(dtype, [8], [0, -0, 1, -1, 0.5, 2, 0, 3]))).toBe(expected)
  })
})

describe('inspectModel', () => {
  test.runIf(hasReference)('LeNet-5: the numbers of the literature', async () => {
    const seen = await inspectModel(reference('models', 'lenet5.onnx'))
    expect(seen.parameters).toBe(431_080)
    // Caffe's LeNet: 288,000 + 1,600,000 + 400,000 + 5,000.
    expect(seen.macs).toBe(2_293_000)
    expect(seen.bytes).toBe(1_733_689)
    expect(path.isAbsolute(seen.path)).toBe(true)
    expect(seen.layers.find(({ op }) => op === 'Conv')).toMatchObject({
      parameters: 520,
      bytes: 2080,
      shape: [1, 20, 24, 24],
    })
    expect(seen.issues.map(({ kind }) => kind)).toEqual(['private-metadata'])
  })

  test.runIf(hasReference)('quantized and half models have the parameters of the original', async () => {
    for (const file of ['cnn1d.static_minmax_pc.onnx', 'cnn1d.fp16.onnx']) {
      const seen = await inspectModel(reference('peer', file))
      expect(seen.parameters).toBe(
        (await modelCosts(readModel(reference('models', 'cnn1d.onnx')))).parameters,
      )
    }
  })

  test('a model ONNX Runtime refuses is inspected all the same and says why', async () => {
    const model = throughConstants(18, ({ graph }) => {
      graph.initializers.set('w', Tensor.float32([4, 2], new Float32Array(8)))
      return 'w'
    })
    model.opsets.set('my.lab', 1)
    model.graph.addNode({ opType: 'Wobble', domain: 'my.lab', inputs: ['x'], outputs: ['z'] })
    const seen = await inspectModel(model)
    expect(seen.parameters).toBe(8)
    expect(seen.issues[0]).toMatchObject({ kind: 'unknown-operator', severity: 'error' })
    expect(seen.issues[0]!.message).toContain('my.lab.Wobble')
  })

  test('issues are named: fixed batch, free sizes, old operators, quantized', async () => {
    const kinds = async (edit: (model: Model) => void): Promise<string[]> => {
      const model = single({ op: 'MatMul', x: [3, 4], w: [4, 2] })
      edit(model)
      return (await inspectModel(model)).issues.map(({ kind }) => kind)
    }
    expect(await kinds(() => undefined)).toEqual(['fixed-batch'])
    expect(await kinds((m) => (m.graph.inputs[0]!.dims = ['batch', 'time', 4]))).toEqual(['dynamic-shape'])
    expect(await kinds((m) => void ((m.graph.inputs[0]!.dims = ['batch', 4]), m.opsets.set('', 11)))).toEqual(
      ['old-opset'],
    )
  })

  test.each(['toString', 'constructor', 'hasOwnProperty', '__proto__'])(
    'an operator may be called %s',
    async (opType) => {
      const model = single({ op: 'MatMul', x: [3, 4], w: [4, 2] })
      model.graph.nodes.find((node) => node.is('MatMul'))!.opType = opType
      const seen = await inspectModel(model)
      expect(seen.parameters).toBe(8)
      expect(seen.issues[0]).toMatchObject({ severity: 'error' })
      expect(seen.issues[0]!.message).toContain(opType)
    },
  )

  test('a model that only dislikes guessed inputs is not called one that cannot run', async () => {
    const net = new Net(1)
    net.output(net.op('Reshape', [net.input('x', [2, 3, 4]), net.input('shape', [2], 'int64')]), 2)
    const { issues } = await inspectModel(net.model)
    expect(issues.map(({ kind }) => kind)).not.toContain('not-runnable')
    expect(issues.find(({ kind }) => kind === 'not-traced')?.message).toContain('until it is given data')
  })

  test('a trace is enough to give costs without running again', async () => {
    const model = single({ op: 'Gemm', x: [2, 5], w: [5, 7] })
    const traced = await traceShapes(model)
    expect((await modelCosts(model, traced)).macs).toBe(70)
  })
})

/** An embedding, its table read by rows, and a layer behind it. */
function looksUpWords(): Model {
  const net = new Net(1)
  const looked = net.op('Gather', [net.weight([300, 48]), net.input('ids', [null, 6], 'int64')])
  const places = net.weight([6, 48])
  net.output(net.op('MatMul', [net.op('Add', [looked, places]), net.weight([48, 33])]), 3)
  return net.model
}

test('rows that are laid end to end afterwards are counted by their own width', async () => {
  const net = new Net(2)
  const looked = net.op('Gather', [net.weight([300, 48]), net.input('ids', [null, 6], 'int64')])
  net.output(net.gemm(net.op('Flatten', [looked]), 288, 40), 2)
  const ids = int64([2, 6], [0, 299, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  for (const [pass, params] of [
    [quantizeDynamic, {}],
    [quantizeWeights, { maxLoss: 100, bits: 8, method: 'rtn' }],
    [quantizeWeights, { maxLoss: 100, method: 'nf4' }],
  ] as const) {
    const { model: coded } = await pass.run(net.model, params, contextOf(net.model, { ids }))
    const costs = await modelCosts(coded, await traceShapes(coded, { feeds: { ids } }))
    expect(costs.parameters).toBe(300 * 48 + 288 * 40 + 40)
  }
})

test('rows of int8 that DequantizeLinear makes floats are counted as the table they are', async () => {
  const net = new Net(1)
  const table = net.constant('table', Tensor.of('int8', [300, 48], new Float32Array(300 * 48).fill(3)))
  const rows = net.op('Gather', [table, net.input('ids', [null, 6], 'int64')])
  const [scale, zero] = [Tensor.scalar('float32', 0.1), Tensor.scalar('int8', 0)]
  const looked = net.op('DequantizeLinear', [rows, net.constant('scale', scale), net.constant('zero', zero)])
  net.output(net.op('MatMul', [looked, net.weight([48, 33])]), 3)
  const ids = int64([2, 6], [0, 299, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  const costs = await modelCosts(net.model, await traceShapes(net.model, { feeds: { ids } }))
  expect(costs.parameters).toBe(300 * 48 + 48 * 33)
})

describe('an embedding stored as codes is counted as the table it is', () => {
  const ids = int64([2, 6], [0, 299, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  test.each([
    ['int8 by rows', quantizeDynamic, {}],
    ['8 bits', quantizeWeights, { maxLoss: 100, bits: 8 }],
    ['4 bits', quantizeWeights, { maxLoss: 100, bits: 4 }],
    ['3 bits, two planes', quantizeWeights, { maxLoss: 100, bits: 3, block: 32 }],
    ['4 bits with fractional zero points', quantizeWeights, { maxLoss: 100, bits: 4, method: 'hqq' }],
    ['NF4', quantizeWeights, { maxLoss: 100, method: 'nf4' }],
    ['shared values', quantizeWeights, { maxLoss: 100, method: 'kmeans', bits: 4 }],
  ])('%s', async (_, pass, params) => {
    const model = looksUpWords()
    const { model: coded } = await pass.run(model, params, contextOf(model, { ids }))
    const before = await modelCosts(model, await traceShapes(model, { feeds: { ids } }))
    const after = await modelCosts(coded, await traceShapes(coded, { feeds: { ids } }))
    expect(before.parameters).toBe(300 * 48 + 6 * 48 + 48 * 33)
    expect(after.parameters).toBe(before.parameters)
    const bytes = after.nodes.flatMap(({ weights }) => weights).reduce((sum, weight) => sum + weight.bytes, 0)
    expect(bytes).toBeLessThan(before.parameters * 1.5)
    // Of weights without zeros few codes stand for zero, however many of them lie in a byte.
    const nonzero = await nonzeroParameters(coded, after)
    expect(nonzero).toBeGreaterThan(0.75 * before.parameters)
    expect(nonzero).toBeLessThanOrEqual(before.parameters)
  })
})
