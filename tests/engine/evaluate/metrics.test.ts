import { describe, expect, it } from 'vitest'
import type { Task } from '../../../src/contract/dataset'
import { measureQuality, type MeasuredQuality } from '../../../src/engine/evaluate/quality'
import type { Value } from '../../../src/engine/runtime/value'
import { taskOf } from '../../../src/engine/tasks'
import { arrayDataset, floats, ints, wires } from './support'

/** Runs an identity model, so that `input` is what the metric sees. */
function measure(task: Task, input: Value, labels?: Value, classes?: string[]): Promise<MeasuredQuality> {
  const model = wires({ x: { dims: ['N', ...input.dims.slice(1)], dtype: input.dtype } })
  const dataset = arrayDataset({ task, inputs: { x: input }, labels, classes })
  return measureQuality(model, [model], { dataset, batchSize: 2 })
}

describe('classification', () => {
  const logits = floats([5, 3], [2, 1, 0, 0, 3, 1, 0, 1, 5, 4, 0, 1, 1, 2, 0])
  const labels = ints([5], [0, 1, 1, 0, 2])

  it('counts accuracy, macro F1 and confusion', async () => {
    const { original } = await measure('classification', logits, labels, ['a', 'b', 'c'])
    expect(original.quality).toMatchObject({
      metric: 'accuracy',
      value: 0.6,
      samples: 5,
      task: 'classification',
    })
    expect(original.quality.split).toBe('validation')
    // scikit-learn's f1_score([0,1,1,0,2], [0,1,2,0,1], average='macro') = (1 + 0.5 + 0) / 3
    expect(original.quality.others.f1).toBeCloseTo(0.5, 12)
    expect(original.confusion).toEqual([
      [2, 0, 0],
      [0, 1, 1],
      [0, 1, 0],
    ])
    expect(original.samples.answer).toEqual([0, 1, 2, 0, 1])
    expect(original.samples.label).toEqual([0, 1, 1, 0, 2])
    expect(original.samples.score[0]).toBeCloseTo(Math.exp(2) / (Math.exp(2) + Math.E + 1), 6)
    expect(original.output.reason).toContain('x_out')
  })

  it('takes probabilities as they are', async () => {
    const input = floats([2, 3], [0.7, 0.2, 0.1, 0.1, 0.1, 0.8])
    const { original } = await measure('classification', input, ints([2], [0, 2]))
    expect(original.output.scale).toBe('probabilities')
    expect(original.samples.score[1]).toBeCloseTo(0.8, 6)
  })

  it('reads one logit as the second of two classes', async () => {
    const input = floats([4, 1], [-2, 3, 0.5, -0.1])
    const { original } = await measure('classification', input, ints([4], [0, 1, 0, 0]), ['no', 'yes'])
    expect(original.quality.value).toBe(0.75)
    expect(original.output).toMatchObject({ form: 'single-score', scale: 'logits' })
  })

  it('reads classes given as integers', async () => {
    const { original } = await measure('classification', ints([3], [1, 0, 2]), ints([3], [1, 1, 2]))
    expect(original.quality.value).toBeCloseTo(2 / 3, 12)
    expect(original.output.form).toBe('labels')
  })

  it('finds top-5 among more than five classes', async () => {
    const row = (...best: number[]): number[] => [0, 1, 2, 3, 4, 5, 6].map((c) => best.indexOf(c) + 1)
    const input = floats([2, 7], [...row(0, 1, 2, 3, 4, 5, 6), ...row(6, 5, 4, 3, 2, 1, 0)])
    const { original } = await measure('classification', input, ints([2], [1, 1]), [...'abcdefg'])
    expect(original.quality.others.top5).toBe(0.5)
  })

  it('counts a sample with NaN as wrong, and says so', async () => {
    const input = floats([3, 2], [1, 0, NaN, 5, 0, 1])
    const { original } = await measure('classification', input, ints([3], [0, 1, 1]), ['a', 'b'])
    expect(original.quality.value).toBeCloseTo(2 / 3, 12)
    expect(original.nonFinite).toBe(1)
    expect(original.notes.join()).toContain('1 of 3 samples')
  })

  it('lets −∞ rule a class out', async () => {
    const input = floats([1, 3], [-Infinity, 2, 1])
    const { original } = await measure('classification', input, ints([1], [1]), [...'abc'])
    expect(original).toMatchObject({ nonFinite: 0, quality: { value: 1 } })
  })

  it('refuses labels the model has no class for, and outputs that are no classes', async () => {
    const input = floats([2, 3], [1, 2, 3, 4, 5, 6])
    const classes = ['a', 'b', 'c']
    await expect(measure('classification', input, ints([2], [0, 3]), classes)).rejects.toMatchObject({
      data: { code: 'data/labels-out-of-range', label: '3', classes: 3 },
    })
    await expect(measure('classification', floats([2, 1], [1, 2]), ints([2], [0, 3]))).rejects.toMatchObject({
      data: { code: 'data/outputs-unknown' },
    })
  })
})

