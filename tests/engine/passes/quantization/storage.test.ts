import { expect, test } from 'vitest'
import { encodedLength, readModel, type Model } from '../../../../src/engine/onnx'
import { adaround } from '../../../../src/engine/passes/adaround'
import { applyPacked } from '../../../../src/engine/passes/mixed-precision/apply'
import { LARGER_AS_CODES } from '../../../../src/engine/passes/quantization/widths'
import { quantizeAware } from '../../../../src/engine/passes/quantize-aware'
import { quantizeDynamic } from '../../../../src/engine/passes/quantize-dynamic'
import { quantizeStatic } from '../../../../src/engine/passes/quantize-static'
import { quantizeWeights } from '../../../../src/engine/passes/quantize-weights'
import { shareWeights } from '../../../../src/engine/passes/share-weights'
import {
  floatsOf,
  int64,
  withSession,
  type SessionOptions,
  type Values,
} from '../../../../src/engine/runtime'
import { dequantizeGroups, quantizeGroups } from '../../../../src/engine/math/quantize/grouped'
import { sqnr } from '../../../../src/engine/math/quantize/sqnr'
import { Net } from '../pruning/build'
import { contextOf, fidelity, gptLike, noise } from './support'
import { findTarget } from '../../../../src/engine/targets'

/** A convolution whose rows are ragged in blocks of 32, and matrices both ways round. */
function mixed(): { model: Model; inputs: Values } {
  const net = new Net(1)
  const x = net.input('x', [null, 6, 8, 8])
  const mapped = net.relu(net.conv(x, 6, 64, 3))
  const flat = net.op('Flatten', [net.op('GlobalAveragePool', [mapped])])
  const wide = net.op('MatMul', [net.gemm(flat, 64, 96), net.weight([96, 64])])
  net.output(net.op('Gemm', [wide, net.weight([64, 40])]), 2)
  return { model: net.model, inputs: { x: noise([16, 6, 8, 8]) } }
}

async function outputs(model: Model, inputs: Values, options: SessionOptions): Promise<Float32Array> {
  return withSession(model, options, async (session) =>
    floatsOf(Object.values(await session.run(inputs))[0]!),
  )
}

const EXACT: SessionOptions = { config: { qdq_matmulnbits_accuracy_level: '0' } }

test.each([
  [8, 32, false],
  [8, 0, true],
  [4, 32, false],
  [4, 32, true],
  [4, 0, false],
  [2, 32, false],
])(
  '%i bits in blocks of %i by DequantizeLinear hold what plain operators restore',
  async (bits, block, symmetric) => {
    const { model, inputs } = mixed()
    const how = { bits, block, symmetric, method: 'mse', maxLoss: 100 }
    const context = contextOf(model, inputs)
    const standard = await quantizeWeights.run(model, { ...how, storage: 'dequantize-linear' }, context)
    const plain = await quantizeWeights.run(model, { ...how, storage: 'plain' }, context)
    expect(standard.model.graph.nodes.filter((node) => node.is('DequantizeLinear'))).toHaveLength(4)
    expect(standard.model.graph.nodes.every((node) => node.domain === '')).toBe(true)
    expect(standard.model.opset).toBe(bits === 2 ? 25 : bits === 4 || block > 0 ? 21 : 18)
    const [a, b] = [await outputs(plain.model, inputs, {}), await outputs(standard.model, inputs, EXACT)]
    expect(sqnr(a, b)).toBeGreaterThan(100)
  },
)

/** Operators once ONNX Runtime has fused what it fuses by default. */
async function fused(model: Model): Promise<(string | number | undefined)[][]> {
  const file = `${contextOf(model).scratch}/fused.onnx`
  await withSession(model, { optimization: 'extended', optimizedModelPath: file }, async () => undefined)
  return readModel(file).graph.nodes.map((node) => [node.opType, node.int('accuracy_level')])
}

