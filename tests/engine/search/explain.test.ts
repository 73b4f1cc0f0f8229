import { describe, expect, test } from 'vitest'
import type { Quality } from '../../../src/contract/report'
import type { Confirmation, SearchResult, Trial } from '../../../src/contract/trial'
import { explain } from '../../../src/engine/search/explain'

const quality = (value: number, samples: number): Quality => ({
  metric: 'accuracy',
  value,
  samples,
  interval: [value - 0.01, value + 0.01],
  higherIsBetter: true,
  others: {},
  split: 'validation',
  task: 'classification',
})

const trial = (name: string, over: Partial<Trial> = {}): Trial => ({
  key: name,
  round: 1,
  recipe: {
    pare: 1,
    name,
    description: '',
    steps: [
      { pass: 'simplify', params: {} },
      { pass: 'float16', params: {} },
    ],
  },
  state: 'kept',
  stage: 'search',
  reason: '',
  seconds: 30,
  bytes: 200_000,
  downloadBytes: 100_000,
  quality: quality(0.9, 300),
  pointsLost: 0.3,
  steps: ['Nothing was left to simplify.', 'Weights take half the bytes.'],
  ...over,
})

const confirmation = (over: Partial<Confirmation> = {}): Confirmation => ({
  original: quality(0.91, 200),
  candidate: quality(0.906, 200),
  pointsLost: 0.4,
  interval: [-0.5, 0.5],
  rank: 1,
  together: 0.34,
  verdict: 'confirmed',
  ...over,
})

const result = (over: Partial<SearchResult> = {}): Omit<SearchResult, 'explanation'> => ({
  goal: { kind: 'search', maxDrop: 0.5, target: 'any', minutes: 5 },
  trials: [trial('small')],
  front: ['small'],
  winner: trial('small', { latencyRatio: 0.5 }),
  confirmation: confirmation(),
  rejected: [],
  leftOut: 0,
  originalDownloadBytes: 1_000_000,
  ...over,
})

