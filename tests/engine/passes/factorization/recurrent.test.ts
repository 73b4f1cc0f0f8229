import { describe, expect, test } from 'vitest'
import { Tensor, type Model } from '../../../../src/engine/onnx'
import { lowRankPass } from '../../../../src/engine/passes/low-rank'
import { randomFeeds } from '../../../../src/engine/runtime'
import { Net } from '../pruning/build'
import { expectSame, outputsOf } from '../pruning/check'
import { contextFor } from '../pruning/context'

const INPUTS = 64
const UNITS = 24
const GATES = { LSTM: 4, GRU: 3, RNN: 1 }
type Op = keyof typeof GATES

/** [batch, 6, 64], each input smaller than the one before, through a recurrent layer to 3 answers. */
function net(op: Op, { rank, both = false }: { rank?: number; both?: boolean } = {}): Model {
  const made = new Net(95)
  const directions = both ? 2 : 1
  const rows = GATES[op] * UNITS
  const shrink = Array.from({ length: INPUTS }, (_, i) => 10 ** ((-2.5 * i) / INPUTS))
  const x = made.op('Mul', [
    made.op('Transpose', [made.input('x', ['batch', 6, INPUTS])], { perm: { ints: [1, 0, 2] } }),
    made.constant('shrink', Tensor.float32([INPUTS], shrink)),
  ])
  const w = made.weight([directions, rows, INPUTS], 'w', 0.4)
  if (rank !== undefined) made.model.graph.initializers.set(w, ofRank(made, directions, rows, rank))
  const [, last] = made.ops(
    op,
    [x, w, made.weight([directions, rows, UNITS], 'r', 0.3), made.weight([directions, 2 * rows], 'b', 0.3)],
    { hidden_size: { int: UNITS }, ...(both && { direction: 'bidirectional' }) },
    2,
  )
  const turned = made.op('Transpose', [last!], { perm: { ints: [1, 0, 2] } })
  const width = directions * UNITS
  return made.output(made.dense(made.op('Reshape', [turned, made.ints([0, width])]), width, 3), 2).done()
}

function ofRank(made: Net, directions: number, rows: number, rank: number): Tensor {
  const valuesOf = (dims: number[]): Float32Array =>
    made.model.graph.initializers.get(made.weight(dims, 'part', 0.4))!.floats()
  const [a, b] = [valuesOf([directions * rows, rank]), valuesOf([rank, INPUTS])]
  const values = new Float32Array(directions * rows * INPUTS)
  for (let i = 0; i < values.length; i++)
    for (let k = 0; k < rank; k++)
      values[i]! += a[Math.floor(i / INPUTS) * rank + k]! * b[k * INPUTS + (i % INPUTS)]!
  return Tensor.float32([directions, rows, INPUTS], values)
}

async function errorOf(model: Model, other: Model): Promise<number> {
  const feeds = randomFeeds(model, { batch: 64, seed: 9 })
  const [a, b] = [
    Object.values(await outputsOf(model, feeds))[0]!.data,
    Object.values(await outputsOf(other, feeds))[0]!.data,
  ]
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)
}

const weightOf = (model: Model, slot: number): readonly number[] =>
  model.graph.initializers.get(
    model.graph.nodes.find((node) => node.is('LSTM', 'GRU', 'RNN'))!.inputs[slot]!,
  )!.dims

describe('what a recurrent layer reads its input by', () => {
  test.each([
    ['LSTM', false],
    ['LSTM', true],
    ['GRU', true],
    ['RNN', true],
  ] as const)('%s of rank 6 gives the same answers in two factors, both directions: %s', async (op, both) => {
    const model = net(op, { rank: 6, both })
    const {
      model: small,
      layers,
      skipped,
    } = await lowRankPass.run(
      model,
      { rankBy: 'energy', energy: 0.999999, refit: false, leastWeights: 16 },
      contextFor(model, 64),
    )
    const [directions, rows] = [both ? 2 : 1, GATES[op] * UNITS]
    expect(weightOf(small, 1)).toEqual([directions, rows, 6])
    expect(weightOf(small, 2)).toEqual([directions, rows, UNITS])
    expect(layers![0]).toMatchObject({ op, treatment: expect.stringMatching(/^svd, rank 6,/) as string })
    expect(skipped!.find(({ layer }) => layer.endsWith('(recurrence)'))!.reason).toMatch(
      /within the operator/,
    )
    await expectSame(model, small, 3, 1e-3)
  })

  test('is chosen by real inputs, which errs far less', async () => {
    const model = net('LSTM')
    const run = async (whiten: boolean): Promise<number> => {
      const options = { ratio: 0.3, whiten, refit: whiten }
      const { model: small } = await lowRankPass.run(model, options, contextFor(model, 256))
      expect(weightOf(small, 1)[2]).toBeLessThan(16)
      return errorOf(model, small)
    }
    expect(await run(true)).toBeLessThan(0.5 * (await run(false)))
  })

  test('is not timed, which is said', async () => {
    const model = net('LSTM')
    const { skipped } = await lowRankPass
      .run(model, { rankBy: 'break-even' }, contextFor(model, 32))
      .catch((thrown: { data: { reason: string } }) => ({ skipped: [thrown.data] }))
    expect(JSON.stringify(skipped)).toMatch(/not timed/)
  })
})
