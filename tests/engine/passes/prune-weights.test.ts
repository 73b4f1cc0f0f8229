import { describe, expect, test } from 'vitest'
import { evaluationBatches } from '../../../src/engine/data/feeds'
import { divergences } from '../../../src/engine/evaluate/comparison/divergence'
import type { Model } from '../../../src/engine/onnx'
import type { PassResult } from '../../../src/engine/passes/pass'
import { pruneWeights } from '../../../src/engine/passes/prune-weights'
import { spend } from '../../../src/engine/passes/pruning/allocate'
import { maskedNames } from '../../../src/engine/training/constraints'
import { randomFeeds } from '../../../src/engine/runtime'
import { loopModel } from '../layers/bodies'
import { Net } from './pruning/build'
import { outputsOf } from './pruning/check'
import { contextFor } from './pruning/context'

function convNet(): Model {
  const net = new Net(5)
  const x = net.cbr(net.input('x', ['batch', 3, 12, 12]), 3, 16, 3)
  const y = net.cbr(net.cbr(x, 16, 16, 3, { group: 16 }), 16, 32, 3)
  const flat = net.op('Flatten', [net.op('GlobalAveragePool', [y])])
  return net.output(net.gemm(net.relu(net.gemm(flat, 32, 64)), 64, 10), 2).done()
}

async function error(a: Model, b: Model): Promise<number> {
  const feeds = randomFeeds(a, { batch: 32, seed: 5, side: 12 })
  const [x, y] = [Object.values(await outputsOf(a, feeds))[0]!, Object.values(await outputsOf(b, feeds))[0]!]
  return x.data.reduce((sum, value, i) => sum + (value - y.data[i]!) ** 2, 0)
}

const zeroShare = (model: Model, name: string): number => {
  const values = model.graph.initializers.get(name)!.floats()
  return values.filter((value) => value === 0).length / values.length
}

test.each(['magnitude', 'wanda', 'sparsegpt'])(
  'exact zeros, listed for training to keep: %s',
  async (method) => {
    const model = convNet()
    const {
      model: sparse,
      summary,
      skipped,
    } = await pruneWeights.run(model, { method, sparsity: 0.6 }, contextFor(model, 64))
    const names = maskedNames(sparse)
    expect(names).toHaveLength(4)
    for (const name of names) expect(zeroShare(sparse, name)).toBeCloseTo(0.6, 1)
    expect(summary).toMatch(/(59|60)(\.\d)?% of the weights in 4 layers are zero.*runs no faster/)
    expect(skipped!.some(({ reason }) => /depthwise/.test(reason))).toBe(true)
  },
)

test('where inputs are related, sparsegpt errs less than wanda and magnitude', async () => {
  const net = new Net(7)
  // 12 numbers spread over 64: each input can be made up for by others.
  const spread = net.op('Tanh', [
    net.op('MatMul', [net.input('x', ['batch', 12]), net.weight([12, 64], 'spread', 0.3)]),
  ])
  const model = net.output(net.gemm(spread, 64, 40), 2).done()
  const at = async (method: string): Promise<number> =>
    error(model, (await pruneWeights.run(model, { method, sparsity: 0.6 }, contextFor(model))).model)
  const gpt = await at('sparsegpt')
  expect(gpt).toBeLessThan(0.7 * (await at('wanda')))
  expect(gpt).toBeLessThan(0.7 * (await at('magnitude')))
})

test.each(['magnitude', 'sparsegpt'])('2:4 along channels at every tap of a kernel: %s', async (method) => {
  const model = convNet()
  const { model: sparse } = await pruneWeights.run(model, { method, pattern: '2:4' }, contextFor(model, 64))
  const kernel = [...sparse.graph.initializers].find(([, { dims }]) => dims.join() === '32,16,3,3')!
  const values = kernel[1].floats()
  for (let filter = 0; filter < 32; filter++)
    for (let tap = 0; tap < 9; tap++)
      for (let channel = 0; channel < 16; channel += 4) {
        const four = [0, 1, 2, 3].map((i) => values[(filter * 16 + channel + i) * 9 + tap]!)
        expect(four.filter((value) => value === 0)).toHaveLength(2)
      }
})

test('blocks go whole', async () => {
  const model = convNet()
  const { model: sparse } = await pruneWeights.run(
    model,
    { pattern: 'blocks', blockShape: '4x8', sparsity: 0.5 },
    contextFor(model, 16),
  )
  const [, dense] = [...sparse.graph.initializers].find(([, { dims }]) => dims.join() === '64,32')!
  const values = dense.floats()
  for (let r = 0; r < 64; r += 4)
    for (let c = 0; c < 32; c += 8) {
      const block = Array.from({ length: 32 }, (_, i) => values[(r + (i >> 3)) * 32 + c + (i & 7)]!)
      expect([0, 32]).toContain(block.filter((value) => value === 0).length)
    }
})

