import { expect, it } from 'vitest'
import { pointsLost } from '../../../src/contract/points'
import type { Quality } from '../../../src/contract/report'
import {
  metricName,
  qualityChange,
  qualityInterval,
  qualitySaid,
  qualityValue,
} from '../../../src/renderer/lib/metrics'
import { qualityLimit } from '../../../src/renderer/steps/compress/points'
import { original } from '../fake/fixtures'

const perplexity = (value: number): Quality => ({
  ...original.quality,
  metric: 'perplexity',
  value,
  interval: [value * 0.9, value * 1.1],
  higherIsBetter: false,
  others: {},
})

it('writes fractions as per cent and other metrics as they are', () => {
  expect(qualityValue(original.quality)).toBe('97.78%')
  expect(qualityInterval(original.quality)).toBe('96.6%\u00a0–\u00a098.7%')
  expect(qualityValue(perplexity(23.41))).toBe('23.4')
  expect(qualitySaid(perplexity(23.41))).toBe('23.4 perplexity')
  expect(qualitySaid({ ...perplexity(0.7), metric: 'cer' })).toMatch(/^70(\.\d+)?% character error rate$/)
  expect(qualitySaid({ ...perplexity(0.7), metric: 'accuracy', higherIsBetter: true })).toMatch(/^70\.?\d*%$/)
  expect(metricName('something-new').term).toBe('something-new')
})

it('writes changes in the unit of the metric', () => {
  expect(qualityChange(original.quality, { ...original.quality, value: 0.9578 })).toBe('−2 points')
  expect(qualityChange(perplexity(20), perplexity(21.5))).toBe('+1.5')
})

it.each([
  ['a share of 1', original.quality],
  ['perplexity', perplexity(20)],
  ['an error that is better when small', { ...perplexity(0.4), metric: 'mae' }],
])('draws the limit exactly where the search draws it: %s', (_, quality) => {
  const scale = metricName(quality.metric).fraction ? 100 : 1
  const limit = qualityLimit({ kind: 'search', maxDrop: 1.5, target: 'any', minutes: 5 }, quality)!
  expect(pointsLost(quality, { ...quality, value: limit / scale })).toBeCloseTo(1.5, 9)
})

it('has no limit for recipes', () => {
  expect(qualityLimit({ kind: 'preset', preset: 'safe', target: 'any' }, original.quality)).toBeUndefined()
})
