import { describe, expect, test } from 'vitest'
import { Tensor, type Model } from '../../../../src/engine/onnx'
import { pruneChannels } from '../../../../src/engine/passes/prune-channels'
import { Net } from './build'
import { checkPruning, expectSame, outputsOf } from './check'
import { contextFor } from './context'
import { randomFeeds } from '../../../../src/engine/runtime'

const GATES = { LSTM: 4, GRU: 3, RNN: 1 }
type Op = keyof typeof GATES

interface Shape {
  both?: boolean
  bias?: boolean
  states?: boolean
  peepholes?: boolean
  /** Which output the rest reads. */
  reads?: 'all' | 'hidden' | 'cell'
  attributes?: Parameters<Net['ops']>[2]
}

const UNITS = 12
const INPUTS = 6

/** [batch, time, 6] through a recurrent layer of 12 units to 3 answers. */
function recurrentNet(op: Op, shape: Shape = {}): Net {
  const { both = false, bias = true, states = false, peepholes = false, reads = 'all' } = shape
  const net = new Net(90)
  const directions = both ? 2 : 1
  const rows = GATES[op] * UNITS
  const x = timeFirst(net, net.input('x', ['batch', 5, INPUTS]))
  // As exporters write states: zeros, or here other numbers, for a batch that the graph finds out.
  const state = (): string =>
    net.op('Expand', [
      net.weight([directions, 1, UNITS], 'state', 1),
      net.op('Concat', [net.ints([directions]), batchOf(net, x), net.ints([UNITS])], { axis: { int: 0 } }),
    ])
  const inputs = [
    x,
    net.weight([directions, rows, INPUTS], 'w', 0.6),
    net.weight([directions, rows, UNITS], 'r', 0.5),
    bias ? net.weight([directions, 2 * rows], 'b', 0.4) : '',
    '',
    ...(states ? [state()] : []),
    ...(op === 'LSTM' && states ? [state()] : []),
    ...(peepholes ? [net.weight([directions, 3 * UNITS], 'p', 0.4)] : []),
  ]
  const outputs = net.ops(
    op,
    inputs,
    {
      hidden_size: { int: UNITS },
      ...(both && { direction: 'bidirectional' }),
      ...shape.attributes,
    },
    op === 'LSTM' ? 3 : 2,
  )
  const width = directions * UNITS
  const read = outputs[['all', 'hidden', 'cell'].indexOf(reads)]!
  const turned =
    reads === 'all'
      ? net.op('Transpose', [read], { perm: { ints: [2, 0, 1, 3] } })
      : net.op('Transpose', [read], { perm: { ints: [1, 0, 2] } })
  const flat = net.op('Reshape', [turned, net.ints(reads === 'all' ? [0, 0, width] : [0, width])])
  return net.output(net.dense(flat, width, 3), reads === 'all' ? 3 : 2)
}

const timeFirst = (net: Net, x: string): string => net.op('Transpose', [x], { perm: { ints: [1, 0, 2] } })

const batchOf = (net: Net, x: string): string =>
  net.op('Slice', [net.op('Shape', [x]), net.ints([1]), net.ints([2])])

const hiddenSize = (model: Model): number =>
  model.graph.nodes.find((node) => node.is('LSTM', 'GRU', 'RNN'))!.int('hidden_size', 0)

const CASES: [string, Op, Shape][] = [
  ['forward', 'LSTM', {}],
  ['reverse, without bias', 'LSTM', { bias: false, attributes: { direction: 'reverse' } }],
  ['both directions, states and peepholes', 'LSTM', { both: true, states: true, peepholes: true }],
  ['the last cell state alone', 'LSTM', { states: true, reads: 'cell' }],
  ['coupled gates', 'LSTM', { attributes: { input_forget: { int: 1 } } }],
  ['forward', 'GRU', { states: true }],
  ['reset before the product', 'GRU', { attributes: { linear_before_reset: { int: 1 } } }],
  ['both directions, last state', 'GRU', { both: true, reads: 'hidden' }],
  ['both directions', 'RNN', { both: true, states: true }],
]

