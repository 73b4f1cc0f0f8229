/** What a candidate gained and lost, in the words every screen, report and command uses. */
import { threeDigits } from './format'
import { pointsLost } from './points'
import type { Report } from './report'

/** "11.8× smaller", "1.2× larger", "same size": the first over the second, one being better when smaller. */
export function ratioText(
  before: number,
  after: number,
  better: string,
  worse: string,
  same: string,
): string {
  if (!(before > 0) || !(after > 0)) return same
  const times = before / after
  if (times >= 1.005) return `${threeDigits(times)}× ${better}`
  if (times <= 0.995) return `${threeDigits(1 / times)}× ${worse}`
  return same
}

/** "−0.2 points", "+0.1 points", "no quality lost". */
export function pointsText(original: Report, candidate: Report): string {
  const gained = -pointsLost(original.quality, candidate.quality)
  const rounded = Math.abs(gained) < 10 ? Number(gained.toFixed(2)) : Number(gained.toPrecision(3))
  if (rounded === 0) return 'no quality lost'
  return `${rounded < 0 ? '−' : '+'}${Math.abs(rounded)} point${Math.abs(rounded) === 1 ? '' : 's'}`
}

/**
 * "2.4× faster", "1.3× slower", "same speed". Where both were timed in turn that ratio counts, and a difference
 * its interval does not bear out is none.
 */
export function speedText(original: Report, candidate: Report): string {
  const ratio = candidate.latencyRatio
  if (!ratio)
    return ratioText(original.latencyMs.p50, candidate.latencyMs.p50, 'faster', 'slower', 'same speed')
  const [low, high] = ratio.interval
  return low <= 1 && high >= 1 ? 'same speed' : ratioText(1, ratio.value, 'faster', 'slower', 'same speed')
}

/** "11.8× smaller, 2.4× faster, −0.2 points" */
export function changeText(original: Report, candidate: Report): string {
  return [
    ratioText(original.bytes, candidate.bytes, 'smaller', 'larger', 'same size'),
    speedText(original, candidate),
    pointsText(original, candidate),
  ].join(', ')
}
