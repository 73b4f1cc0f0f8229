/** Taylor scores against losses reckoned by hand: slopes by central differences, and what a unit's removal costs. */
import { describe, expect, test } from 'vitest'
import { measureQuality } from '../../../../src/engine/evaluate/quality'
import { Tensor, type Model } from '../../../../src/engine/onnx'
import { pruneChannels } from '../../../../src/engine/passes/prune-channels'
import { taylorImportance } from '../../../../src/engine/passes/pruning/taylor'
import { learn } from '../../../../src/engine/training/learn'
import { CLASSES, contextOf, perceptron, points, settingsOf, WIDTH } from '../../training/support'

const HIDDEN = 16
const SAMPLES = 32
/** Samples a gradient is averaged over before its size is taken. */
const BATCH = 16

type Weights = Record<'w1' | 'b1' | 'w2' | 'b2', Float64Array>

const weightsOf = (model: Model): Weights =>
  Object.fromEntries(
    ['w1', 'b1', 'w2', 'b2'].map((name) => [
      name,
      Float64Array.from(model.graph.initializers.get(name)!.floats()),
    ]),
  ) as Weights

interface Sample {
  x: number[]
  label: number
}

async function samples(): Promise<Sample[]> {
  const found: Sample[] = []
  for await (const { inputs, labels } of points().splits.training.batches(SAMPLES, { limit: SAMPLES })) {
    const x = inputs.x!.data as Float32Array
    ;[...(labels!.data as BigInt64Array)].forEach((label, i) =>
      found.push({ x: [...x.slice(i * WIDTH, (i + 1) * WIDTH)], label: Number(label) }),
    )
  }
  return found
}

/** Mean cross entropy of the perceptron, in double precision. */
function lossOf({ w1, b1, w2, b2 }: Weights, batch: readonly Sample[]): number {
  const losses = batch.map(({ x, label }) => {
    const hidden = Array.from({ length: HIDDEN }, (_, u) =>
      Math.max(
        0,
        x.reduce((sum, value, i) => sum + value * w1[i * HIDDEN + u]!, b1[u]!),
      ),
    )
    const z = Array.from({ length: CLASSES }, (_, c) =>
      hidden.reduce((sum, h, u) => sum + h * w2[u * CLASSES + c]!, b2[c]!),
    )
    return Math.log(z.reduce((sum, value) => sum + Math.exp(value), 0)) - z[label]!
  })
  return losses.reduce((a, b) => a + b) / batch.length
}

async function taught(): Promise<Model> {
  const model = perceptron(5, HIDDEN)
  const options = { by: 'test', labels: true, settings: settingsOf({ epochs: 4 }) }
  return (await learn(model, contextOf(model, points()), options)).model
}
const model = await taught()
const batches = await samples().then((all) => [all.slice(0, BATCH), all.slice(BATCH)])

describe('Taylor scores', () => {
  test('are |weight × slope of the loss|, summed over batches', async () => {
    const scores = await taylorImportance(model, contextOf(model, points()), 'test', SAMPLES)
    expect([...scores.keys()].sort()).toEqual(['w1', 'w2'])
    const step = 1e-5
    for (const name of ['w1', 'w2'] as const) {
      const found = scores.get(name)!
      const most = Math.max(...Array.from(found))
      expect(most).toBeGreaterThan(0.001)
      for (let at = 0; at < found.length; at++) {
        const expected = batches.reduce((sum, batch) => {
          const weights = weightsOf(model)
          const w = weights[name][at]!
          weights[name][at] = w + step
          const above = lossOf(weights, batch)
          weights[name][at] = w - step
          return sum + Math.abs((w * (above - lossOf(weights, batch))) / (2 * step))
        }, 0)
        expect(Math.abs(found[at]! - expected), `${name}[${at}]`).toBeLessThan(1e-3 * most)
      }
    }
  })

  test('of units are in the order of what their removal costs', async () => {
    const scores = await taylorImportance(model, contextOf(model, points()), 'test', SAMPLES)
    const all = batches.flat()
    const before = lossOf(weightsOf(model), all)
    const units = Array.from({ length: HIDDEN }, (_, unit) => {
      const without = weightsOf(model)
      without.w2.fill(0, unit * CLASSES, (unit + 1) * CLASSES)
      const score = Array.from(scores.get('w2')!)
        .slice(unit * CLASSES, (unit + 1) * CLASSES)
        .reduce((a, b) => a + b)
      return { score, cost: Math.abs(lossOf(without, all) - before) }
    })
    const rank = (key: 'score' | 'cost'): number[] =>
      units.map((unit) => units.filter((other) => other[key] < unit[key]).length)
    const [byScore, byCost] = [rank('score'), rank('cost')]
    // Spearman's coefficient: 1 is the same order, 0 none.
    const apart = byScore.reduce((sum, r, i) => sum + (r - byCost[i]!) ** 2, 0)
    expect(1 - (6 * apart) / (HIDDEN * (HIDDEN ** 2 - 1))).toBeGreaterThan(0.8)
  })

  test('remove-channels by them takes what the loss does not need, however large its weights are', async () => {
    const loud = model.clone()
    const { initializers } = loud.graph
    const [w1, b1, w2] = ['w1', 'b1', 'w2'].map((name) => initializers.get(name)!.floats().slice()) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    // Eight units with large weights that fire always and say the same of every class: softmax ignores them.
    for (let unit = 0; unit < 8; unit++) {
      for (let i = 0; i < WIDTH; i++) w1[i * HIDDEN + unit] = 2 + 0.1 * unit
      b1[unit] = 5
      w2.fill(3, unit * CLASSES, (unit + 1) * CLASSES)
    }
    initializers.set('w1', Tensor.float32([WIDTH, HIDDEN], w1))
    initializers.set('b1', Tensor.float32([HIDDEN], b1))
    initializers.set('w2', Tensor.float32([HIDDEN, CLASSES], w2))
    const run = async (criterion: string): Promise<Model> =>
      (
        await pruneChannels.run(
          loud,
          { criterion, ratio: 0.5, reconstruct: false, samples: SAMPLES },
          contextOf(loud, points()),
        )
      ).model
    const [byLoss, bySize] = [await run('taylor'), await run('l2')]
    expect(byLoss.graph.initializers.get('w1')!.dims).toEqual([WIDTH, HIDDEN / 2])
    const { original, candidates } = await measureQuality(loud, [byLoss, bySize], { dataset: points() })
    expect(candidates[0]!.quality.value).toBe(original.quality.value)
    expect(candidates[0]!.fidelity!.agreement).toBe(1)
    expect(candidates[1]!.quality.value).toBeLessThan(original.quality.value)
  })
})
