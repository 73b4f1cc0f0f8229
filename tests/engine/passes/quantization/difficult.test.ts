/** Models and data that break quantizers, through every pass that makes integers. */
import { describe, expect, test } from 'vitest'
import { Tensor, type Model } from '../../../../src/engine/onnx'
import { quantizeDynamic } from '../../../../src/engine/passes/quantize-dynamic'
import { quantizeStatic } from '../../../../src/engine/passes/quantize-static'
import { quantizeWeights } from '../../../../src/engine/passes/quantize-weights'
import type { Pass } from '../../../../src/engine/passes/pass'
import { float32, type Values } from '../../../../src/engine/runtime'
import { Net } from '../pruning/build'
import { contextOf, fidelity, noise, outputOf } from './support'

const eight = { bits: 8, maxLoss: 100 }
const PASSES: [name: string, pass: Pass, params: object][] = [
  ['static', quantizeStatic, { maxLoss: 100 }],
  ['dynamic', quantizeDynamic, { leastWeights: 0 }],
  ['weights, gptq', quantizeWeights, eight],
  ['weights, awq', quantizeWeights, { ...eight, method: 'awq' }],
  ['weights, hqq', quantizeWeights, { ...eight, method: 'hqq' }],
  ['weights, kmeans', quantizeWeights, { ...eight, method: 'kmeans' }],
  ['weights, standard form', quantizeWeights, { ...eight, method: 'mse', storage: 'dequantize-linear' }],
]

/** Two layers of 32 by 32 with biases; `edit` changes the first one's weight. */
function twoLayers(edit: (w: Float32Array) => void = () => undefined): { model: Model; weight: string } {
  const net = new Net(1)
  const values = (noise([32, 32], 9, 0.2).data as Float32Array).slice()
  edit(values)
  const w = net.constant('w', Tensor.float32([32, 32], values))
  const bias = net.constant('b', Tensor.float32([32], new Float32Array(32).fill(0.3)))
  const hidden = net.relu(net.op('Gemm', [net.input('x', [null, 32]), w, bias], { transB: { int: 1 } }))
  net.output(net.op('MatMul', [hidden, net.weight([32, 8])]), 2)
  return { model: net.model, weight: w }
}

const plain: Values = { x: noise([48, 32]) }

describe.each(PASSES)('%s', (_, pass, params) => {
  const made = async (model: Model, inputs: Values): Promise<Model> =>
    (await pass.run(model, params, contextOf(model, inputs))).model

  test.each([NaN, Infinity])('a weight that is %d is named', async (value) => {
    const { model, weight } = twoLayers((w) => (w[40] = value))
    await expect(made(model, plain)).rejects.toMatchObject({
      code: 'model/non-finite',
      data: { tensor: weight },
    })
  })

  test('an all-zero channel', async () => {
    const { model } = twoLayers((w) => w.fill(0, 64, 96))
    expect(await fidelity(model, await made(model, plain), plain)).toBeGreaterThan(28)
  })

  test('weights that are all zero', async () => {
    const { model } = twoLayers((w) => w.fill(0))
    expect(await fidelity(model, await made(model, plain), plain)).toBeGreaterThan(28)
  })

  test.each([0, 5, -3])('a constant activation of %d', async (value) => {
    const { model } = twoLayers()
    const constant = { x: float32([16, 32], new Float32Array(512).fill(value)) }
    const [a, b] = [await outputOf(model, constant), await outputOf(await made(model, constant), constant)]
    const largest = a.reduce((most, v) => Math.max(most, Math.abs(v)), 0)
    for (let i = 0; i < a.length; i++) expect(Math.abs(a[i]! - b[i]!)).toBeLessThan(0.06 * largest)
  })

  test('one calibration sample', async () => {
    const { model } = twoLayers()
    const one = { x: noise([1, 32], 3) }
    expect(await fidelity(model, await made(model, one), one)).toBeGreaterThan(25)
  })

  test('lengths and sides that change from call to call', async () => {
    const net = new Net(2)
    const x = net.input('x', [null, 3, null, null])
    const mapped = net.relu(net.conv(net.relu(net.conv(x, 3, 12, 3)), 12, 12, 3))
    const rows = net.op('Transpose', [net.op('Flatten', [mapped], { axis: { int: 2 } })], {
      perm: { ints: [1, 0] },
    })
    const mixed = net.op('MatMul', [net.op('GlobalAveragePool', [mapped]), net.weight([1, 16])])
    net.output(net.op('Add', [mixed, net.op('ReduceMean', [rows], { keepdims: { int: 1 } })]), 4)
    const calibration = { x: noise([8, 3, 10, 14]) }
    const candidate = await made(net.model, calibration)
    for (const [h, w] of [
      [10, 14],
      [7, 21],
    ]) {
      const other = { x: noise([3, 3, h!, w!], 4) }
      expect(await fidelity(net.model, candidate, other)).toBeGreaterThan(22)
    }
  })

  test('operator set 7', async () => {
    const net = new Net(3, 7)
    const mapped = net.relu(net.conv(net.input('x', [null, 3, 8, 8]), 3, 8, 3))
    net.output(net.gemm(net.op('Flatten', [mapped]), 512, 4), 2)
    const images = { x: noise([16, 3, 8, 8]) }
    expect(await fidelity(net.model, await made(net.model, images), images)).toBeGreaterThan(25)
  })

  test('factors of Gemm', async () => {
    const net = new Net(4)
    const gemm = (x: string, alpha: number, beta: number): string =>
      net.op('Gemm', [x, net.weight([32, 32]), net.weight([32], 'b')], {
        alpha: { float: alpha },
        beta: { float: beta },
        transB: { int: 1 },
      })
    net.output(gemm(net.relu(gemm(net.input('x', [null, 32]), 0.5, 2)), -3, 0.25), 2)
    const { model, skipped } = await pass.run(net.model, params, contextOf(net.model, plain))
    expect(skipped).toEqual([])
    expect(await fidelity(net.model, model, plain)).toBeGreaterThan(25)
  })

  test('transposed convolutions, in groups too', async () => {
    const net = new Net(5)
    const up = (x: string, from: number, to: number, group: number): string =>
      net.op('ConvTranspose', [x, net.weight([from, to / group, 2, 2])], {
        strides: { ints: [2, 2] },
        group: { int: group },
      })
    const mapped = net.relu(net.conv(net.input('x', [null, 4, 6, 6]), 4, 16, 3))
    net.output(up(net.relu(up(mapped, 16, 16, 2)), 16, 12, 1), 4)
    const images = { x: noise([16, 4, 6, 6]) }
    const { model, layers } = await pass.run(net.model, params, contextOf(net.model, images))
    expect(layers).toHaveLength(3)
    expect(await fidelity(net.model, model, images)).toBeGreaterThan(25)
  })
})

