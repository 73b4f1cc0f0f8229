import { expect, test } from 'vitest'
import { promiseText, trialScore } from '../../src/contract/reading'
import type { Quality } from '../../src/contract/report'

const baseline: Quality = {
  metric: 'accuracy',
  value: 0.57,
  samples: 500,
  interval: [0.5, 0.6],
  higherIsBetter: true,
  others: {},
  split: 'validation',
  task: 'classification',
}

test('what another way promises is said in the measure it was found by', () => {
  expect(promiseText({ score: 0.941 }, baseline)).toBe('the original then scores 94.1% instead of 57%')
  const separation = { score: 1.551, by: { measure: 'separation' as const, plain: 1.0854 } }
  expect(trialScore(separation, baseline)).toBe('1.551')
  expect(promiseText(separation, baseline)).toBe(
    "no label proves it, but the first class of the original's answers then stands 1.551 instead of 1.085 deviations above the second",
  )
  const statistics = { score: -0.0123, by: { measure: 'statistics' as const, plain: -4.2 } }
  expect(promiseText(statistics, baseline)).toContain('0.012 instead of 4.200 nats per channel off')
})