describe('hidden units', () => {
  test.each(CASES)('of %s %s go with all of their gates', async (_, op, shape) => {
    const { dependencies, pruned, removed } = await checkPruning(recurrentNet(op, shape).done(), {
      batches: [1, 2, 5],
    })
    expect(dependencies.groups.map(({ units, width }) => [units.length, width])).toEqual([[UNITS, 1]])
    expect(hiddenSize(pruned)).toBe(UNITS - removed.size)
    const [w, r] = pruned.graph.nodes
      .find((node) => node.is(op))!
      .inputs.slice(1, 3)
      .map((name) => pruned.graph.initializers.get(name)!.dims)
    const directions = shape.both ? 2 : 1
    expect([w, r]).toEqual([
      [directions, (GATES[op] * UNITS) / 2, INPUTS],
      [directions, (GATES[op] * UNITS) / 2, UNITS / 2],
    ])
  })

  test('stay where a state is an answer of the model or given to it, which says so', async () => {
    const net = recurrentNet('GRU')
    const state = net.model.graph.nodes.find((node) => node.is('GRU'))!.outputs[1]!
    const { dependencies } = await checkPruning(net.output(state, 3).done())
    expect(dependencies.groups).toEqual([])
    const model = net.done()
    await expect(pruneChannels.run(model, {}, contextFor(model, 8))).rejects.toMatchObject({
      data: { reason: expect.stringMatching(/an output of the model has them/) as unknown },
    })
  })

  test('of a layer that another reads are counted off there; the last keeps what both need', async () => {
    const net = new Net(91)
    const layer = (x: string, inputs: number, units: number): string => {
      const weights = [
        net.weight([1, 4 * units, inputs], 'w', 0.5),
        net.weight([1, 4 * units, units], 'r', 0.4),
      ]
      const [y] = net.ops('LSTM', [x, ...weights], { hidden_size: { int: units } }, 3)
      return net.op('Squeeze', [y!, net.ints([1])])
    }
    const x = net.relu(net.dense(timeFirst(net, net.input('x', ['batch', 4, 5])), 5, 10))
    const { dependencies, pruned } = await checkPruning(
      net.output(net.dense(timeFirst(net, layer(layer(x, 10, 8), 8, 6)), 6, 3), 3).done(),
    )
    expect(dependencies.groups.map(({ units }) => units.length)).toEqual([10, 8, 6])
    expect(hiddenSize(pruned)).toBe(4)
  })
})

test.each(['obs', 'activation', 'l2', 'geometric-median', 'random'])(
  'units that do nothing go first, and the answers stay: %s',
  async (criterion) => {
    const net = recurrentNet('LSTM', { both: true })
    const model = net.done()
    const dead = [1, 4, 7, 10]
    silence(model, dead)
    const run = pruneChannels.run(
      model,
      { criterion, ratio: dead.length / UNITS, reconstruct: false, scope: 'layer' },
      contextFor(model, 24),
    )
    const { model: pruned } = await run
    expect(hiddenSize(pruned)).toBe(UNITS - dead.length)
    if (criterion !== 'random') await expectSame(model, pruned, 3, 1e-5)
    else {
      const feeds = randomFeeds(model, { batch: 3, seed: 1 })
      const [before, after] = [await outputsOf(model, feeds), await outputsOf(pruned, feeds)]
      expect(Object.values(after)[0]!.data).not.toEqual(Object.values(before)[0]!.data)
    }
  },
)

/** Zeroes every weight that makes or reads the units. */
function silence({ graph }: Model, units: readonly number[]): void {
  const node = graph.nodes.find((one) => one.is('LSTM'))!
  for (const slot of [1, 2, 3]) {
    const tensor = graph.initializers.get(node.inputs[slot]!)!
    const values = Float32Array.from(tensor.floats())
    const [, , inner = 1] = tensor.dims
    for (let i = 0; i < values.length; i++) {
      const unit = Math.floor(i / inner) % UNITS
      if (units.includes(unit) || (slot === 2 && units.includes(i % UNITS))) values[i] = 0
    }
    graph.initializers.set(node.inputs[slot]!, Tensor.float32(tensor.dims, values))
  }
}
