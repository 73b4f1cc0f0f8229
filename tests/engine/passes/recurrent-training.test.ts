/** A recurrent network from training to a smaller one that was taught by it, pass by pass. */
import { expect, test } from 'vitest'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import type { Model } from '../../../src/engine/onnx'
import { distill } from '../../../src/engine/passes/distill'
import { pruneChannels } from '../../../src/engine/passes/prune-channels'
import { learn } from '../../../src/engine/training/learn'
import { CLASSES, contextOf, points, settingsOf, WIDTH } from '../training/support'
import { Net } from './pruning/build'

const UNITS = 24

/** Reads the coordinates of a point one after the other. */
function reader(op: 'LSTM' | 'GRU', both: boolean): Model {
  const net = new Net(8)
  const directions = both ? 2 : 1
  const rows = UNITS * (op === 'LSTM' ? 4 : 3)
  const steps = net.op('Reshape', [net.input('x', ['batch', WIDTH]), net.ints([0, WIDTH, 1])])
  const [, last] = net.ops(
    op,
    [
      net.op('Transpose', [steps], { perm: { ints: [1, 0, 2] } }),
      net.weight([directions, rows, 1], 'w', 0.5),
      net.weight([directions, rows, UNITS], 'r', 0.2),
      net.weight([directions, 2 * rows], 'b', 0.1),
    ],
    { hidden_size: { int: UNITS }, ...(both && { direction: 'bidirectional' }) },
    2,
  )
  const width = directions * UNITS
  const flat = net.op('Reshape', [
    net.op('Transpose', [last!], { perm: { ints: [1, 0, 2] } }),
    net.ints([0, width]),
  ])
  return net.output(net.gemm(flat, width, CLASSES), 2).done()
}

test.each([
  ['LSTM', false],
  ['GRU', true],
] as const)(
  '%s, both directions %s: learns, loses hidden units, and is taught by what it was',
  async (op, both) => {
    const made = reader(op, both)
    const { model: original } = await learn(made, contextOf(made, points()), {
      by: 'test',
      labels: true,
      settings: settingsOf({ epochs: 12 }),
    })
    const context = contextOf(original, points())
    const pruning = { ratio: 0.75, criterion: 'random', reconstruct: false }
    const { model: narrow } = await pruneChannels.run(original, pruning, context)
    const settings = { learningRate: 0.02, batchSize: 16, heldOut: 0.25, epochs: 10 }
    const { model: taught } = await distill.run(narrow, settings, context)
    const node = taught.graph.nodes.find((one) => one.is(op))!
    expect(node.int('hidden_size', 0)).toBe(UNITS / 4)
    const { original: own, candidates } = await measureQuality(original, [narrow, taught], {
      dataset: points(),
    })
    const [before, after] = candidates.map(({ fidelity }) => fidelity!.agreement!)
    expect(own.quality.value).toBeGreaterThan(0.9)
    expect(before).toBeLessThan(0.9)
    expect(after).toBeGreaterThan(0.93)
  },
)