describe('regression', () => {
  it('gives scikit-learn’s R², MAE and RMSE', async () => {
    const input = floats([4, 1], [2.5, 0, 2, 8])
    // r2_score([3, -0.5, 2, 7], [2.5, 0, 2, 8]) in scikit-learn's documentation
    const { original } = await measure('regression', input, floats([4, 1], [3, -0.5, 2, 7]))
    expect(original.quality.value).toBeCloseTo(0.9486081370449679, 6)
    expect(original.quality.others.mae).toBeCloseTo(0.5, 6)
    expect(original.quality.others.rmse).toBeCloseTo(Math.sqrt(0.375), 6)
    expect(original.quality.interval[0]).toBeLessThan(original.quality.value)
  })

  it('averages over outputs', async () => {
    const input = floats([3, 2], [0, 2, -1, 2, 8, -5])
    // r2_score([[0.5,1],[-1,1],[7,-6]], [[0,2],[-1,2],[8,-5]], multioutput='uniform_average')
    const { original } = await measure('regression', input, floats([3, 2], [0.5, 1, -1, 1, 7, -6]))
    expect(original.quality.value).toBeCloseTo(0.9368005266622779, 6)
  })

  it('holds a NaN for an answer of no skill', async () => {
    const { original } = await measure('regression', floats([3, 1], [1, NaN, 3]), floats([3, 1], [1, 2, 6]))
    // errors: 0, (2 − 3)², (3 − 6)² over a variation of 4 + 1 + 9
    expect(original.quality.value).toBeCloseTo(1 - 10 / 14, 6)
    expect(original.nonFinite).toBe(1)
  })
})

describe('multi-label', () => {
  it('gives scikit-learn’s average precision and micro F1', async () => {
    const scores = [0.1, 0.9, 0.4, 0.2, 0.35, 0.7, 0.8, 0.6]
    const labels = [0, 1, 0, 0, 1, 0, 1, 1]
    const { original } = await measure('multi-label', floats([4, 2], scores), floats([4, 2], labels))
    // average_precision_score([0,0,1,1], [.1,.4,.35,.8]) = 0.8333…; second: [1,0,0,1] on [.9,.2,.7,.6] = (1 + 2/3) / 2
    expect(original.quality.value).toBeCloseTo((0.8333333333 + 0.8333333333) / 2, 6)
    expect(original.quality.others.f1).toBeCloseTo((2 * 3) / (4 + 4), 12)
    const [low, high] = original.quality.interval
    expect(low).toBeLessThanOrEqual(original.quality.value)
    expect(high).toBeLessThanOrEqual(1)
  })

  it('answers with all labels that hold, so that one more or less is another answer', async () => {
    const labels = floats([3, 2], [1, 0, 1, 1, 0, 0])
    const answers = async (scores: number[]): Promise<string[]> => {
      const { samples } = (await measure('multi-label', floats([3, 2], scores), labels)).original
      return samples.answer.map((answer) => taskOf('multi-label').answerText(answer, ['cat', 'dog']))
    }
    // The strongest is the same in both.
    expect(await answers([0.9, 0.1, 0.9, 0.6, 0.1, 0.2])).toEqual(['cat', 'cat, dog', 'none'])
    expect(await answers([0.9, 0.6, 0.9, 0.4, 0.1, 0.7])).toEqual(['cat, dog', 'cat', 'dog'])
  })
})