test('what plain ONNX Runtime makes of DequantizeLinear is what is measured: int8 arithmetic', async () => {
  const net = new Net(2)
  net.output(net.op('MatMul', [net.input('x', [null, 256]), net.weight([256, 128])]), 2)
  const inputs = { x: noise([32, 256]) }
  const context = contextOf(net.model, inputs)
  const how = { storage: 'dequantize-linear', maxLoss: 100 }
  const { model, summary } = await quantizeWeights.run(net.model, how, context)
  expect(summary).toContain('activations rounded to int8')
  expect(await fused(model)).toEqual([['MatMulNBits', 4]])
  const exact = await outputs(model, inputs, EXACT)
  const byDefault = sqnr(exact, await outputs(model, inputs, {}))
  expect(byDefault).toBeGreaterThan(30)
  expect(byDefault).toBeLessThan(60)
  const { model: packed } = await quantizeWeights.run(
    net.model,
    { storage: 'matmulnbits', maxLoss: 100 },
    context,
  )
  expect(sqnr(exact, await outputs(packed, inputs, {}))).toBeGreaterThan(100)
})

test('a large matrix takes a seventh of its bytes, scales and zero points included', async () => {
  const net = new Net(3)
  net.output(net.op('MatMul', [net.input('x', [null, 1024]), net.weight([1024, 512])]), 2)
  const how = { method: 'rtn', storage: 'dequantize-linear' }
  const { model, layers } = await quantizeWeights.run(net.model, how, contextOf(net.model))
  expect(encodedLength(net.model) / encodedLength(model)).toBeGreaterThan(6.95)
  expect(layers![0]!.bytesAfter! / encodedLength(model)).toBeGreaterThan(0.99)
})

test('a table and the layer tied to it stay one; an old model is lifted', async () => {
  const net = new Net(4, 11)
  const table = net.weight([256, 64], 'table', 1)
  const looked = net.op('Gather', [table, net.input('ids', [null, 6], 'int64')])
  const pooled = net.op('ReduceMean', [looked], { keepdims: { int: 0 }, axes: { ints: [1] } })
  const mixed = net.op('MatMul', [pooled, net.weight([64, 64])])
  net.output(net.op('Gemm', [mixed, table], { transB: { int: 1 } }), 2)
  const how = { method: 'mse', storage: 'dequantize-linear' }
  const { model } = await quantizeWeights.run(net.model, how, contextOf(net.model))
  expect(model.opset).toBe(21)
  expect(model.graph.nodes.filter((node) => node.is('DequantizeLinear'))).toHaveLength(1)
  expect(encodedLength(model)).toBeLessThan((256 * 64 + 64 * 64) / 2 + 8000)
  const ids = {
    ids: int64(
      [4, 6],
      Array.from({ length: 24 }, (_, i) => (i * 53) % 256),
    ),
  }
  expect(await fidelity(net.model, model, ids)).toBeGreaterThan(14)
})

test.each([
  ['any', 3],
  ['android-cpu', 3],
  ['raspberry-pi', 3],
  ['pc-no-vnni', 3],
  ['ios', 0],
  ['android-npu', 0],
  ['c', 0],
  ['cortex-m0plus', 0],
  ['cortex-m4f', 0],
  ['cortex-m7', 0],
  ['esp32-s3', 0],
  ['esp32-c3', 0],
] as const)('"auto" for %s: %i products packed', async (target, count) => {
  const { model, inputs } = mixed()
  const { model: candidate } = await quantizeWeights.run(
    model,
    { method: 'rtn', maxLoss: 100 },
    contextOf(model, inputs, { target: findTarget(target) }),
  )
  expect(candidate.graph.nodes.filter((node) => node.opType === 'MatMulNBits')).toHaveLength(count)
})

test.each(['rtn', 'gptq', 'nf4', 'kmeans'])(
  'a head tied to an embedding through Transpose shares its %s codes',
  async (method) => {
    const { model, inputs } = gptLike()
    const context = contextOf(model, inputs)
    const { model: small, layers } = await quantizeWeights.run(model, { method, maxLoss: 100 }, context)
    expect(layers).toHaveLength(3)
    expect(layers!.filter(({ treatment }) => treatment.includes('shared with a tied layer'))).toHaveLength(1)
    // Half a byte a weight of both matrices and their scales; the float table alone is 102 kB.
    expect(encodedLength(small)).toBeLessThan((400 * 64 + 64 * 64) / 2 + 9000)
    expect(await fidelity(model, small, inputs)).toBeGreaterThan(12)
  },
)

