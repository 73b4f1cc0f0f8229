/** LSTM, GRU and RNN through the passes that give weights codes, against ONNX Runtime on the floats. */
import { describe, expect, test } from 'vitest'
import { inspectModel } from '../../../../src/engine/layers/costs/inspect'
import { nonzeroParameters } from '../../../../src/engine/layers/costs/costs'
import { encodedLength, Graph, type Model } from '../../../../src/engine/onnx'
import { sqnr } from '../../../../src/engine/math/quantize/sqnr'
import { float16 } from '../../../../src/engine/passes/float16'
import { PRESETS } from '../../../../src/engine/passes/presets'
import { quantizeDynamic } from '../../../../src/engine/passes/quantize-dynamic'
import { quantizeWeights } from '../../../../src/engine/passes/quantize-weights'
import { shareWeights } from '../../../../src/engine/passes/share-weights'
import { floatsOf, withSession, type Values } from '../../../../src/engine/runtime'
import { findTarget } from '../../../../src/engine/targets'
import { Net } from '../pruning/build'
import { contextOf, fidelity, noise } from './support'

const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const
const INPUTS = 48
const HIDDEN = 64

/** One recurrent layer with its state in and out. */
function recurrent(op: keyof typeof GATES, direction = 'forward'): { model: Model; inputs: Values } {
  const directions = direction === 'bidirectional' ? 2 : 1
  const rows = GATES[op] * HIDDEN
  const net = new Net(4)
  const states = op === 'LSTM' ? ['h', 'c'] : ['h']
  const inputs = [
    net.input('x', [null, 2, INPUTS]),
    net.weight([directions, rows, INPUTS], 'W', INPUTS ** -0.5),
    net.weight([directions, rows, HIDDEN], 'R', HIDDEN ** -0.5),
    net.weight([directions, 2 * rows], 'B', 0.2),
    '',
    ...states.map((name) => net.input(name, [directions, 2, HIDDEN])),
  ]
  const attributes = { hidden_size: { int: HIDDEN }, direction }
  const [y, ...rest] = net.ops(op, inputs, attributes, 1 + states.length) as [string, ...string[]]
  net.output(y, 4)
  for (const value of rest) net.output(value, 3)
  const feeds = Object.fromEntries(states.map((name, i) => [name, noise([directions, 2, HIDDEN], 7 + i)]))
  return { model: net.model, inputs: { x: noise([6, 2, INPUTS]), ...feeds } }
}

const parametersOf = (op: keyof typeof GATES, directions: number): number =>
  directions * GATES[op] * HIDDEN * (INPUTS + HIDDEN + 2)