test('one threshold, or the smallest of the whole model', async () => {
  const model = convNet()
  const { model: cut } = await pruneWeights.run(model, { threshold: 0.05 }, contextFor(model, 16))
  for (const name of maskedNames(cut)) {
    const [before, after] = [
      model.graph.initializers.get(name)!.floats(),
      cut.graph.initializers.get(name)!.floats(),
    ]
    before.forEach((value, i) => expect(after[i]).toBe(Math.abs(value) <= 0.05 ? 0 : value))
  }
  const { model: global } = await pruneWeights.run(
    model,
    { allocation: 'global', sparsity: 0.5 },
    contextFor(model, 16),
  )
  const names = maskedNames(global)
  const sizes = names.map((name) => global.graph.initializers.get(name)!.size)
  const zeros = names.map((name) => zeroShare(global, name))
  expect(
    zeros.reduce((sum, share, i) => sum + share * sizes[i]!, 0) / sizes.reduce((a, b) => a + b),
  ).toBeCloseTo(0.5, 3)
  expect(Math.max(...zeros) - Math.min(...zeros)).toBeGreaterThan(0.02)
})

test('zeros go where they were measured to cost least', async () => {
  // Levels are 0, 0.3, 0.5 …: the first layer bears everything, the second nothing.
  const costs = [Array.from({ length: 10 }, () => 0), [0, ...Array.from({ length: 9 }, (_, i) => 1 + i)]]
  const shares = spend(
    [
      { output: 'a', size: 100 },
      { output: 'b', size: 100 },
    ],
    costs,
    0.45,
  )
  expect(shares.get('a')).toBeCloseTo(0.9, 6)
  expect(shares.get('b')).toBe(0)
  const model = convNet()
  const { model: sparse } = await pruneWeights.run(
    model,
    { allocation: 'sensitivity', sparsity: 0.6 },
    contextFor(model, 64),
  )
  const even = await pruneWeights.run(model, { sparsity: 0.6 }, contextFor(model, 64))
  expect(await error(model, sparse)).toBeLessThan(await error(model, even.model))
})

test('a schedule ends at the share asked for', async () => {
  const model = convNet()
  const { model: sparse } = await pruneWeights.run(
    model,
    { method: 'sparsegpt', sparsity: 0.7, steps: 3 },
    contextFor(model, 64),
  )
  for (const name of maskedNames(sparse)) expect(zeroShare(sparse, name)).toBeCloseTo(0.7, 1)
})

test('what does not go together is said before anything runs', () => {
  const model = convNet()
  expect(() => pruneWeights.check(model, { method: 'wanda', allocation: 'global' })).toThrow(/allocation/)
  expect(() => pruneWeights.check(model, { method: 'sparsegpt', pattern: 'blocks' })).toThrow(/pattern/)
  expect(() => pruneWeights.check(model, { threshold: 1, pattern: '2:4' })).toThrow(/threshold/)
  const net = new Net(6)
  const tiny = net.output(net.gemm(net.input('x', ['batch', 4]), 4, 3), 2).done()
  expect(() => pruneWeights.check(tiny, {})).toThrow(/nothing-to-do/)
})

const steps = (net: Net): string =>
  net.op('Transpose', [net.input('x', ['batch', 5, 6])], { perm: { ints: [1, 0, 2] } })

/** Layers that no least squares can be solved for, each with something plain around it. */
const UNUSUAL: Record<string, (net: Net) => [value: string, rank: number]> = {
  LSTM: (net) => {
    const x = steps(net)
    const [, h] = net.ops(
      'LSTM',
      [x, net.weight([1, 32, 6]), net.weight([1, 32, 8])],
      { hidden_size: { int: 8 } },
      2,
    )
    return [h!, 3]
  },
  GRU: (net) => {
    const x = steps(net)
    const weights = [net.weight([2, 24, 6]), net.weight([2, 24, 8])]
    const [y] = net.ops('GRU', [x, ...weights], { hidden_size: { int: 8 }, direction: 'bidirectional' })
    return [y!, 4]
  },
  ConvTranspose: (net) => [
    net.op('ConvTranspose', [net.input('x', ['batch', 4, 6, 6]), net.weight([4, 6, 3, 3])]),
    4,
  ],
  'Gemm with a factor': (net) => [
    net.op('Gemm', [net.input('x', ['batch', 12]), net.weight([12, 9])], { alpha: { float: 0.5 } }),
    2,
  ],
}

