import { describe, expect, test } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { encodedLength, readModel, Tensor, type Model } from '../../../src/engine/onnx'
import { quantizeStatic } from '../../../src/engine/passes/quantize-static'
import { float32, withSession } from '../../../src/engine/runtime'
import { hasReference, reference } from '../../reference'
import { accuracy, rSquared } from '../data/scoring'
import { Net } from './pruning/build'
import { contextOf, fidelity, noise, outputOf } from './quantization/support'
import { findTarget } from '../../../src/engine/targets'

const off = { maxLoss: 100, calibration: 'min-max' }

function convolutional(): Model {
  const net = new Net(1)
  const x = net.input('x', [null, 3, 16, 16])
  const a = net.cbr(x, 3, 16, 3)
  const b = net.relu(net.conv(a, 16, 16, 3, { group: 16 }))
  const sum = net.relu(net.op('Add', [net.conv(b, 16, 16, 1), a]))
  const pooled = net.op('MaxPool', [sum], { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } })
  const joined = net.op('Concat', [net.conv(pooled, 16, 8, 3), net.conv(pooled, 16, 8, 1)], {
    axis: { int: 1 },
  })
  const mean = net.op('GlobalAveragePool', [net.conv(net.relu(joined), 16, 16, 3)])
  net.output(net.gemm(net.op('Flatten', [mean]), 16, 10), 2)
  return net.model
}

/** Operators as ONNX Runtime runs them once it has fused what it can. */
async function fusedOperators(model: Model): Promise<Map<string, number>> {
  const context = contextOf(model)
  const file = `${context.scratch}/fused.onnx`
  await withSession(model, { optimization: 'extended', optimizedModelPath: file }, async () => undefined)
  const counts = new Map<string, number>()
  for (const node of readModel(file).graph.nodes) counts.set(node.opType, (counts.get(node.opType) ?? 0) + 1)
  return counts
}

test('convolutions, residual sums, pools and the last layer all run on integers', async () => {
  const model = convolutional()
  const inputs = { x: noise([32, 3, 16, 16]) }
  const { model: candidate, summary, layers } = await quantizeStatic.run(model, off, contextOf(model, inputs))
  expect(await fidelity(model, candidate, inputs)).toBeGreaterThan(25)
  const fused = await fusedOperators(candidate)
  expect(fused.get('QLinearConv')).toBe(6)
  expect(fused.get('QGemm')).toBe(1)
  expect(fused.get('QLinearAdd')).toBe(1)
  expect(fused.get('Conv') ?? 0).toBe(0)
  expect(fused.get('Relu') ?? 0).toBe(0)
  expect(summary).toContain('7 of 7 layers run on int8')
  expect(layers).toHaveLength(7)
  for (const layer of layers!) expect(layer.weightSqnr).toBeGreaterThan(35)
  for (const layer of layers!) expect(layer.activationSqnr).toBeGreaterThan(20)
})

test.each(['uint8', 'int8', 'int8-symmetric'])('%s activations', async (activations) => {
  const model = convolutional()
  const inputs = { x: noise([32, 3, 16, 16]) }
  const { model: candidate } = await quantizeStatic.run(
    model,
    { ...off, activations },
    contextOf(model, inputs),
  )
  expect(await fidelity(model, candidate, inputs)).toBeGreaterThan(22)
  // ONNX Runtime for x64 fuses fewer int8 patterns than uint8 ones: why uint8 is the default.
  expect((await fusedOperators(candidate)).get('QLinearConv')).toBeGreaterThanOrEqual(
    activations === 'uint8' ? 6 : 1,
  )
})

test('the operator form computes the same as the pairs', async () => {
  const model = convolutional()
  const inputs = { x: noise([8, 3, 16, 16]) }
  const pairs = await quantizeStatic.run(model, off, contextOf(model, inputs))
  const operators = await quantizeStatic.run(model, { ...off, format: 'qoperator' }, contextOf(model, inputs))
  expect(operators.model.graph.nodes.some((node) => node.opType === 'QLinearConv')).toBe(true)
  expect(await fidelity(pairs.model, operators.model, inputs)).toBeGreaterThan(40)
})

