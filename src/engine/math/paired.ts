/** Whether one of two things measured on the same samples is better, and not by chance. */
import { signTest } from './statistics'

/**
 * Probability that gains (one a sample, larger is better) as large as these come from nothing: the smaller of Student's t
 * test and the sign test, doubled because the better of the two is taken; 1 where the mean gain is none.
 * Sources: D. L. Wallace, Annals of Mathematical Statistics 30 (1959) 1124–1130, for t as a normal deviate;
 * M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions (1964), 26.2.17, for its tail.
 */
export function gainByChance(gains: ArrayLike<number>): number {
  const n = gains.length
  if (n < 2) return 1
  const list = Array.from(gains)
  const mean = list.reduce((sum, gain) => sum + gain, 0) / n
  if (!(mean > 0)) return 1
  const deviation = Math.sqrt(list.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / (n - 1))
  const won = list.filter((gain) => gain > 0).length
  const lost = list.filter((gain) => gain < 0).length
  const t = (mean * Math.sqrt(n)) / Math.max(deviation, Number.MIN_VALUE)
  return Math.min(1, 2 * Math.min(studentTail(t, n - 1), signTest(won, lost)))
}

function studentTail(t: number, freedom: number): number {
  const spread = Math.sqrt(freedom * Math.log1p((t * t) / freedom))
  return normalTail(spread * ((8 * freedom + 1) / (8 * freedom + 3)))
}

/** P(Z > z), z ≥ 0, to 7.5e-8. */
function normalTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series
}
