import { describe, expect, test } from 'vitest'
import { lossSaid } from '../../src/contract/metrics'
import type { Quality, Report } from '../../src/contract/report'
import { changeText, originalTimes, sizeText, timeDetail, timeText } from '../../src/contract/verdict'

const quality = (over: Partial<Quality> = {}): Quality => ({
  metric: 'accuracy',
  value: 0.98,
  samples: 360,
  interval: [0.96, 0.99],
  higherIsBetter: true,
  others: {},
  split: 'validation',
  task: 'classification',
  ...over,
})
const latency = (p50: number) => ({ p50, p95: 2 * p50, runs: 400, batch: 1, provider: 'cpu', threads: 2 })
const report = (over: Partial<Report> = {}): Report =>
  ({ bytes: 1000, downloadBytes: 900, quality: quality(), latencyMs: latency(2), ...over }) as Report
const random = { split: 'random', task: 'unlabelled', metric: 'cosine', value: 0.99997 } as const
const fidelity = { cosine: 0.99997, sqnr: 40, agreement: 0.98, maxAbsoluteError: 0.1, samples: 256 }

const told = (over: Partial<Report>, original = report()): string =>
  changeText(original, report({ latencyRatio: { value: 0.5, interval: [0.48, 0.52] }, ...over }))

describe('what is said of quality names what it goes by', () => {
  test('with labels: points, or the same on so many samples', () => {
    expect(told({ quality: quality({ value: 0.976 }) })).toBe('same download size, 2× faster, −0.4 points')
    expect(told({ quality: quality({ value: 0.99 }) })).toBe('same download size, 2× faster, +1 point')
    expect(told({})).toBe('same download size, 2× faster, the same accuracy on 360 samples')
  })

  test('a change that the paired interval does not tell from none says so in the headline itself', () => {
    const changed = (low: number, high: number): string =>
      told({ quality: quality({ value: 0.976 }), qualityChange: { value: -0.004, interval: [low, high] } })
    expect(changed(-0.013, 0.005)).toMatch(/, −0\.4 points \(within chance\)$/)
    expect(changed(-0.007, -0.001)).toMatch(/, −0\.4 points$/)
  })

  test('and so does what the rail and the best found say; what is not seen or not judged has no such word', () => {
    const said = (value: number, high: number, part: Partial<Quality> = {}): string =>
      lossSaid(
        report(),
        report({
          quality: quality({ value, ...part }),
          qualityChange: { value: value - 0.98, interval: [-0.013, high] },
        }),
      )
    expect(said(0.976, 0.005)).toBe('losing 0.4 points (within chance)')
    expect(said(0.976, -0.001)).toBe('losing 0.4 points')
    expect(said(0.98, 0.005)).toBe('losing nothing')
    expect(said(0.976, 0.005, { beside: [{ output: 'boxes', likeness: 0.98 }] })).toBe(
      'losing 2 points of likeness in output “boxes”',
    )
  })

  test('what is too little to be a figure is not called the same where the figures beside it differ', () => {
    const r2 = (value: number): Quality => quality({ metric: 'r2', value, task: 'regression' })
    expect(told({ quality: r2(0.99834) }, report({ quality: r2(0.99836) }))).toMatch(
      /, R² within 0\.01 points on 360 samples$/,
    )
    expect(told({ quality: r2(0.99841) }, report({ quality: r2(0.99842) }))).toMatch(/, the same R² on/)
  })

  test('perplexity is no points', () => {
    const perplexity = (value: number): Quality =>
      quality({ metric: 'perplexity', value, higherIsBetter: false, task: 'language-model' })
    expect(told({ quality: perplexity(20.4) }, report({ quality: perplexity(20) }))).toContain(
      'perplexity 2% higher',
    )
    expect(told({ quality: perplexity(19) }, report({ quality: perplexity(20) }))).toContain(
      'perplexity 5% lower',
    )
  })

  test('on random inputs quality is unknown, however alike the outputs', () => {
    expect(told({ quality: quality(random), fidelity })).toContain(
      '98% the same answers on random inputs; quality unknown',
    )
    const numbers = { ...fidelity, agreement: undefined }
    expect(told({ quality: quality(random), fidelity: numbers })).toContain(
      'outputs like the original’s to >0.9999 (cosine) on random inputs; quality unknown',
    )
  })

  test('one number a sample is judged by its spread, not by a cosine', () => {
    const likeness = quality({ ...random, metric: 'likeness', value: 0.9856 })
    expect(told({ quality: likeness, fidelity })).toContain(
      '98% the same answers and an error of 12% of their spread on random inputs; quality unknown',
    )
  })

  test('without labels as well', () =>
    expect(told({ quality: quality({ ...random, split: 'validation' }), fidelity })).toContain(
      '98% the same answers on 360 samples; quality unknown without labels',
    ))
})

describe('speed', () => {
  test.each<[[number, number, number], string]>([
    [[0.5, 0.48, 0.52], '2× faster'],
    [[1.3, 1.2, 1.4], '1.3× slower'],
    [[0.98, 0.93, 1.04], 'same speed'],
    // Too wide to say whether, or how much.
    [[0.9, 0.5, 1.4], 'speed unclear (0.5× to 1.4× the original’s time)'],
    [[0.1, 0.0286, 0.333], 'speed unclear (0.0286× to 0.333× the original’s time)'],
  ])('%j', ([value, low, high], text) => expect(timeText({ value, interval: [low, high] })).toBe(text))

  test('the interval stands beside it in the same direction', () => {
    expect(timeDetail({ value: 0.42, interval: [0.4, 0.45] })).toBe('2.38× faster (95%: 2.22× to 2.5×)')
    expect(timeDetail({ value: 1.3, interval: [1.2, 1.4] })).toBe('1.3× slower (95%: 1.2× to 1.4×)')
  })

  test('what was not timed in turn is not compared', () =>
    expect(told({ latencyRatio: undefined, latencyMs: latency(1) })).toContain('speed not compared'))
})

test('file and download are told apart where they gained differently', () => {
  const original = report()
  expect(sizeText(original, report({ bytes: 250, downloadBytes: 226 }))).toBe('3.98× smaller download')
  expect(sizeText(original, report({ downloadBytes: 45 }))).toBe('same file size, 20× smaller download')
  expect(sizeText(original, report({ bytes: 1100, downloadBytes: 450 }))).toBe(
    '1.1× larger file, 2× smaller download',
  )
})

test('medians stand beside each other only where they are of one sitting', () => {
  const timed = (before: number): Report => report({ originalLatencyMs: latency(before) })
  const original = report()
  expect(originalTimes(original, [timed(1.9)])!.p50).toBe(1.9)
  expect(originalTimes(original, [timed(1.9), timed(1.9)])!.p50).toBe(1.9)
  expect(originalTimes(original, [timed(1.9), timed(2.1)])).toBeUndefined()
})
