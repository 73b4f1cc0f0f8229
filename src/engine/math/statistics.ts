/** Intervals and quantiles of measured numbers. All intervals are two-sided at 95%. */
import type { Random } from './random'

/** Standard normal quantile at 0.975. */
const Z = 1.959963984540054

/**
 * How much wider than at 95% a normal two-sided interval is that leaves out `alpha` in all; 0 < alpha < 1.
 * The quantile by Abramowitz and Stegun, 26.2.23: off by less than 4.5e-4.
 */
export function widening(alpha: number): number {
  const t = Math.sqrt(-2 * Math.log(alpha / 2))
  const quantile =
    t -
    (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3)
  return quantile / Z
}

export type Interval = [low: number, high: number]

/**
 * Wilson score interval of a proportion; right also near 0 and 1 and for few samples.
 * Source: E. B. Wilson, JASA 22 (1927) 209–212.
 */
export function wilson(successes: number, n: number): Interval {
  if (n === 0) return [0, 1]
  const p = successes / n
  const z2 = (Z * Z) / n
  const centre = (p + z2 / 2) / (1 + z2)
  const half = (Z / (1 + z2)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n))
  return [Math.max(0, centre - half), Math.min(1, centre + half)]
}

/**
 * Interval of the difference of two proportions measured on the same n samples, of which `won` are right for the
 * second alone and `lost` for the first alone. Not empty where both answer alike everywhere: what was not seen in
 * n samples may still happen.
 * Source: A. Agresti, Y. Min, Statistics in Medicine 24 (2005) 729–740, the Wald interval with half a sample
 * added to each of the four counts.
 */
export function pairedInterval(n: number, won: number, lost: number): Interval {
  const difference = (won - lost) / (n + 2)
  const half = (Z * Math.sqrt(won + lost + 1 - (won - lost) ** 2 / (n + 2))) / (n + 2)
  return [difference - half, difference + half]
}

/**
 * Probability that of won + lost fair coins at least `won` fall one way: the exact sign test of paired figures, of which
 * McNemar's exact test of right and wrong answers is a case. Source: W. J. Dixon, A. M. Mood, JASA 41 (1946) 557–566.
 */
export function signTest(won: number, lost: number): number {
  const n = won + lost
  let logTerm = -n * Math.LN2
  let sum = 0
  for (let k = 0; k <= n; k++) {
    if (k >= won) sum += Math.exp(logTerm)
    logTerm += Math.log((n - k) / (k + 1))
  }
  return Math.min(1, sum)
}

/**
 * Interval of the median of independent values, by their ranks: at least 95% for any distribution from 6 values on; for
 * fewer the least and the greatest, which is less. `ordered` ascends.
 * Source: W. J. Conover, Practical Nonparametric Statistics (1999), §3.2.
 */
export function medianInterval(ordered: ArrayLike<number>): Interval {
  const n = ordered.length
  let cut = 0
  while (2 * (cut + 1) < n && 2 * signTest(n - cut - 1, cut + 1) <= 0.05) cut++
  return [ordered[cut] ?? NaN, ordered[n - 1 - cut] ?? NaN]
}

/** Normal-approximation interval of a mean from n, Σx and Σx². */
export function meanInterval(n: number, sum: number, sumOfSquares: number): Interval {
  if (n === 0) return [0, 0]
  const mean = sum / n
  const variance = n > 1 ? Math.max(0, (sumOfSquares - n * mean * mean) / (n - 1)) : 0
  const half = Z * Math.sqrt(variance / n)
  return [mean - half, mean + half]
}

/**
 * Interval of Σy/Σx over independent clusters (the delta method of a ratio estimator): the mean loss per token
 * where tokens of one text depend on each other.
 * Source: W. G. Cochran, Sampling Techniques (1977), §6.4.
 */
export function ratioInterval(y: ArrayLike<number>, x: ArrayLike<number>): Interval {
  const n = y.length
  let sumY = 0
  let sumX = 0
  for (let i = 0; i < n; i++) {
    sumY += y[i]!
    sumX += x[i]!
  }
  if (sumX === 0) return [0, 0]
  const ratio = sumY / sumX
  let squares = 0
  for (let i = 0; i < n; i++) squares += (y[i]! - ratio * x[i]!) ** 2
  const half = n > 1 ? (Z * Math.sqrt((n / (n - 1)) * squares)) / sumX : 0
  return [ratio - half, ratio + half]
}

/** Samples that depend on each other: where each block of them begins, from 0 on. */
export type Blocks = readonly number[]

/** Blocks that say something of the spread between them. */
const LEAST_BLOCKS = 20

/**
 * Clips as blocks, by whether each sample goes on where the one before it ended. Where there are few clips, long ones are
 * cut: what is further apart depends less. Undefined where no sample goes on.
 */
export function blocksOf(follows: readonly boolean[]): Blocks | undefined {
  if (!follows.some((goesOn, i) => goesOn && i > 0)) return undefined
  const clips = follows.filter((goesOn, i) => i === 0 || !goesOn).length
  const most = clips >= LEAST_BLOCKS ? Infinity : Math.max(1, Math.floor(follows.length / LEAST_BLOCKS))
  const starts: number[] = []
  for (const [i, goesOn] of follows.entries())
    if (i === 0 || !goesOn || i - starts.at(-1)! >= most) starts.push(i)
  return starts
}

/**
 * Percentile bootstrap over samples, or over blocks of them as wholes. `statistic` gets how often each sample was drawn.
 * Sources: B. Efron, Annals of Statistics 7 (1979) 1–26; for blocks H. R. Künsch, Annals of Statistics 17 (1989)
 * 1217–1241.
 */
export function bootstrap(
  n: number,
  statistic: (weights: Float64Array) => number,
  random: Random,
  resamples = 200,
  blocks?: Blocks,
): Interval {
  const weights = new Float64Array(n)
  const values: number[] = []
  const draws = blocks?.length ?? n
  for (let r = 0; r < resamples; r++) {
    weights.fill(0)
    for (let i = 0; i < draws; i++) {
      const drawn = random.below(draws)
      if (!blocks) weights[drawn]! += 1
      else for (let at = blocks[drawn]!; at < (blocks[drawn + 1] ?? n); at++) weights[at]! += 1
    }
    const value = statistic(weights)
    if (Number.isFinite(value)) values.push(value)
  }
  values.sort((a, b) => a - b)
  return [quantile(values, 0.025), quantile(values, 0.975)]
}

/** Linear interpolation between order statistics, as NumPy's default. `sorted` ascending; NaN when empty. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const at = (sorted.length - 1) * q
  const low = Math.floor(at)
  const a = sorted[low] ?? NaN
  const b = sorted[Math.min(low + 1, sorted.length - 1)] ?? NaN
  return a + (b - a) * (at - low)
}

/** Ascending copy. */
export const sorted = (values: ArrayLike<number>): Float64Array => Float64Array.from(values).sort()
