/** The limits a result is held to: read from words, judged and said in one place. */
import { formatBytes, formatFigure, threeDigits } from './format'
import { amountText, isShare, pointsLost } from './points'
import type { Report } from './report'
import type { Trial } from './trial'

export interface Limits {
  /** Most quality that may be lost, in points. */
  maxDrop?: number
  /** Of the file. */
  maxBytes?: number
  /** Latency as a share of the original's. */
  maxLatency?: number
}

/** A size as people say it: bytes, or a share of the original's file. */
export type SizeLimit = { bytes: number } | { share: number }

/** What the limits are held against. */
export interface Costs {
  /** Absent where it is not known. */
  pointsLost?: number
  /** What the points are of; default accuracy. */
  metric?: string
  bytes: number
  /** Over the original's; `target` where it is an estimate for another device. Absent where it was not timed. */
  time?: { value: number; target?: string }
}

export interface Miss {
  limit: 'quality' | 'size' | 'latency'
  /** What it costs, what is allowed, by how much it is over. */
  sentence: string
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
}

/** "900KB", "1.5 MiB", "25%" of the original or "4x" smaller; undefined for anything else. */
export function parseSize(text: string): SizeLimit | undefined {
  const [, figure, unit = ''] = /^([\d.]+)\s*(%|[a-z×]*)$/i.exec(text.trim()) ?? []
  const value = Number(figure)
  if (!(value > 0) || !Number.isFinite(value)) return undefined
  if (unit === '%') return { share: value / 100 }
  // "0.5x" may be meant as half or as twice the size.
  if (/^[x×]$/i.test(unit)) return value >= 1 ? { share: 1 / value } : undefined
  const scale = UNITS[unit.toLowerCase()]
  const bytes = scale && Math.round(value * scale)
  return bytes ? { bytes } : undefined
}

/** "0.5x", "50%" or "0.5" of the original's; undefined for anything else. */
export function parseShare(text: string): number | undefined {
  const [, figure, unit] = /^([\d.]+)\s*([x×%]?)$/i.exec(text.trim()) ?? []
  const value = Number(figure) / (unit === '%' ? 100 : 1)
  return value > 0 && Number.isFinite(value) ? value : undefined
}

/** In bytes, of an original whose file takes `original`. */
export const sizeIn = (limit: SizeLimit, original: number): number =>
  'bytes' in limit ? limit.bytes : Math.floor(limit.share * original)

/** Measured quality that exactly meets the floor must not fail by rounding. */
const EPSILON = 1e-9

/** True when a loss in points is no more than the floor allows. */
export const within = (points: number, maxDrop: number): boolean => points <= maxDrop + EPSILON

/** Everything that stands against a result; empty when it is inside all limits that there are. */
export function misses(
  { maxDrop, maxBytes, maxLatency }: Limits,
  { pointsLost, metric = 'accuracy', bytes, time }: Costs,
): Miss[] {
  const missed: Miss[] = []
  if (maxDrop !== undefined)
    if (pointsLost === undefined) missed.push({ limit: 'quality', sentence: 'its quality was not measured' })
    else if (!within(pointsLost, maxDrop))
      missed.push({
        limit: 'quality',
        sentence: isShare(metric)
          ? `it loses ${amountText(metric, pointsLost)} where ${maxDrop} are allowed (${over(pointsLost - maxDrop)} too many)`
          : `its ${metric} is ${amountText(metric, pointsLost)} worse where ${maxDrop}% are allowed`,
      })
  if (maxBytes !== undefined && bytes > maxBytes)
    missed.push({
      limit: 'size',
      sentence: `its file takes ${formatBytes(bytes)}, more than the ${formatBytes(maxBytes)} allowed (${formatBytes(bytes - maxBytes)} too many)`,
    })
  if (maxLatency !== undefined && time && time.value > maxLatency)
    missed.push({
      limit: 'latency',
      sentence: `it takes ${formatFigure(time.value)}× the original's time${time.target ? ` on ${time.target} by estimate` : ''} where ${maxLatency}× is allowed (${over(time.value - maxLatency)}× too much)`,
    })
  return missed
}

/** Never 0 of what is over. */
const over = (excess: number): string => (excess >= 0.005 ? formatFigure(excess) : threeDigits(excess))

/** Over the original's: on a target that is not here its estimate counts, else what was measured. */
export const trialCosts = ({ pointsLost, quality, bytes, targetLatency, latencyRatio }: Trial): Costs => ({
  pointsLost,
  ...(quality && { metric: quality.metric }),
  bytes,
  ...(targetLatency
    ? { time: { value: targetLatency.ratio, target: targetLatency.target } }
    : latencyRatio !== undefined && { time: { value: latencyRatio } }),
})

/** What a report says of these; without an original, size alone. */
export function costsOf(candidate: Report, original?: Report): Costs {
  const { bytes, quality, targetLatency, latencyRatio, latencyMs } = candidate
  if (!original) return { bytes }
  return {
    bytes,
    pointsLost: pointsLost(original.quality, quality),
    metric: quality.metric,
    // What a search goes by: for a target that is not here its estimate, else the two timed in turn.
    time: targetLatency
      ? { value: targetLatency.ratio, target: targetLatency.target }
      : { value: latencyRatio?.value ?? latencyMs.p50 / original.latencyMs.p50 },
  }
}