function attention(): Model {
  const net = new Net(2)
  const x = net.input('x', [null, 12, 32])
  const mask = net.input('mask', [null, 1, 12])
  const one = net.constant('one', Tensor.scalar('float32', 1))
  const low = net.constant('low', Tensor.scalar('float32', -10000))
  const penalty = net.op('Mul', [net.op('Sub', [one, mask]), low])
  const [q, k, v] = [net.dense(x, 32, 32), net.dense(x, 32, 32), net.dense(x, 32, 32)]
  const scores = net.op('MatMul', [q, net.op('Transpose', [k], { perm: { ints: [0, 2, 1] } })])
  const probabilities = net.op('Softmax', [net.op('Add', [scores, penalty])], { axis: { int: -1 } })
  net.output(net.dense(net.op('MatMul', [probabilities, v]), 32, 8), 3)
  return net.model
}

test.each([true, false])(
  'attention keeps its mask and scores in float (products as integers: %s)',
  async (products) => {
    const model = attention()
    const mask = float32(
      [16, 1, 12],
      Float32Array.from({ length: 192 }, (_, i) => (i % 12 < 8 ? 1 : 0)),
    )
    const inputs = { x: noise([16, 12, 32]), mask }
    const { model: candidate, summary } = await quantizeStatic.run(
      model,
      { ...off, attention: products },
      contextOf(model, inputs),
    )
    expect(await fidelity(model, candidate, inputs)).toBeGreaterThan(24)
    const producers = candidate.graph.producers()
    const softmax = candidate.graph.nodes.find((node) => node.is('Softmax'))!
    const sum = producers.get(softmax.inputs[0]!)!
    expect(sum.opType).toBe('Add')
    for (const input of sum.inputs) expect(producers.get(input)!.opType).not.toBe('DequantizeLinear')
    expect(summary).toContain('stay float')
  },
)

test('what looks like a mask on data is left in float wherever it comes from', async () => {
  const net = new Net(3)
  const x = net.input('x', [null, 16])
  net.output(net.gemm(net.gemm(x, 16, 16), 16, 4), 2)
  const values = noise([32, 16])
  const masked = {
    x: float32(
      [32, 16],
      (values.data as Float32Array).map((v, i) => (i % 3 ? v : -1e9)),
    ),
  }
  const { skipped } = await quantizeStatic.run(net.model, off, contextOf(net.model, masked))
  expect(skipped!.map(({ reason }) => reason).join()).toContain('mask')
})

test('costly layers go back to float until the limit holds, and the sentence says what they cost', async () => {
  const net = new Net(4)
  const x = net.input('x', [null, 16])
  const h = net.relu(net.gemm(x, 16, 32))
  // One channel a thousand times larger than the rest: a single range cannot serve both.
  const factors = new Float32Array(32).fill(1)
  factors[3] = 3000
  const uneven = net.op('Mul', [h, net.constant('factors', Tensor.float32([32], factors))])
  const back = net.constant(
    'w',
    Tensor.float32(
      [32, 8],
      Float32Array.from({ length: 256 }, (_, i) => (Math.floor(i / 8) === 3 ? 1e-4 : Math.sin(i))),
    ),
  )
  net.output(net.gemm(net.op('MatMul', [uneven, back]), 8, 4), 2)
  const inputs = { x: noise([64, 16]) }
  const full = await quantizeStatic.run(net.model, off, contextOf(net.model, inputs))
  expect(await fidelity(net.model, full.model, inputs)).toBeLessThan(15)
  const held = await quantizeStatic.run(
    net.model,
    { maxLoss: 1, calibration: 'min-max' },
    contextOf(net.model, inputs),
  )
  expect(held.summary).toMatch(
    /1 of 3 layers stay float: they cost \d+\.\d of the \d+\.\d(% of the outputs’ variance that are error| answers in 100 that change)/,
  )
  expect(await fidelity(net.model, held.model, inputs)).toBeGreaterThan(20)
  expect(held.layers!.filter(({ treatment }) => treatment === 'kept in float')).toHaveLength(1)
  const wide = await quantizeStatic.run(
    net.model,
    { maxLoss: 1, calibration: 'min-max', sensitive: 'int16' },
    contextOf(net.model, inputs),
  )
  expect(wide.summary).toContain('16-bit activations')
  expect(await fidelity(net.model, wide.model, inputs)).toBeGreaterThan(15)
})