test.each([
  ['quantize-static', quantizeStatic, { maxLoss: 100 }],
  ['quantize-static, adaptive rounding', quantizeStatic, { maxLoss: 100, rounding: 'adaptive' }],
  ['quantize-dynamic', quantizeDynamic, {}],
] as const)('%s stores a head tied through Transpose with its embedding', async (_, pass, how) => {
  const { model, inputs } = gptLike()
  const { model: small, layers } = await pass.run(model, how, contextOf(model, inputs))
  expect(layers).toHaveLength(3)
  expect(encodedLength(small)).toBeLessThan(400 * 64 + 64 * 64 + 9000)
  expect(await fidelity(model, small, inputs)).toBeGreaterThan(25)
})

test.each([
  ['quantize-aware', quantizeAware],
  ['adaround', adaround],
])('%s trains a head tied through Transpose as one with its embedding', async (_, pass) => {
  const { model, inputs } = gptLike()
  const how = { bits: 4, epochs: 1, leastWeights: 0 }
  const { model: small, layers } = await pass.run(model, how, contextOf(model, inputs))
  expect(layers!.map(({ op }) => op).sort()).toEqual(['Gather', 'MatMul', 'MatMul'])
  expect(layers!.filter(({ treatment }) => treatment.includes('shared with a tied layer'))).toHaveLength(1)
  expect(encodedLength(small)).toBeLessThan((400 * 64 + 64 * 64) / 2 + 9000)
  expect(await fidelity(model, small, inputs)).toBeGreaterThan(12)
})

test('a head tied through Transpose keeps the shared values of its table, and mixed precision its bits', async () => {
  const { model, inputs } = gptLike()
  const { model: shared, layers } = await shareWeights.run(model, { bits: 4 }, contextOf(model, inputs))
  expect(layers).toHaveLength(2)
  expect(shared.graph.nodes.filter((node) => node.is('Transpose'))).toHaveLength(1)
  const [gather, product] = model.graph.nodes.filter((node) => node.is('Gather', 'MatMul'))
  const bitsOf = new Map([
    [gather!.outputs[0]!, 4],
    [product!.outputs[0]!, 8],
  ])
  const mixed = await applyPacked(model, bitsOf, 'rtn', contextOf(model, inputs))
  expect(encodedLength(mixed.model)).toBeLessThan((400 * 64) / 2 + 64 * 64 + 9000)
})

test('bits that win nothing for the layers they were chosen for leave those as they are, and the others get theirs', async () => {
  const net = new Net(7)
  const large = net.op('MatMul', [net.input('x', [null, 64]), net.weight([64, 32])])
  const tiny = net.op('MatMul', [large, net.weight([32, 1])])
  const model = net.output(tiny, 2).done()
  const context = contextOf(model)
  const { layers, skipped } = await applyPacked(
    model,
    new Map([
      [large, 4],
      [tiny, 8],
    ]),
    'rtn',
    context,
  )
  expect(layers.map(({ layer }) => layer)).toEqual([large])
  expect(skipped).toEqual([{ layer: tiny, reason: LARGER_AS_CODES }])
  await expect(applyPacked(model, new Map([[tiny, 8]]), 'rtn', context)).rejects.toMatchObject({
    data: { code: 'model/nothing-to-do', reason: `${tiny}: ${LARGER_AS_CODES}` },
  })
})

test('HQQ is not least squares: its errors are smaller as it measures them', async () => {
  const values = noise([64, 256], 11).data as Float32Array
  const shape = { rows: 64, cols: 256, block: 64, bits: 3 }
  const powerOf = (method: 'hqq' | 'mse'): number => {
    const options = { method, symmetric: false, halfScales: true }
    const restored = dequantizeGroups(quantizeGroups(values, shape, options))
    return values.reduce((sum, x, i) => sum + Math.abs(x - restored[i]!) ** 0.7, 0)
  }
  expect(powerOf('hqq') / powerOf('mse')).toBeLessThan(0.98)
})
