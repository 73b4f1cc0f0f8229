import { expect, test } from 'vitest'
import { encodedLength, type Model } from '../../../src/engine/onnx'
import { inspectModel } from '../../../src/engine/layers/costs/inspect'
import { modelCosts, nonzeroParameters } from '../../../src/engine/layers/costs/costs'
import { floatsOf, withSession } from '../../../src/engine/runtime'
import { sqnr } from '../../../src/engine/math/quantize/sqnr'
import { float16 } from '../../../src/engine/passes/float16'
import { quantizeDynamic } from '../../../src/engine/passes/quantize-dynamic'
import { quantizeStatic } from '../../../src/engine/passes/quantize-static'
import { quantizeWeights } from '../../../src/engine/passes/quantize-weights'
import { shareWeights } from '../../../src/engine/passes/share-weights'
import { pruneWeights } from '../../../src/engine/passes/prune-weights'
import { lowRankPass } from '../../../src/engine/passes/low-rank'
import type { Pass } from '../../../src/engine/passes/pass'
import { contextOf, noise } from '../passes/quantization/support'
import { CLASSES, HIDDEN, ifModel, loopModel, WIDTH } from './bodies'

const BRANCH = WIDTH * HIDDEN + HIDDEN * CLASSES

const MODELS: [string, () => Model, number][] = [
  ['If whose branches share weights', () => ifModel('shared'), BRANCH],
  ['If whose branches share weights, read by Gemm', () => ifModel('shared', { gemm: true }), BRANCH],
  ['If whose branches have their own', () => ifModel('own'), 2 * BRANCH],
  ['Loop', loopModel, WIDTH * WIDTH],
]

async function outputs(model: Model): Promise<Float32Array> {
  const x = noise([4, WIDTH])
  return withSession(model, {}, async (session) => {
    const all: number[] = []
    for (const use of model.graph.inputs.length > 1 ? [1, 0] : [1]) {
      const feeds = { x, use: { dtype: 'bool' as const, dims: [], data: Uint8Array.of(use) } }
      const { [model.graph.outputs[0]!.name]: out } = await session.run(
        model.graph.inputs.length > 1 ? feeds : { x },
      )
      all.push(...floatsOf(out!))
    }
    return Float32Array.from(all)
  })
}

test.each(MODELS)('%s: weights are counted, work is unknown', async (_, make, parameters) => {
  const inspection = await inspectModel(make())
  expect(inspection.parameters).toBe(parameters)
  expect(inspection.macs).toBeNull()
  expect(inspection.layers.find(({ op }) => op === 'If' || op === 'Loop')).toMatchObject({
    parameters,
    bytes: 4 * parameters,
    macs: null,
  })
  expect(await nonzeroParameters(make())).toBe(parameters)
})

test('what could not be run has no multiply-adds to tell', async () => {
  const { macs, parameters } = await modelCosts(loopModel(), new Map())
  expect([macs, parameters]).toEqual([null, WIDTH * WIDTH])
})

const METHODS = ['magnitude', 'wanda', 'sparsegpt'] as const

const PASSES: [string, Pass, Record<string, unknown>, number, number][] = [
  ['quantize-dynamic', quantizeDynamic, {}, 1, 30],
  ['quantize-weights, 8 bits', quantizeWeights, { bits: 8, method: 'rtn' }, 1, 30],
  ['quantize-weights, 4 bits', quantizeWeights, { bits: 4, method: 'gptq' }, 0.6, 15],
  ['quantize-weights, packed in memory', quantizeWeights, { bits: 4, storage: 'matmulnbits' }, 0.6, 15],
  [
    'quantize-weights, DequantizeLinear',
    quantizeWeights,
    { bits: 8, method: 'rtn', storage: 'dequantize-linear' },
    1,
    30,
  ],
]