describe('the paragraph that explains a search', () => {
  test('says what was done, what it costs on which samples, and that it is confirmed', () => {
    const text = explain(result())
    expect(text).toContain(
      'The smallest inside your limits is “small”: 10× smaller to download (100 kB instead of 1 MB), ' +
        'losing 0.3 points on the 300 samples the search went by; on this machine 2× faster.',
    )
    expect(text).toContain('Weights take half the bytes.')
    expect(text).not.toContain('simplify')
    expect(text).toContain(
      'losing 0.4 points (95% interval of the loss: −0.5 to 0.5 points): confirmed, the whole interval is within the 0.5 points allowed.',
    )
    expect(text).toContain('1 recipe was tried, 30 seconds of computing.')
  })

  test('does not call confirmed what is not', () => {
    const interval: [number, number] = [-0.5, 1.3]
    const text = explain(
      result({
        confirmation: confirmation({ verdict: 'not-contradicted', interval, pointsLost: 1, together: 0.5 }),
      }),
    )
    expect(text).toContain('losing 1 point (95% interval of the loss: −0.5 to 1.3 points): not confirmed.')
    expect(text).toContain('losing 0.5 points on all samples together')
    const within = explain(result({ confirmation: confirmation({ verdict: 'within', interval, rank: 3 }) }))
    expect(within).toContain('interval of the loss, widened for the 3 recipes looked at: −0.5 to 1.3 points')
    expect(within).toContain('not confirmed. The loss is within the 0.5 points allowed there too, but')
  })

  test('on random inputs only likeness is told, and nothing is confirmed', () => {
    const alike = (value: number): Quality => ({
      ...quality(value, 100),
      metric: 'cosine',
      split: 'random',
      task: 'unlabelled',
    })
    const text = explain(
      result({
        winner: trial('small', { quality: alike(0.997) }),
        confirmation: confirmation({ original: alike(1), candidate: alike(0.996), verdict: 'within' }),
      }),
    )
    expect(text).toContain(
      'losing 0.3 points of likeness on the 100 random inputs (likeness to the original; quality unknown) the search went by',
    )
    expect(text).toContain('within the 0.5 points allowed there too, as far as likeness tells.')
    expect(text).not.toContain('confirmed')
  })

  test('names the smallest that is confirmed where the winner is not', () => {
    const confirmed = {
      trial: trial('sure', { downloadBytes: 180_000 }),
      confirmation: confirmation({ rank: 2 }),
    }
    const text = explain(result({ confirmation: confirmation({ verdict: 'within' }), confirmed }))
    expect(text).toContain(
      'Confirmed on them is “sure” at 180 kB to download, losing 0.4 points (95% interval',
    )
  })

  test('a perplexity is no points', () => {
    const perplexity = (value: number): Quality => ({
      ...quality(value, 200),
      metric: 'perplexity',
      higherIsBetter: false,
    })
    const text = explain(
      result({
        winner: trial('small', { quality: perplexity(20.06) }),
        confirmation: confirmation({ original: perplexity(20), candidate: perplexity(20.08) }),
      }),
    )
    expect(text).toContain('perplexity 0.3% higher on the 200 samples')
    expect(text).toContain('perplexity 0.4% higher (95% interval of the loss: −0.5 to 0.5%): confirmed')
    expect(text).toContain('within the 0.5% allowed')
    expect(text).not.toContain('points')
  })

  test('calls an estimate for another device an estimate', () => {
    const winner = trial('small', { targetLatency: { target: 'ios', ratio: 0.61, source: 'somewhere' } })
    expect(explain(result({ winner }))).toContain('; on ios 1.64× faster, an estimate from operator costs.')
  })

  test('names what is clearly faster inside the limits, and only that', () => {
    const winner = trial('small', { latencyRatio: 0.9 })
    const fast = trial('fast', { downloadBytes: 150_000, latencyRatio: 0.4 })
    const told = (other: Trial): string =>
      explain(result({ winner, trials: [winner, other], front: ['small', other.key] }))
    expect(told(fast)).toContain(
      "Where speed counts more: “fast” is 2.5× faster, measured on this machine, at 150 kB to download, losing 0.3 points on the search's samples.",
    )
    expect(told({ ...fast, latencyRatio: 0.85 })).not.toContain('speed counts more')
    expect(told({ ...fast, pointsLost: 2 })).not.toContain('speed counts more')
    const there = { target: 'ios', ratio: 0.3, source: '' }
    const estimated = explain(
      result({
        winner: trial('small', { targetLatency: { ...there, ratio: 0.9 } }),
        trials: [trial('small'), trial('fast', { targetLatency: there })],
        front: ['small', 'fast'],
      }),
    )
    expect(estimated).toContain('3.33× faster on ios, an estimate from operator costs,')
  })

  test('names what was smaller and why it lost', () => {
    const rejected = [
      {
        trial: trial('lucky', { downloadBytes: 80_000, pointsLost: 0.1 }),
        confirmation: confirmation({ verdict: 'contradicted', pointsLost: 2 }),
      },
    ]
    const over = trial('tiny', { downloadBytes: 40_000, pointsLost: 1.5 })
    const broken = trial('broken', { state: 'failed', reason: 'it found nothing to work on.' })
    const text = explain(result({ rejected, trials: [trial('small'), over, broken], leftOut: 3 }))
    expect(text).toContain(
      "One smaller recipe did well on the search's samples but not on those kept back: “lucky” (80 kB to download) went from losing 0.1 points to losing 2 points.",
    )
    expect(text).toContain('1 could not be carried out (it found nothing to work on).')
    expect(text).toContain(
      'Smaller but over the limit: “tiny” at 40 kB to download, where it loses 1.5 points where 0.5 are allowed (1 too many).',
    )
    expect(text).toContain('Time ended with 3 ideas of the last round untried.')
  })

  test('says truthfully when nothing is inside the limits', () => {
    const closest = trial('near', { pointsLost: 0.9 })
    const text = explain(result({ winner: undefined, confirmation: undefined, closest, trials: [closest] }))
    expect(text).toContain('Nothing that was tried is inside your limits. The closest is “near”')
    expect(text).toContain('Against it: it loses 0.9 points where 0.5 are allowed (0.4 too many).')
    expect(explain(result({ winner: undefined, confirmation: undefined, trials: [] }))).toContain(
      'Nothing that was tried gave a working model.',
    )
  })
})
