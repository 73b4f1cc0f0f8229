import { describe, expect, it } from 'vitest'
import { seeded } from '../../../src/engine/math/random'
import {
  blocksOf,
  bootstrap,
  meanInterval,
  medianInterval,
  pairedInterval,
  widening,
  quantile,
  ratioInterval,
  sorted,
  signTest,
  wilson,
} from '../../../src/engine/math/statistics'

describe('wilson', () => {
  // R. G. Newcombe, Statistics in Medicine 17 (1998) 857–872, Table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('of %i in %i is Newcombe’s [%f …]', (successes, n, low, high) => {
    const interval = wilson(successes, n)
    expect(interval[0]).toBeCloseTo(low, 4)
    expect(interval[1]).toBeCloseTo(high, 4)
  })

  it('says nothing without samples', () => expect(wilson(0, 0)).toEqual([0, 1]))
})

describe('pairedInterval', () => {
  /** Exact: every possible pair of counts with its trinomial probability. */
  function coverage(n: number, winning: number, losing: number): number {
    let covered = 0
    let choose = 1
    for (let won = 0; won <= n; won++) {
      let ways = choose
      for (let lost = 0; lost <= n - won; lost++) {
        const [low, high] = pairedInterval(n, won, lost)
        const chance = ways * winning ** won * losing ** lost * (1 - winning - losing) ** (n - won - lost)
        if (low <= winning - losing && winning - losing <= high) covered += chance
        ways *= (n - won - lost) / (lost + 1)
      }
      choose *= (n - won) / (won + 1)
    }
    return covered
  }

  it.each([
    [50, 0.02, 0.02],
    [200, 0.005, 0.01],
    [200, 0.002, 0.002],
    [100, 0.1, 0.04],
  ])('of %i samples covers the true difference about 95 times in 100', (n, winning, losing) => {
    expect(coverage(n, winning, losing)).toBeGreaterThan(0.94)
  })

  it('is not empty where both answer alike', () => {
    const [low, high] = pairedInterval(200, 0, 0)
    expect(high).toBeCloseTo(0.0097, 4)
    expect(low).toBe(-high)
  })
})

describe('widening', () => {
  // scipy.stats.norm.ppf(1 - alpha / 2) / scipy.stats.norm.ppf(0.975)
  it.each([
    [0.05, 1],
    [0.0166666667, 1.2214],
    [0.01, 1.3142],
    [0.001, 1.6789],
    [0.0000425, 2.0885],
  ])('leaves out %f', (alpha, times) => expect(widening(alpha)).toBeCloseTo(times, 3))
})

describe('meanInterval', () => {
  it('covers the true mean of normal draws about 95 times in 100', () => {
    const random = seeded(5)
    let covered = 0
    for (let trial = 0; trial < 400; trial++) {
      const draws = Array.from({ length: 50 }, () => 3 + 2 * random.normal())
      const [low, high] = meanInterval(
        50,
        draws.reduce((a, b) => a + b),
        draws.reduce((a, b) => a + b * b, 0),
      )
      if (low <= 3 && 3 <= high) covered++
    }
    expect(covered / 400).toBeGreaterThan(0.91)
    expect(covered / 400).toBeLessThan(0.98)
  })

  it('is a point for one sample', () => expect(meanInterval(1, 4, 16)).toEqual([4, 4]))
})

describe('ratioInterval', () => {
  it('is the interval of the mean when every cluster weighs the same', () => {
    const y = [1, 2, 4, 7]
    const mean = meanInterval(4, 14, 70)
    const ratio = ratioInterval(y, [1, 1, 1, 1])
    expect(ratio[0]).toBeCloseTo(mean[0], 12)
    expect(ratio[1]).toBeCloseTo(mean[1], 12)
  })
})

describe('blocks', () => {
  const steps = (length: number, count: number): boolean[] =>
    Array.from({ length: length * count }, (_, i) => i % length !== 0)

  it('are clips, cut where there are few of them; single samples have none', () => {
    expect(blocksOf(steps(1, 50))).toBeUndefined()
    expect(blocksOf(steps(3, 30))).toEqual(Array.from({ length: 30 }, (_, i) => 3 * i))
    expect(blocksOf(steps(100, 1))).toEqual(Array.from({ length: 20 }, (_, i) => 5 * i))
  })

  it('of equal samples give the interval of one sample each', () => {
    const random = seeded(3)
    const each = Array.from({ length: 40 }, () => random.normal())
    const all = each.flatMap((x) => new Array<number>(10).fill(x))
    const mean = (values: readonly number[]) => (weights: Float64Array) =>
      values.reduce((sum, x, i) => sum + x * weights[i]!, 0) / weights.reduce((a, b) => a + b, 0)
    const blocks = blocksOf(steps(10, 40))
    const [low, high] = bootstrap(400, mean(all), seeded(1), 1000, blocks)
    const [a, b] = bootstrap(40, mean(each), seeded(1), 1000)
    expect(low).toBeCloseTo(a, 10)
    expect(high).toBeCloseTo(b, 10)
  })
})

describe('bootstrap', () => {
  it('agrees with the normal interval of a mean', () => {
    const random = seeded(3)
    const draws = Array.from({ length: 400 }, () => random.normal())
    const mean = (weights: Float64Array): number =>
      draws.reduce((sum, d, i) => sum + d * weights[i]!, 0) / 400
    const [low, high] = bootstrap(400, mean, seeded(1), 1000)
    const [expectedLow, expectedHigh] = meanInterval(
      400,
      draws.reduce((a, b) => a + b),
      draws.reduce((a, b) => a + b * b, 0),
    )
    expect(low).toBeCloseTo(expectedLow, 1)
    expect(high).toBeCloseTo(expectedHigh, 1)
  })

  it('repeats itself with the same seed', () => {
    const first = (weights: Float64Array): number => weights[0]!
    expect(bootstrap(30, first, seeded(9))).toEqual(bootstrap(30, first, seeded(9)))
  })
})

describe('quantile', () => {
  // numpy.quantile([1, 2, 4, 8, 16], q)
  it.each([
    [0, 1],
    [0.3, 2.4],
    [0.5, 4],
    [0.95, 14.4],
    [1, 16],
  ])('%f is NumPy’s %f', (q, expected) => {
    expect(quantile(sorted([8, 1, 16, 2, 4]), q)).toBeCloseTo(expected, 12)
  })
})

it.each([
  // scipy.stats.binomtest(won, won + lost, alternative='greater').pvalue
  [5, 0, 0.03125],
  [8, 2, 0.0546875],
  [0, 3, 1],
  [0, 0, 1],
  [15, 5, 0.020694732666015625],
])('the sign test of %i won and %i lost', (won, lost, p) => {
  expect(signTest(won, lost)).toBeCloseTo(p, 10)
})

// Ranks, counted from 1, by the binomial distribution: Conover, table A3.
it.each([
  [4, 1, 4],
  [6, 1, 6],
  [8, 1, 8],
  [9, 2, 8],
  [10, 2, 9],
  [20, 6, 15],
  [30, 10, 21],
])('the median of %i values lies between those of ranks %i and %i', (n, low, high) => {
  expect(medianInterval(Float64Array.from({ length: n }, (_, i) => i + 1))).toEqual([low, high])
})

it('the sign test of thousands does not underflow', () => {
  expect(signTest(2500, 2500)).toBeGreaterThan(0.5)
  expect(signTest(2700, 2300)).toBeLessThan(1e-7)
})
