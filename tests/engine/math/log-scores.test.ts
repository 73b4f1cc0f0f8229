import { expect, test } from 'vitest'
import { logOf, logSumExp } from '../../../src/engine/math/log-scores'

test('probabilities become logarithms, one probability its log-odds, logits stay', () => {
  const [a] = logOf([[0.2, 0.8]])
  expect(a).toEqual([Math.log(0.2), Math.log(0.8)])
  expect(logOf([[0.75], [0.5]]).map(([v]) => v)).toEqual([
    expect.closeTo(Math.log(3), 12) as number,
    expect.closeTo(0, 12) as number,
  ])
  expect(logOf([[3, -1]])).toEqual([[3, -1]])
  expect(logOf([[1, 0]])[0]![1], 'a zero is no infinity').toBeGreaterThan(-30)
})

test('scores in 0…1 that sum to something else are no distribution', () => {
  expect(logOf([[0.9, 0.8]])).toEqual([[0.9, 0.8]])
})

test('sums of exponentials do not overflow', () => {
  expect(logSumExp([0, 1000, 1000], 1, 2)).toBeCloseTo(1000 + Math.LN2, 9)
  expect(logSumExp([2, 4], 0, 2, 0.5)).toBeCloseTo(Math.log(Math.E + Math.E ** 2), 12)
})