describe.each(['LSTM', 'GRU', 'RNN'] as const)('%s', (op) => {
  test.each([
    [8, {}, 35],
    [8, { storage: 'dequantize-linear', symmetric: true, block: 0 }, 35],
    [4, {}, 12],
    [3, { method: 'hqq' }, 6],
    [2, { method: 'kmeans' }, 3],
    [4, { method: 'nf4' }, 12],
  ])('in %i bits %j, both directions, with state', async (bits, more, decibel) => {
    const { model, inputs } = recurrent(op, 'bidirectional')
    const options = { bits, method: 'rtn', ...more }
    const { model: coded, layers, skipped } = await quantizeWeights.run(model, options, contextOf(model))
    expect(skipped).toEqual([])
    const [y] = model.graph.outputs
    expect(layers!.map(({ layer }) => layer)).toEqual([y!.name, `${y!.name} (recurrence)`])
    const weights = parametersOf(op, 2)
    expect(encodedLength(coded)).toBeLessThan((1.3 * weights * bits) / 8 + 0.05 * 4 * weights + 6000)
    expect(await fidelity(model, coded, inputs)).toBeGreaterThan(decibel)
    const { parameters } = await inspectModel(coded)
    expect(parameters).toBe(weights)
  })

  test('shares values', async () => {
    const { model, inputs } = recurrent(op)
    const { model: shared, layers } = await shareWeights.run(model, { bits: 6 }, contextOf(model))
    expect(layers).toHaveLength(2)
    expect(await fidelity(model, shared, inputs)).toBeGreaterThan(18)
  })

  test('in int8 by the dynamic pass', async () => {
    const { model, inputs } = recurrent(op, 'bidirectional')
    const { model: coded, layers, summary } = await quantizeDynamic.run(model, {}, contextOf(model))
    const runsOnIntegers = op === 'LSTM'
    expect(coded.graph.nodes.some(({ opType }) => opType === 'DynamicQuantizeLSTM')).toBe(runsOnIntegers)
    expect(summary).toContain(
      runsOnIntegers
        ? '1 LSTM runs on int8'
        : '2 weights of operators that have no dynamic int8 stored as int8',
    )
    expect(layers).toHaveLength(2)
    expect(await fidelity(model, coded, inputs)).toBeGreaterThan(25)
    expect(encodedLength(coded)).toBeLessThan(parametersOf(op, 2) * 1.2 + 4000)
    const { parameters } = await inspectModel(coded)
    expect(parameters).toBe(parametersOf(op, 2))
    expect(await nonzeroParameters(coded)).toBeGreaterThan(0.9 * parameters)
    const one = await quantizeDynamic.run(model, { perChannel: false }, contextOf(model))
    expect(await fidelity(model, one.model, inputs)).toBeGreaterThan(20)
  })

  test('in int8 where com.microsoft does not run', async () => {
    const { model, inputs } = recurrent(op)
    const context = contextOf(model, undefined, { target: findTarget('ios') })
    const { model: coded } = await quantizeDynamic.run(model, {}, context)
    expect(coded.graph.nodes.every(({ domain }) => domain === '')).toBe(true)
    expect(await fidelity(model, coded, inputs)).toBeGreaterThan(35)
  })

  test('the safe preset makes it 3.5 times smaller', async () => {
    const { model, inputs } = recurrent(op)
    const { params } = PRESETS[0]!.steps.find(({ pass }) => pass === 'quantize-weights')!
    const { model: coded } = await quantizeWeights.run(model, params, contextOf(model))
    const { model: safe } = await float16.run(coded, { compute: 'float32' }, contextOf(coded))
    expect(await fidelity(model, safe, inputs)).toBeGreaterThan(35)
    if (op === 'LSTM') expect(encodedLength(model) / encodedLength(safe)).toBeGreaterThan(3.5)
  })
})

/** Both branches run the same LSTM, one of them backwards through time. */
function lstmInBranches(): Model {
  const net = new Net(6)
  net.input('x', [null, 1, INPUTS])
  net.model.graph.inputs.push({ name: 'use', dtype: 'bool', dims: [] })
  const weights = [
    net.weight([1, 4 * HIDDEN, INPUTS], 'W', INPUTS ** -0.5),
    net.weight([1, 4 * HIDDEN, HIDDEN], 'R', HIDDEN ** -0.5),
  ]
  const [then_branch, else_branch] = ['forward', 'reverse'].map((direction) => {
    const body = new Graph()
    body.name = direction
    const attributes = { hidden_size: { int: HIDDEN }, direction }
    body.addNode({ opType: 'LSTM', inputs: ['x', ...weights], outputs: [`y_${direction}`], attributes })
    body.outputs = [{ name: `y_${direction}`, dtype: 'float32', dims: [null, 1, 1, HIDDEN] }]
    return { type: 'graph' as const, value: body }
  })
  net.output(net.op('If', ['use'], { then_branch: then_branch!, else_branch: else_branch! }), 4)
  return net.model
}

test.each([
  [quantizeWeights, { bits: 8, method: 'rtn' }],
  [quantizeWeights, { bits: 8, method: 'rtn', block: 0, symmetric: true }],
  [quantizeDynamic, {}],
])('branches that run one LSTM share its codes', async (pass, params) => {
  const model = lstmInBranches()
  const { model: coded, skipped } = await pass.run(model, params, contextOf(model))
  expect(skipped).toEqual([])
  expect(encodedLength(coded)).toBeLessThan(1.2 * 4 * HIDDEN * (INPUTS + HIDDEN) + 4000)
  const x = noise([5, 1, INPUTS])
  const answers = (of: Model, use: number): Promise<Float32Array> =>
    withSession(of, {}, async (session) => {
      const out = await session.run({ x, use: { dtype: 'bool', dims: [], data: Uint8Array.of(use) } })
      return floatsOf(Object.values(out)[0]!)
    })
  for (const use of [0, 1])
    expect(sqnr(await answers(model, use), await answers(coded, use))).toBeGreaterThan(30)
})