test('tied weights are stored once', async () => {
  const net = new Net(5)
  const x = net.input('x', [null, 64])
  const w = net.weight([64, 64])
  const once = net.op('Gemm', [x, w], { transB: { int: 1 } })
  const twice = net.op('Gemm', [net.relu(once), w], { transB: { int: 1 } })
  net.output(twice, 2)
  const { model } = await quantizeStatic.run(net.model, off, contextOf(net.model, { x: noise([32, 64]) }))
  expect(
    [...model.graph.initializers.values()]
      .filter(({ dtype }) => dtype === 'int8')
      .filter(({ size }) => size === 4096),
  ).toHaveLength(1)
})

describe('machines whose int8 products saturate', () => {
  test('weights take seven bits there, and the summary says so', async () => {
    const model = convolutional()
    const inputs = { x: noise([8, 3, 16, 16]) }
    const context = contextOf(model, inputs, { target: findTarget('pc-no-vnni') })
    const { model: candidate, summary } = await quantizeStatic.run(model, off, context)
    expect(summary).toContain('7 of their 8 bits')
    for (const [name, tensor] of candidate.graph.initializers)
      if (name.endsWith('_int8'))
        for (const code of tensor.numbers()) expect(Math.abs(code)).toBeLessThanOrEqual(63)
  })
})

describe('difficult models', () => {
  const linear = (weight: Float32Array, bias?: Float32Array): Net => {
    const net = new Net(6)
    const x = net.input('x', [null, 8])
    const w = net.constant('w', Tensor.float32([4, 8], weight))
    const b = net.constant('b', Tensor.float32([4], bias ?? new Float32Array(4)))
    net.output(net.op('Gemm', [x, w, b], { transB: { int: 1 } }), 2)
    return net
  }
  const inputs = { x: noise([16, 8]) }
  const weight = (): Float32Array => noise([32], 9).data as Float32Array

  test('weights that are not numbers are named', async () => {
    const values = weight()
    values[5] = NaN
    const { model } = linear(values)
    await expect(quantizeStatic.run(model, off, contextOf(model, inputs))).rejects.toMatchObject({
      code: 'model/non-finite',
      data: { tensor: 'w_0' },
    })
  })

  test('an all-zero channel with a bias, and a bias far larger than its weights', async () => {
    const { model } = linear(
      weight().map((v, i) => (i < 8 ? 0 : i < 16 ? v * 1e-9 : v)),
      Float32Array.of(0.3, 900, -2, 0),
    )
    const { model: candidate } = await quantizeStatic.run(model, off, contextOf(model, inputs))
    const output = await outputOf(candidate, inputs)
    for (let r = 0; r < 16; r++) {
      expect(output[r * 4]).toBeCloseTo(0.3, 3)
      expect(output[r * 4 + 1]).toBeCloseTo(900, 1)
    }
  })

  test.each([0, 5, -3])('a constant activation of %d', async (value) => {
    const { model } = linear(weight())
    const constant = { x: float32([16, 8], new Float32Array(128).fill(value)) }
    const { model: candidate } = await quantizeStatic.run(model, off, contextOf(model, constant))
    const [a, b] = [await outputOf(model, constant), await outputOf(candidate, constant)]
    for (let i = 0; i < a.length; i++) expect(Math.abs(a[i]! - b[i]!)).toBeLessThan(0.3)
  })

  test('one calibration sample', async () => {
    const model = convolutional()
    const one = { x: noise([1, 3, 16, 16]) }
    const { model: candidate } = await quantizeStatic.run(model, {}, contextOf(model, one))
    expect(await fidelity(model, candidate, one)).toBeGreaterThan(20)
  })

  test('a model that takes batches of three only', async () => {
    const net = new Net(9)
    net.output(net.gemm(net.relu(net.gemm(net.input('x', [3, 8]), 8, 16)), 16, 4), 2)
    const fixed = { x: noise([20, 8]) }
    const { model: candidate, layers } = await quantizeStatic.run(net.model, {}, contextOf(net.model, fixed))
    expect(layers).toHaveLength(2)
    expect(await fidelity(net.model, candidate, { x: noise([3, 8]) })).toBeGreaterThan(25)
  })

  test('operator set 7', async () => {
    const net = new Net(7, 7)
    const x = net.input('x', [null, 3, 8, 8])
    const flat = net.op('Flatten', [net.relu(net.conv(x, 3, 8, 3))])
    net.output(net.gemm(flat, 512, 4), 2)
    const images = { x: noise([16, 3, 8, 8]) }
    const { model: candidate, summary } = await quantizeStatic.run(
      net.model,
      off,
      contextOf(net.model, images),
    )
    expect(await fidelity(net.model, candidate, images)).toBeGreaterThan(25)
    expect(summary).toContain('raised from operator set 7')
  })

  test('nothing to quantize is an error with its reason', async () => {
    const net = new Net(8)
    net.output(net.relu(net.input('x', [null, 4])), 2)
    const context = contextOf(net.model, { x: noise([4, 4]) })
    await expect(quantizeStatic.run(net.model, {}, context)).rejects.toMatchObject({
      code: 'model/nothing-to-do',
    })
  })
})

