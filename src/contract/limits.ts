/** The limits a result is held to: read from words, judged and said in one place. */
import { formatBytes, formatFigure, formatTimes, threeDigits } from './format'
import { isQuality } from './metrics'
import { amountText, isShare, pointsLost } from './points'
import type { Footprint, Quality, Report } from './report'
import type { Trial } from './trial'
import { isTold } from './verdict'

export interface Limits {
  /** Most quality that may be lost, in points. */
  maxDrop?: number
  /** Of the file. */
  maxBytes?: number
  /** Latency as a share of the original's. */
  maxLatency?: number
  /** Bytes of code and constants on a microcontroller. */
  maxFlash?: number
  /** Bytes of working memory there. */
  maxRam?: number
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
  /** Over the original's. Absent where it was not timed. */
  time?: CostOfTime
  /** Absent where the target is no microcontroller. */
  footprint?: Footprint
}

interface CostOfTime {
  value: number
  /** Where it is an estimate for another device. */
  target?: string
  /** 95%, where the two were timed in turn. */
  interval?: [low: number, high: number]
  /** Of medians of two sittings. */
  apart?: boolean
}

export interface Miss {
  limit: 'quality' | 'size' | 'latency' | 'flash' | 'ram'
  /** How many times what is allowed; without end where it is not known. */
  times: number
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
  { maxDrop, maxBytes, maxLatency, ...board }: Limits,
  { pointsLost, metric = 'accuracy', bytes, time, footprint }: Costs,
): Miss[] {
  const missed: Miss[] = []
  if (maxDrop !== undefined)
    if (pointsLost === undefined)
      missed.push({ limit: 'quality', times: Infinity, sentence: 'its quality was not measured' })
    else if (!within(pointsLost, maxDrop))
      missed.push({
        limit: 'quality',
        times: pointsLost / maxDrop,
        sentence: isShare(metric)
          ? `it loses ${amountText(metric, pointsLost)} where ${maxDrop} are allowed (${over(pointsLost - maxDrop)} too many)`
          : `its ${metric} is ${amountText(metric, pointsLost)} worse where ${maxDrop}% are allowed`,
      })
  if (maxBytes !== undefined && bytes > maxBytes)
    missed.push({
      limit: 'size',
      times: bytes / maxBytes,
      sentence: `its file takes ${formatBytes(bytes)}, more than the ${formatBytes(maxBytes)} allowed (${formatBytes(bytes - maxBytes)} too many)`,
    })
  if (maxLatency !== undefined && time && time.value > maxLatency)
    missed.push({
      limit: 'latency',
      times: time.value / maxLatency,
      sentence: `it takes ${formatFigure(time.value)}× the original's time${timeBasis(time)} where ${maxLatency}× is allowed (${over(time.value - maxLatency)}× too much)`,
    })
  return [...missed, ...missesOnBoard(board, footprint)]
}

/** A chip that is named limits what is not limited otherwise. */
function missesOnBoard(
  { maxFlash, maxRam }: Pick<Limits, 'maxFlash' | 'maxRam'>,
  footprint: Footprint | undefined,
): Miss[] {
  if (!footprint)
    return maxFlash === undefined && maxRam === undefined
      ? []
      : [{ limit: 'flash', times: Infinity, sentence: 'its flash and RAM were not counted' }]
  if ('reason' in footprint)
    return [
      {
        limit: 'flash',
        times: Infinity,
        sentence: `it cannot be had as C: ${footprint.reason.replace(/\.$/, '')}`,
      },
    ]
  const { target, flashBytes, ramBytes, has } = footprint
  const miss = (limit: 'flash' | 'ram', most: number | undefined, bytes: number): Miss[] => {
    if (most === undefined || bytes <= most) return []
    const [needs, allowed, tooMany] = [bytes, most, bytes - most].map(formatBytes)
    const memory = limit === 'ram' ? 'RAM' : limit
    return [
      {
        limit,
        times: bytes / most,
        sentence: `it takes ${needs} of ${memory} on ${target}, more than the ${allowed} allowed (${tooMany} too many)`,
      },
    ]
  }
  return [
    ...miss('flash', maxFlash ?? has?.flashBytes, flashBytes),
    ...miss('ram', maxRam ?? has?.ramBytes, ramBytes),
  ]
}

/** What the time stands on where that is no plain measurement on this machine. */
function timeBasis({ value, target, interval, apart }: CostOfTime): string {
  if (target) return ` on ${target} by estimate`
  if (apart) return ', by medians that were not taken in turn,'
  if (!interval || isTold({ value, interval })) return ''
  return ` (unclear on so busy a machine: ${interval.map(formatTimes).join(' to ')})`
}

/** On what "inside the limits" stands, where that is less than what was measured: ", its time by estimate for ios". */
export function basisOfLimits({ maxLatency }: Limits, quality: Quality, { time }: Costs): string {
  const likeness = isQuality(quality) ? [] : ['as far as likeness tells']
  if (maxLatency === undefined || !time) return likeness.map((words) => `, ${words}`).join('')
  const { target, apart, interval, value } = time
  const doubt = target
    ? [`its time by estimate for ${target}`]
    : apart
      ? ['its time by medians that were not taken in turn']
      : interval && !isTold({ value, interval })
        ? ['its time as far as so busy a machine tells']
        : []
  return [...likeness, ...doubt].map((words) => `, ${words}`).join('')
}

/** Never 0 of what is over. */
const over = (excess: number): string => (excess >= 0.005 ? formatFigure(excess) : threeDigits(excess))

/** Over the original's: on a target that is not here its estimate counts, else what was measured. */
export function trialCosts(trial: Trial): Costs {
  const {
    pointsLost,
    quality,
    bytes,
    targetLatency,
    latencyRatio,
    latencyInterval: interval,
    footprint,
  } = trial
  return {
    pointsLost,
    ...(quality && { metric: quality.metric }),
    bytes,
    ...(footprint && { footprint }),
    ...(targetLatency
      ? { time: { value: targetLatency.ratio, target: targetLatency.target } }
      : latencyRatio !== undefined && { time: { value: latencyRatio, ...(interval && { interval }) } }),
  }
}

/** What a report says of these; without an original, sizes alone. */
export function costsOf(candidate: Report, original?: Report): Costs {
  const { bytes, quality, targetLatency, latencyRatio, latencyMs, footprint } = candidate
  const sizes = { bytes, ...(footprint && { footprint }) }
  if (!original) return sizes
  return {
    ...sizes,
    pointsLost: pointsLost(original.quality, quality),
    metric: quality.metric,
    // What a search goes by: for a target that is not here its estimate, else the two timed in turn.
    time: targetLatency
      ? { value: targetLatency.ratio, target: targetLatency.target }
      : (latencyRatio ?? { value: latencyMs.p50 / original.latencyMs.p50, apart: true }),
  }
}
