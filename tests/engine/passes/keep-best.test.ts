import { describe, expect, test } from 'vitest'
import { encodedLength, type Model } from '../../../src/engine/onnx'
import { best, keepBest, nearestToOne, warningOf } from '../../../src/engine/passes/keep-best'
import { quantizeWeights } from '../../../src/engine/passes/quantize-weights'
import { findTarget } from '../../../src/engine/targets'
import { Net } from './pruning/build'
import { contextOf, fidelity, noise } from './quantization/support'

// Its latency is estimated, so that what is kept does not hang on how busy this machine is.
const TARGET = { target: findTarget('raspberry-pi') }

const inputs = { x: noise([48, 64]) }

/** Two products of 64 × 256 and 256 × 8 with a Relu between. */
function net(): Model {
  const made = new Net(3)
  const h = made.relu(made.gemm(made.input('x', [null, 64]), 64, 256))
  made.output(made.gemm(h, 256, 8), 2)
  return made.model
}

describe('the best of what was judged', () => {
  const one = (title: string, loss: number, bytes: number, time: number, own = false) => ({
    title,
    model: undefined as unknown as Model,
    own,
    loss,
    lossOf: 'quality' as const,
    bytes,
    time,
    slower: time > 1.03,
    speed: '',
    of: 'file' as const,
  })

  test.each<[string, Parameters<typeof best>, string | undefined]>([
    [
      'within the loss',
      [[one('a', 3, 0.2, 0.5, true), one('b', 0.2, 0.5, 1)], { objective: 'balance', maxLoss: 1 }],
      'b',
    ],
    [
      'no slower',
      [[one('a', 0, 0.2, 1.8, true), one('b', 0, 0.5, 1)], { objective: 'size', maxLoss: 1 }],
      'b',
    ],
    [
      'slower where all are',
      [[one('a', 0, 0.2, 1.8, true), one('b', 0, 0.5, 1.9)], { objective: 'size', maxLoss: 1 }],
      'a',
    ],
    [
      'none that is slower where time counts',
      [[one('a', 0, 0.2, 1.8, true), one('b', 0, 0.5, 1.9)], { objective: 'balance', maxLoss: 1 }],
      undefined,
    ],
    [
      'its own unless another is clearly better',
      [[one('a', 0, 0.26, 1, true), one('b', 0, 0.25, 1)], { objective: 'size', maxLoss: 1 }],
      'a',
    ],
    [
      'the smallest',
      [[one('a', 0, 0.5, 0.5, true), one('b', 0, 0.25, 1)], { objective: 'size', maxLoss: 1 }],
      'b',
    ],
    [
      'the fastest',
      [[one('a', 0, 0.5, 0.5, true), one('b', 0, 0.25, 1)], { objective: 'speed', maxLoss: 1 }],
      'a',
    ],
    [
      'what is exact is not given up for bytes',
      [[one('a', 0, 0.5, 1, true), one('b', 0, 0.3, 1)], { objective: 'exact', maxLoss: 1 }],
      'a',
    ],
    [
      'none that is larger',
      [[one('a', 0, 1.1, 0.5, true), one('b', 2, 0.5, 1)], { objective: 'speed', maxLoss: 1 }],
      undefined,
    ],
  ])('is %s', (_, [judged, options], expected) => {
    expect(best(judged, options)?.title).toBe(expected)
  })
})

test.each<[string, [number, number], number]>([
  ['faster', [0.2, 0.6], 0.6],
  ['slower', [1.2, 3], 1.2],
  ['neither, however fast the median was', [0.02, 1.4], 1],
])('a time that is clearly %s counts by what is sure of it', (_, interval, expected) => {
  expect(nearestToOne(interval)).toBe(expected)
})

test.each([
  [{ slower: true, time: 1.2 }, 'all the same'],
  [{ slower: false, time: 1.02 }, 'it is slower than the original by a little'],
  [{ slower: false, time: 1 }, ''],
  [{ slower: false, time: 0.7 }, ''],
])('of %j it is said: %s', (time, words) => {
  const said = warningOf(time)
  expect(words === '' ? said : said.includes(words)).toBe(words === '' ? '' : true)
})

describe('keep-best', () => {
  test('gives up a model that lost too much for one that did not, and says both', async () => {
    const model = net()
    const { model: ruined } = await quantizeWeights.run(
      model,
      { bits: 2, method: 'rtn' },
      contextOf(model, inputs),
    )
    const result = await keepBest.run(
      ruined,
      { objective: 'size', maxLoss: 1 },
      contextOf(model, inputs, TARGET),
    )
    expect(result.restarts).toBe(true)
    expect(result.summary).toMatch(/^Kept .* instead of what the recipe made/)
    expect(encodedLength(result.model)).toBeLessThan(encodedLength(model) * 0.6)
    expect(await fidelity(model, result.model, inputs)).toBeGreaterThan(20)
  })

  test('a model as large as the original is never kept', async () => {
    const model = net()
    const result = await keepBest.run(
      model,
      { objective: 'exact', maxLoss: 1 },
      contextOf(model, inputs, TARGET),
    )
    expect(result.summary).toContain('Kept weights stored as float16')
    expect(encodedLength(result.model)).toBeLessThan(encodedLength(model) * 0.6)
  })

  test('where nothing holds the loss the model is only cleaned up, with what was tried', async () => {
    const model = net()
    const result = await keepBest.run(
      model,
      { objective: 'balance', maxLoss: 0 },
      contextOf(model, inputs, TARGET),
    )
    expect(result.summary).toMatch(
      /^Only cleaned up: nothing tried is smaller than the original and no slower within a loss of 0: /,
    )
    expect(await fidelity(model, result.model, inputs)).toBeGreaterThan(90)
  })

  test('works without data', async () => {
    const model = net()
    const result = await keepBest.run(model, {}, { ...contextOf(model, inputs), data: undefined })
    expect(result.summary).toContain('plain alternative')
    expect(result.summary, 'what is lost is not called points of a quality nobody measured').toMatch(
      /an error of [\d.]+% of the outputs’ variance/,
    )
  })
})