for (const [name, make, parameters] of MODELS)
  test.each(PASSES)(`${name}: %s stores its weights once`, async (_, pass, params, bytes, decibel) => {
    const original = make()
    const { model, layers, skipped } = await pass.run(original, params, contextOf(original))
    expect(skipped).toEqual([])
    expect(layers!.length).toBeGreaterThan(0)
    expect(new Set(layers!.map(({ layer }) => layer)).size).toBe(layers!.length)
    expect(encodedLength(model)).toBeLessThan(bytes * parameters + 0.25 * 4 * parameters + 4000)
    expect(sqnr(await outputs(original), await outputs(model))).toBeGreaterThan(decibel)
  })

test('static quantization stores them as int8 too', async () => {
  const original = loopModel()
  const { model, layers, summary } = await quantizeStatic.run(
    original,
    { maxLoss: 100 },
    contextOf(original, { x: noise([16, WIDTH]) }),
  )
  expect(layers).toHaveLength(1)
  expect(summary).toMatch(/^1 layer within If, Loop or Scan stored as int8/)
  expect(sqnr(await outputs(original), await outputs(model))).toBeGreaterThan(30)
})

test.each([
  ['branches of their own', () => ifModel('own')],
  ['branches that share them', () => ifModel('shared')],
  ['a loop', () => loopModel()],
] as const)('half precision stores those of %s', async (_, build) => {
  const original = build()
  const { model, summary } = await float16.run(original, {}, contextOf(original))
  expect(summary).toMatch(/within If, Loop or Scan stored so and computed in float32/)
  expect(
    [...model.constants()].filter(({ tensor }) => tensor.dtype === 'float32' && tensor.size > 64),
  ).toEqual([])
  expect(sqnr(await outputs(original), await outputs(model))).toBeGreaterThan(50)
})

test('shared values reach them, and what does not go there says so', async () => {
  const original = ifModel('own')
  const { model, layers } = await shareWeights.run(original, { bits: 6 }, contextOf(original))
  expect(layers).toHaveLength(4)
  expect(sqnr(await outputs(original), await outputs(model))).toBeGreaterThan(20)
  const reason = /MatMul within If: its 2,048 weights are not compressed by this step/
  await expect(
    lowRankPass.run(original, { whiten: false, refit: false }, contextOf(original)),
  ).rejects.toMatchObject({ data: { reason: expect.stringMatching(reason) as string } })
})

test.each(
  MODELS.flatMap((one) => (one[0] === 'Loop' ? METHODS : ['magnitude']).map((how) => [...one, how] as const)),
)('%s: half of its weights are zeros', async (_, make, parameters, method) => {
  const original = make()
  const data = method === 'magnitude' ? undefined : { x: noise([16, WIDTH]) }
  const { model, layers, skipped } = await pruneWeights.run(
    original,
    { sparsity: 0.5, method },
    contextOf(original, data),
  )
  expect(skipped).toEqual([])
  expect(layers).toHaveLength(parameters === 2 * BRANCH ? 4 : parameters === BRANCH ? 2 : 1)
  // Branches that share a weight still do: it is stored once, and both answer with it.
  expect(await nonzeroParameters(model)).toBe(parameters / 2)
  const found = sqnr(await outputs(original), await outputs(model))
  expect(found).toBeGreaterThan(3)
  expect(found).toBeLessThan(30)
})

test('zeros found by what the answers bear, in bodies too', async () => {
  const original = loopModel()
  const context = contextOf(original, { x: noise([16, WIDTH]) })
  const { model, summary } = await pruneWeights.run(original, { maxLoss: 5 }, context)
  expect(summary).toMatch(/That is what it bears within 5 points/)
  expect(await nonzeroParameters(model)).toBeLessThan(WIDTH * WIDTH)
  expect(sqnr(await outputs(original), await outputs(model))).toBeGreaterThan(10)
})

test('half precision in a body is half precision again behind the zeros', async () => {
  const half = (await float16.run(ifModel('own'), {}, contextOf(ifModel('own')))).model
  const { model } = await pruneWeights.run(half, { sparsity: 0.5 }, contextOf(half))
  expect(await nonzeroParameters(model)).toBe(BRANCH)
  expect(encodedLength(model)).toBeLessThan(1.1 * encodedLength(half))
})
