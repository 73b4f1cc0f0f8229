/** What a candidate gained and lost, in the words every screen, report and command uses. */
import { formatBytes, formatMilliseconds, formatTimes } from './format'
import { TIME_MARGIN } from './front'
import { qualityText } from './metrics'
import type { Footprint, LatencyStats, Report } from './report'

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
  if (times >= 1.005) return `${formatTimes(times)} ${better}`
  if (times <= 0.995) return `${formatTimes(1 / times)} ${worse}`
  return same
}

type Downloaded = Pick<Report, 'downloadBytes'>

/** File and download say one thing where their ratios differ by less. */
const ALIKE = 1.05

const shareText = (before: number, after: number, what: 'file' | 'download'): string =>
  ratioText(before, after, `smaller ${what}`, `larger ${what}`, `same ${what} size`)

/** "11.8× smaller download" */
export const downloadText = (original: Downloaded, candidate: Downloaded): string =>
  shareText(original.downloadBytes, candidate.downloadBytes, 'download')

/** "11.8× smaller download"; where the file gained another factor, both. A ratio never stands without its measure. */
export function sizeText(original: Report, candidate: Report): string {
  const file = original.bytes / candidate.bytes
  const download = original.downloadBytes / candidate.downloadBytes
  const apart = Math.max(file, download) / Math.min(file, download) > ALIKE
  const files = apart ? [shareText(original.bytes, candidate.bytes, 'file')] : []
  return [...files, downloadText(original, candidate)].join(', ')
}

/** A size never stands without its name; where the file is limited, it is told beside the download. */
export const sizesText = (
  { bytes, downloadBytes }: Pick<Report, 'bytes' | 'downloadBytes'>,
  { maxBytes }: { maxBytes?: number },
): string =>
  `${maxBytes === undefined ? '' : `${formatBytes(bytes)} as a file, `}${formatBytes(downloadBytes)} to download`

/** "2.4× faster": a time over the original's that has no interval, as estimates have none. */
export const fasterText = (ratio: number): string => ratioText(1, ratio, 'faster', 'slower', 'same speed')

/** An interval this many times as high as low is no measurement of how much. */
const VAGUE = 2

type TimeRatio = NonNullable<Report['latencyRatio']>

/** False where the interval is too wide to say how much, or whether at all. */
export const isTold = ({ interval: [low, high] }: TimeRatio): boolean =>
  low <= 1 && high >= 1 ? high / low <= (1 + TIME_MARGIN) ** 2 : high / low <= VAGUE

/** True where the interval says which of the two is faster. */
export const isApart = (ratio: TimeRatio): boolean =>
  isTold(ratio) && (ratio.interval[1] < 1 || ratio.interval[0] > 1)

/** "2.4× faster", "1.3× slower", "same speed"; what its interval does not bear out is unclear. */
export function timeText(ratio: TimeRatio): string {
  const [low, high] = ratio.interval
  if (!isTold(ratio)) return `speed unclear (${formatTimes(low)} to ${formatTimes(high)} the original’s time)`
  return low <= 1 && high >= 1 ? 'same speed' : fasterText(ratio.value)
}

/** "1.57× faster (95%: 1.49× to 1.64×)": what `timeText` says with the interval it goes by. */
export function timeDetail(ratio: TimeRatio): string {
  const text = timeText(ratio)
  const [low, high] = ratio.interval
  if (!isTold(ratio)) return text
  if (low <= 1 && high >= 1)
    return `${text} (95%: ${formatTimes(low)} to ${formatTimes(high)} the original’s time)`
  const ends = high < 1 ? [1 / high, 1 / low] : [low, high]
  return `${text} (95%: ${ends.map(formatTimes).join(' to ')})`
}

/**
 * The original's times of the sitting in which the candidates were timed. Undefined where each had its own: then only
 * their ratios to it can stand side by side.
 */
export function originalTimes(original: Report, candidates: readonly Report[]): LatencyStats | undefined {
  const [first = original.latencyMs, ...others] = candidates.map(
    ({ originalLatencyMs }) => originalLatencyMs ?? original.latencyMs,
  )
  return others.every(({ p50, p95 }) => p50 === first.p50 && p95 === first.p95) ? first : undefined
}

/** Only what was timed in turn with the original is compared with it. */
export const speedText = ({ latencyRatio }: Report): string =>
  latencyRatio ? timeText(latencyRatio) : 'speed not compared'

/** What was timed here and what is estimated for the target never stand for each other. */
const speedsText = (report: Report): string =>
  report.targetLatency
    ? `${speedText(report)} here and ${fasterText(report.targetLatency.ratio)} on ${report.targetLatency.target} by estimate`
    : speedText(report)

/** "11.8× smaller download, 2.4× faster, −0.2 points" */
export const changeText = (original: Report, candidate: Report): string =>
  [sizeText(original, candidate), speedsText(candidate), qualityText(original, candidate)].join(', ')

/** "31.7 kB of flash and 99.1 kB of RAM on cortex-m4f, about 12 ms a run", or why there is no C of it; empty elsewhere. */
export function footprintText(footprint: Footprint | undefined): string {
  if (!footprint) return ''
  if ('reason' in footprint) return `not on ${footprint.target}: ${footprint.reason.replace(/\.$/, '')}`
  const { target, flashBytes, ramBytes, milliseconds } = footprint
  const time =
    milliseconds === undefined ? '' : `, about ${formatMilliseconds(milliseconds)} a run by estimate`
  return `${formatBytes(flashBytes)} of flash and ${formatBytes(ramBytes)} of RAM on ${target}${time}`
}

/** Notes of the original and its candidates, each once: what does not hold of all says of which it does. */
export function notesText(
  original: Report,
  candidates: readonly { name: string; report: Report }[],
): string[] {
  const all = [original, ...candidates.map(({ report }) => report)].flatMap(({ notes }) => notes)
  return [...new Set(all)].map((note) => {
    const of = candidates.filter(({ report }) => report.notes.includes(note))
    return original.notes.includes(note) || of.length === candidates.length
      ? note
      : `${of.map(({ name }) => name).join(', ')}: ${note}`
  })
}