test.each(Object.keys(UNUSUAL))('zeros in %s, by whatever method', async (kind) => {
  const net = new Net(8)
  const model = net.output(...UNUSUAL[kind]!(net)).done()
  for (const method of ['magnitude', 'wanda', 'sparsegpt']) {
    const {
      model: sparse,
      layers,
      summary,
    } = await pruneWeights.run(model, { method, sparsity: 0.5, steps: 2 }, contextFor(model, 32))
    // What asked for data and went without is told so.
    const bySize = layers!.filter(({ reason }) => reason?.startsWith('by size alone: '))
    expect(bySize).toHaveLength(method === 'magnitude' ? 0 : layers!.length)
    expect(/the smallest went/.test(summary)).toBe(method !== 'magnitude')
    for (const name of model.graph.initializers.keys()) expect(zeroShare(sparse, name)).toBeCloseTo(0.5, 2)
    expect(Number.isFinite(await error(model, sparse))).toBe(true)
  }
})

test('within a loop the smallest go whatever the method, which is told', async () => {
  const model = loopModel()
  const run = { method: 'wanda', sparsity: 0.5 }
  const { layers, summary } = await pruneWeights.run(model, run, contextFor(model, 32))
  expect(layers!.map(({ reason }) => reason)).toContainEqual(expect.stringContaining('branch or loop'))
  expect(summary).toContain('the smallest went')
})

test('why no weight can go is what the graph holds', () => {
  const reason = (model: Model): string => {
    try {
      pruneWeights.check(model, {})
    } catch (thrown) {
      return (thrown as { data: { reason: string } }).data.reason
    }
    return ''
  }
  const tiny = new Net(6)
  expect(reason(tiny.output(tiny.gemm(tiny.input('x', ['batch', 4]), 4, 3), 2).done())).toMatch(
    /^Gemm_\d: it has only 12 weights$/,
  )
  const bare = new Net(6)
  expect(reason(bare.output(bare.relu(bare.input('x', ['batch', 4])), 2).done())).toBe(
    'the model has no layers with a weight',
  )
})

describe('without a share', () => {
  const model = convNet()
  const context = contextFor(model, 64)
  const lost = async (candidate: Model): Promise<number> => {
    const batches = evaluationBatches(context, 64, 'test')
    return (await divergences(model, [candidate], batches, { classes: false }))[0]!.points
  }
  const zeros = (candidate: Model): number =>
    [...candidate.graph.initializers.values()].reduce(
      (count, tensor) => count + tensor.floats().filter((value) => value === 0).length,
      0,
    )

  test('as many weights go as the outputs bear', async () => {
    const at = (maxLoss: number): Promise<PassResult> => pruneWeights.run(model, { maxLoss }, context)
    const [some, many] = [await at(10), await at(60)]
    expect(await lost(some.model)).toBeLessThanOrEqual(10)
    expect(await lost(many.model)).toBeLessThanOrEqual(60)
    expect(zeros(some.model)).toBeGreaterThan(zeros(model))
    expect(zeros(many.model)).toBeGreaterThan(1.2 * zeros(some.model))
    const shares = new Set(many.layers!.map(({ treatment }) => treatment))
    expect(shares.size).toBeGreaterThan(1)
    expect(many.summary).toContain('bears within 60 points')
  })

  test('blocks of them hold the limit too', async () => {
    const net = new Net(11)
    const hidden = net.relu(net.gemm(net.input('x', ['batch', 32]), 32, 64))
    const dense = net.output(net.gemm(hidden, 64, 16), 2).done()
    const blocks = { pattern: 'blocks', blockShape: '2x2', maxLoss: 30 }
    const data = contextFor(dense, 64)
    const { model: sparse } = await pruneWeights.run(dense, blocks, data)
    const batches = evaluationBatches(data, 64, 'test')
    const [loss] = await divergences(dense, [sparse], batches, { classes: false })
    expect(loss!.points).toBeLessThanOrEqual(30)
    expect(zeros(sparse)).toBeGreaterThan(0)
  })

  test('a model that bears none is left alone with the reason', async () => {
    await expect(pruneWeights.run(model, { maxLoss: 0 }, context)).rejects.toMatchObject({
      data: { code: 'model/nothing-to-do', reason: expect.stringContaining('one weight of twenty') },
    })
  })

  test('without data it is asked on random inputs', async () => {
    const { summary } = await pruneWeights.run(model, { maxLoss: 30 }, { ...context, data: undefined })
    expect(summary).toContain('bears within 30 points')
  })
})

test('levels that were not measured, or that break a model, are not gone to', () => {
  const costs = [
    [0, Infinity, 0.1, Infinity, Infinity, 0.3, Infinity, Infinity, Infinity, Infinity],
    [0, Infinity, Infinity, Infinity, Infinity, Infinity, Infinity, Infinity, Infinity, Infinity],
  ]
  const layers = [
    { output: 'a', size: 100 },
    { output: 'b', size: 100 },
  ]
  expect([...spend(layers, costs, 0.9)]).toEqual([
    ['a', 0.8],
    ['b', 0],
  ])
})