describe('language model', () => {
  it('is as perplexed as the number of equally likely tokens', async () => {
    const uniform = floats(
      [2, 3, 4],
      Array.from({ length: 24 }, () => 0.5),
    )
    const { original } = await measure('language-model', uniform, ints([2, 3], [0, 1, 2, 3, -100, -100]))
    expect(original.quality.value).toBeCloseTo(4, 5)
    expect(original.quality.higherIsBetter).toBe(false)
    expect(original.quality.others.tokens).toBe(4)
  })

  it('knows logits from probabilities', async () => {
    const p = [0.5, 0.25, 0.25, 0.1, 0.8, 0.1]
    const labels = ints([1, 2], [0, 1])
    const expected = 1 / Math.sqrt(0.5 * 0.8)
    const asProbabilities = await measure('language-model', floats([1, 2, 3], p), labels)
    const asLogits = await measure(
      'language-model',
      floats(
        [1, 2, 3],
        p.map((v) => Math.log(v) + 3),
      ),
      labels,
    )
    expect(asProbabilities.original.quality.value).toBeCloseTo(expected, 5)
    expect(asLogits.original.quality.value).toBeCloseTo(expected, 5)
    expect(asLogits.original.quality.others.accuracy).toBe(1)
  })

  it('stays finite on NaN', async () => {
    const { original } = await measure('language-model', floats([1, 1, 3], [NaN, 0, 0]), ints([1, 1], [0]))
    expect(original.quality.value).toBeCloseTo(3, 6)
    expect(original.nonFinite).toBe(1)
  })
})

describe('segmentation', () => {
  it('is the mean of intersection over union', async () => {
    // One 2×2 image, 2 classes, NCHW: answers 0 0 / 1 1, truth 0 1 / 1 1.
    const input = floats([1, 2, 2, 2], [1, 1, 0, 0, 0, 0, 1, 1])
    const { original } = await measure('segmentation', input, ints([1, 2, 2], [0, 1, 1, 1]), ['sky', 'sea'])
    expect(original.quality.value).toBeCloseTo((1 / 2 + 2 / 3) / 2, 12)
    expect(original.quality.others.accuracy).toBe(0.75)
  })

  it('reads channels last and class maps, and leaves unlabelled pixels out', async () => {
    const last = floats([1, 2, 2, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1])
    const labels = ints([1, 2, 2], [0, 1, 255, 2])
    const { original } = await measure('segmentation', last, labels, ['a', 'b', 'c'])
    expect(original.quality.value).toBe(1)
    const map = await measure('segmentation', ints([1, 2, 2], [0, 1, 0, 2]), labels)
    expect(map.original.quality.others.accuracy).toBe(1)
  })

  it('compares a small mask at the size of the labels', async () => {
    const input = floats([1, 2, 1, 1], [0, 1])
    const { original } = await measure('segmentation', input, ints([1, 2, 2], [1, 1, 1, 1]), ['a', 'b'])
    expect(original.quality.value).toBe(1)
    expect(original.notes.join()).toContain('size of the labels')
  })
})

