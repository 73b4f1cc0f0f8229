/** Values of metrics, and what they say of a candidate, as every sentence and table writes them. */
import { formatEnds, formatFigure, formatPoints, formatShare, threeDigits } from './format'
import { metricWords } from './metric-table'
import { besideText, isShare, lossText, lostBeside, pointsLost, SHOWN, taskLost } from './points'
import type { Fidelity, Quality, Report } from './report'

/** "99.4%", "0.9988", "12.3 dB". */
export function formatMetric(metric: string, value: number): string {
  if (!Number.isFinite(value)) return '–'
  const { unit } = metricWords(metric)
  if (unit === 'coefficient')
    return value > 0.9999 && value < 1 ? '>0.9999' : String(Number(value.toFixed(4)))
  if (unit === 'share') return formatShare(value)
  if (unit === 'decibel') return `${threeDigits(value)} dB`
  return Number.isInteger(value) && Math.abs(value) >= 1000
    ? value.toLocaleString('en-US')
    : threeDigits(value)
}

/** The 95% interval of a value: "98.3%" and "99.8%". An end that is not all or nothing does not read as that. */
export function formatInterval(metric: string, interval: readonly [number, number]): [string, string] {
  const { unit } = metricWords(metric)
  if (unit !== 'share' && unit !== 'coefficient')
    return [formatMetric(metric, interval[0]), formatMetric(metric, interval[1])]
  const whole = unit === 'share' ? 100 : 1
  const ends = formatEnds([interval[0] * whole, interval[1] * whole], unit === 'share' ? 2 : 4)
  const text = (at: 0 | 1): string => {
    const reads = Number(ends[at]) / whole
    const isExact = reads !== 0 && reads !== 1
    return isExact ? ends[at] + (unit === 'share' ? '%' : '') : formatMetric(metric, interval[at])
  }
  return [text(0), text(1)]
}

/** True where answers were held against what is right, not against the original's. */
export const isQuality = ({ split, metric, task }: Quality): boolean =>
  split !== 'random' && task !== 'unlabelled' && metric !== 'cosine'

/** True where the paired interval of a change holds no change at all. */
export const maybeChance = ({ interval: [low, high] }: NonNullable<Report['qualityChange']>): boolean =>
  low <= 0 && high >= 0

/** " (within chance)" behind a change of quality that is seen and that its paired interval does not bear out. */
export const chanceText = (before: Quality, { quality, qualityChange }: Report): string =>
  qualityChange && maybeChance(qualityChange) && Math.abs(taskLost(before, quality)) >= SHOWN
    ? ' (within chance)'
    : ''

/** "losing 0.3 points", "losing 0.3 points (within chance)": `lossText` of two that were measured on the same samples. */
export function lossSaid({ quality: before }: Report, candidate: Report): string {
  const { quality } = candidate
  const lost = pointsLost(before, quality)
  const isJudged = isQuality(quality) && lost === taskLost(before, quality)
  return lossText(quality, lost) + (isJudged ? chanceText(before, candidate) : '')
}

/** How like the original's the answers are: "98% the same answers". */
function likenessText({ metric, value }: Quality, fidelity: Fidelity | undefined): string {
  const agreement = fidelity?.agreement
  const same = agreement === undefined ? [] : [`${formatShare(agreement)} the same answers`]
  if (metric === 'likeness')
    return [...same, `an error of ${formatShare(Math.sqrt(Math.max(0, 1 - value)))} of their spread`].join(
      ' and ',
    )
  if (same.length > 0) return same[0]!
  return `outputs like the original’s to ${formatMetric(metric, value)} (${metric})`
}

/**
 * "−0.2 points", "−0.2 points (within chance)", "perplexity 1.2% higher", "98% the same answers on random inputs;
 * quality unknown".
 */
export function qualityText(original: Report, candidate: Report): string {
  const beside = lostBeside(candidate.quality)
  const told = judgedText(original, candidate)
  const worst = beside && pointsLost(original.quality, candidate.quality) === beside.points
  return worst ? `${told}; −${besideText(beside)}` : told
}

function judgedText(original: Report, candidate: Report): string {
  const { quality, fidelity } = candidate
  if (!isQuality(quality)) {
    const where =
      quality.split === 'random' ? 'random inputs' : `${quality.samples.toLocaleString('en')} samples`
    const why = quality.task === 'unlabelled' && quality.split !== 'random' ? ' without labels' : ''
    return `${likenessText(quality, fidelity)} on ${where}; quality unknown${why}`
  }
  const gained = -taskLost(original.quality, quality)
  const amount = formatFigure(Math.abs(gained))
  const { said } = metricWords(quality.metric)
  const shares = isShare(quality.metric)
  if (amount === '0') {
    const [is, was] = [quality, original.quality].map(({ metric, value }) => formatMetric(metric, value))
    // Digits that are shown beside it must not speak against it.
    const same = is === was ? `the same ${said}` : `${said} within 0.01${shares ? ' points' : '%'}`
    return `${same} on ${quality.samples.toLocaleString('en')} samples`
  }
  const chance = chanceText(original.quality, candidate)
  if (shares) return `${gained < 0 ? '−' : '+'}${formatPoints(Math.abs(gained))}${chance}`
  return `${said} ${amount}% ${gained > 0 === quality.higherIsBetter ? 'higher' : 'lower'}${chance}`
}