/** Best static figure of ONNX Runtime's own tools, and one validation sample. */
const PEERS = [
  ['lenet5', 'digits/npz', 0.996, 1 / 500],
  ['cnn1d_bn_legacy', 'bearing/npz', 0.925, 1 / 360],
  ['bert', 'text', 0.7404, 1 / 1040],
] as const

describe.skipIf(!hasReference)('against the reference figures', () => {
  test.each(PEERS)(
    '%s: within one sample of the best static figure, a quarter of the bytes',
    async (name, data, best, sample) => {
      const model = readModel(reference('models', `${name}.onnx`))
      const dataset = await openDataset(reference('data', data), model)
      const { model: candidate } = await quantizeStatic.run(
        model,
        { calibration: 'mse' },
        contextOf(model, undefined, { data: dataset }),
      )
      expect(await accuracy(candidate, dataset)).toBeGreaterThanOrEqual(best - sample - 1e-4)
      expect(encodedLength(candidate)).toBeLessThan(0.31 * encodedLength(model))
      await dataset.close()
    },
  )

  test('mlp: closer than the best of theirs', async () => {
    const model = readModel(reference('models', 'mlp.onnx'))
    const dataset = await openDataset(reference('data', 'control'), model)
    const { model: candidate } = await quantizeStatic.run(
      model,
      {},
      contextOf(model, undefined, { data: dataset }),
    )
    expect(await rSquared(candidate, dataset)).toBeGreaterThan(0.999)
    await dataset.close()
  })

  test.each(['cnn1d.static_minmax_pc', 'lenet5.static_minmax_pc'])(
    '%s is recognised as quantized',
    async (name) => {
      const model = readModel(reference('peer', `${name}.onnx`))
      const info = model.graph.requiredInputs[0]!
      const dims = info.dims!.map((dim) => (typeof dim === 'number' ? dim : 4))
      const context = contextOf(model, { [info.name]: noise(dims) })
      await expect(quantizeStatic.run(model, {}, context)).rejects.toMatchObject({
        code: 'model/nothing-to-do',
        data: { reason: 'its layers are quantized already' },
      })
    },
  )
})