test('recurrent layers are stored as int8, and what stays float is named with the reason', async () => {
  const net = new Net(6)
  const sequence = net.input('x', [5, null, 16])
  const [, last] = net.ops(
    'LSTM',
    [sequence, net.weight([1, 64, 16]), net.weight([1, 64, 16])],
    { hidden_size: { int: 16 } },
    2,
  ) as [string, string]
  const mixed = net.op('Einsum', [last, net.weight([16, 16])], { equation: 'dnh,hk->dnk' })
  net.output(net.op('MatMul', [mixed, net.weight([16, 8])]), 3)
  const { model, layers, skipped, summary } = await quantizeStatic.run(
    net.model,
    { maxLoss: 100 },
    contextOf(net.model, { x: noise([3, 5, 16]) }),
  )
  expect(skipped!.map(({ reason }) => reason)).toEqual([
    'Einsum: its 256 weights are not compressed by this step',
  ])
  expect(layers!.filter(({ op }) => op === 'LSTM').map(({ treatment }) => treatment)).toEqual([
    'int8 weights, float arithmetic',
    'int8 weights, float arithmetic',
  ])
  expect(summary).toContain('1 layer is stored as int8 and computed in float')
  expect(await fidelity(net.model, model, { x: noise([5, 3, 16]) })).toBeGreaterThan(18)
})

test('samples to which the model answers NaN or infinities are left out and counted, and no layer for their sake', async () => {
  const net = new Net(8)
  const x = net.input('x', [null, 8])
  const hidden = net.relu(net.gemm(x, 8, 16))
  const by = net.op('Slice', [x, net.ints([0]), net.ints([1]), net.ints([1])])
  net.output(net.gemm(net.op('Div', [hidden, net.op('Abs', [by])]), 16, 4), 2)
  const values = (noise([40, 8], 3).data as Float32Array).map((v, i) => (i % 8 === 0 ? 1 + v * v : v))
  for (const row of [3, 20]) values[row * 8] = 0
  const inputs = { x: float32([40, 8], values) }
  const context = contextOf(net.model, inputs)
  const { summary, skipped, model } = await quantizeStatic.run(net.model, { maxLoss: 100 }, context)
  expect(summary).toContain('2 of 2 layers run on int8')
  expect(summary).toContain('2 calibration samples are left out, to which the original itself answers NaN')
  expect(skipped).toEqual([])
  const sound = { x: float32([3, 8], values.slice(0, 24)) }
  expect(await fidelity(net.model, model, sound)).toBeGreaterThan(25)
})