describe('without labels', () => {
  it('is fidelity to the original', async () => {
    const model = wires({ x: { dims: ['N', 2] } })
    const flipped = wires({ x: { dims: ['N', 2], op: 'Neg' } })
    const dataset = arrayDataset({ task: 'unlabelled', inputs: { x: floats([3, 2], [1, 2, 3, 4, -5, 6]) } })
    const { original, candidates } = await measureQuality(model, [model, flipped], { dataset })
    expect(original.quality).toMatchObject({ metric: 'cosine', value: 1, interval: [1, 1] })
    expect(candidates[0]!.fidelity).toMatchObject({ cosine: 1, sqnr: 200, agreement: 1, maxAbsoluteError: 0 })
    expect(candidates[1]!.quality.value).toBeCloseTo(-1, 6)
    // The error is twice the signal: 10 log10(1/4).
    expect(candidates[1]!.fidelity!.sqnr).toBeCloseTo(-6.0206, 4)
    expect(candidates[1]!.fidelity).toMatchObject({ agreement: 0, maxAbsoluteError: 12 })
  })

  it('judges one number a sample by its error over the spread, and by its side of the threshold', async () => {
    const one = { dims: ['N', 1] }
    const logits = floats([4, 1], [-1.5, -0.5, 0.5, 1.5])
    const data = (input: Value) => arrayDataset({ task: 'unlabelled', inputs: { x: input } })
    const shrunk = wires({ x: { ...one, op: 'Tanh' } })
    const { candidates } = await measureQuality(
      wires({ x: one }),
      [shrunk, wires({ x: { ...one, op: 'Neg' } })],
      {
        dataset: data(logits),
      },
    )
    const errors = [-1.5, -0.5, 0.5, 1.5].map((x) => (Math.tanh(x) - x) ** 2)
    const mean = errors.reduce((a, b) => a + b) / 4
    // The variance of the answers is 1.25; a cosine would call both perfect or perfectly wrong.
    expect(candidates[0]!.quality).toMatchObject({
      metric: 'likeness',
      value: expect.closeTo(1 - mean / 1.25, 6),
    })
    expect(candidates[0]!.fidelity!.agreement).toBe(1)
    expect(candidates[1]!.quality.value).toBeCloseTo(1 - 4, 6)
    expect(candidates[1]!.fidelity!.agreement).toBe(0)
    expect(candidates[1]!.samples.answer).toEqual([1, 1, 0, 0])
    // Lengths have no threshold that is known; one that answers the mean has no likeness at all.
    const constant = await measureQuality(wires({ x: one }), [wires({ x: { ...one, op: 'Ceil' } })], {
      dataset: data(floats([4, 1], [3.2, 3.4, 3.6, 3.8])),
    })
    expect(constant.candidates[0]!.quality.value).toBeLessThan(0)
    expect(constant.candidates[0]!.fidelity!.agreement).toBeUndefined()
  })

  it('counts every output, the worst shown', async () => {
    const model = wires({ a: { dims: ['N', 2] }, b: { dims: ['N', 2] } })
    const worse = wires({ a: { dims: ['N', 2] }, b: { dims: ['N', 2], op: 'Neg' } })
    const x = floats([2, 2], [1, 2, 3, 4])
    const dataset = arrayDataset({ task: 'unlabelled', inputs: { a: x, b: x } })
    const { candidates } = await measureQuality(model, [worse], { dataset })
    expect(candidates[0]!.fidelity!.cosine).toBeCloseTo(-1, 6)
  })

  it('does not take one number beside other outputs by its cosine, which is always 1', async () => {
    const model = wires({ a: { dims: ['N', 2] }, b: { dims: ['N', 1] } })
    const worse = wires({ a: { dims: ['N', 2] }, b: { dims: ['N', 1], op: 'Ceil' } })
    const inputs = { a: floats([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]), b: floats([4, 1], [0.1, 1.1, 2.1, 3]) }
    const { original, candidates } = await measureQuality(model, [worse], {
      dataset: arrayDataset({ task: 'unlabelled', inputs }),
    })
    // Mean squared error 3 · 0.9² / 4 over the variance of 0.1, 1.1, 2.1, 3.
    expect(candidates[0]!.quality.value).toBeCloseTo(1 - 0.6075 / 1.176875, 5)
    expect(candidates[0]!.fidelity!.cosine).toBeUndefined()
    expect(original.quality.value).toBe(1)
  })
})

describe('embedding', () => {
  it('asks whether the nearest neighbour stays', async () => {
    const model = wires({ x: { dims: ['N', 2] } })
    const relu = wires({ x: { dims: ['N', 2], op: 'Relu' } })
    const vectors = floats([4, 2], [1, 0.1, 1, 0.2, -1, 0.1, -1, 0.3])
    const dataset = arrayDataset({
      task: 'embedding',
      inputs: { x: vectors },
      labels: ints([4], [0, 0, 1, 1]),
    })
    const { original, candidates } = await measureQuality(model, [relu], { dataset })
    expect(original.quality.others).toMatchObject({ retrievalAgreement: 1, retrievalAccuracy: 1 })
    expect(candidates[0]!.quality.value).toBeLessThan(1)
    expect(candidates[0]!.quality.others.retrievalAgreement).toBe(1)
    // The class of the nearest other sample.
    expect(original.samples.answer).toEqual([0, 0, 1, 1])
    const task = taskOf('embedding')
    const compare = task.comparison(original.samples)
    const other = { ...original.samples, answer: [1, 0, 1, 1], score: [1, 0.9, 1, 1] }
    expect(compare(other, 0)).toEqual({ changed: true, right: false, was: true })
    expect(compare(other, 1)).toEqual({ changed: true, right: true, was: true })
    expect(compare(other, 2)).toEqual({ changed: false, right: true, was: true })
    expect([0, -1].map((answer) => task.answerText(answer, ['cat']))).toEqual(['cat', 'not compared'])
  })

  it('answers with the nearest other sample where there are no labels', async () => {
    const inputs = { x: floats([3, 2], [1, 0.1, -1, 0.1, 1, 0.2]) }
    const { original } = await measureQuality(wires({ x: { dims: ['N', 2] } }), [], {
      dataset: arrayDataset({ task: 'embedding', inputs }),
    })
    expect(original.samples.text).toEqual(['sample 2', 'sample 2', 'sample 0'])
  })
})
