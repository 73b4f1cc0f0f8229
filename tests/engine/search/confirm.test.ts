import { describe, expect, test } from 'vitest'
import { seeded } from '../../../src/engine/math/random'
import { pairedInterval, widening } from '../../../src/engine/math/statistics'
import { alphaOf, verdictOf } from '../../../src/engine/search/confirm'

test('all finalists together are confirmed wrongly in one search of twenty at most', () => {
  expect(alphaOf(1)).toBeCloseTo(0.05, 12)
  let upper = 0
  for (let rank = 1; rank <= 10_000; rank++) upper += alphaOf(rank) / 2
  expect(upper).toBeLessThan(0.05)
  expect(upper).toBeCloseTo(0.05, 4)
})

describe('the verdict', () => {
  const loss = { points: 0.4, low: -0.5, high: 1.3 }
  test('is confirmed by the upper end, not by the loss itself', () => {
    expect(verdictOf(loss, 0.4, 1.3, 200)).toBe('confirmed')
    expect(verdictOf(loss, 0.4, 1, 200)).toBe('within')
    expect(verdictOf({ ...loss, points: 1.1 }, 0.8, 1, 200)).toBe('not-contradicted')
    expect(verdictOf({ ...loss, points: 1.1 }, 1.05, 1, 200)).toBe('contradicted')
    expect(verdictOf({ points: 2, low: 1.2, high: 3 }, 0.5, 1, 200)).toBe('contradicted')
  })

  test('confirms nothing on a handful of samples', () =>
    expect(verdictOf({ points: 0, low: 0, high: 0 }, 0, 1, 5)).toBe('within'))
})

test('of many candidates that all lose too much hardly a search confirms one', () => {
  const random = seeded(6)
  const [n, allowed, finalists, searches] = [400, 2, 12, 300]
  let wrong = 0
  for (let search = 0; search < searches; search++)
    for (let rank = 1; rank <= finalists; rank++) {
      // Each loses 2.2 of 100 answers more than it gains.
      let lost = 0
      let won = 0
      for (let i = 0; i < n; i++) {
        const draw = random.next()
        if (draw < 0.032) lost++
        else if (draw < 0.042) won++
      }
      const points = (100 * (lost - won)) / n
      const [low, high] = pairedInterval(n, lost, won).map((end) => 100 * end) as [number, number]
      const by = widening(alphaOf(rank))
      const wider = { points, low: points + by * (low - points), high: points + by * (high - points) }
      if (verdictOf(wider, points, allowed, n) !== 'confirmed') continue
      wrong++
      break
    }
  expect(wrong / searches).toBeLessThan(0.05)
})
