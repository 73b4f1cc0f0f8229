/** What a run has found so far, and what to allow more of where nothing fits. Pure. */
import type { SearchGoal } from '../../../contract/goal'
import { misses, within, type Miss } from '../../../contract/limits'
import { lossSaid } from '../../../contract/metrics'
import type { Candidate } from '../../../contract/project'
import { lossText, pointsLost } from '../../../contract/points'
import type { Footprint, Quality, Report } from '../../../contract/report'
import type { TrialPoint } from '../../../contract/trial'

/** What it lost, in words; "" where no quality was measured. What a search tried has no interval to tell chance by. */
export const lostText = (
  { candidate, lost }: Pick<Found, 'candidate' | 'lost'>,
  original: Report | undefined,
  quality: Quality | undefined,
): string =>
  original && candidate ? lossSaid(original, candidate.report) : quality ? lossText(quality, lost) : ''

/** A finished candidate or a recipe that a search has measured, by what limits judge. */
export interface Found {
  id: string
  name: string
  bytes: number
  downloadBytes: number
  /** Points lost; negative where it gained. */
  lost: number
  /** Over the original's. */
  time?: number
  /** Where it goes on a microcontroller. */
  footprint?: Footprint
  /** When it was found, ISO 8601; of candidates nobody wrote it down. */
  at?: string
  candidate?: Candidate
}

export function foundOf(
  candidates: readonly Candidate[],
  trials: readonly TrialPoint[],
  original: Quality | undefined,
): Found[] {
  const made = original
    ? candidates.map((candidate): Found => {
        const { id, name, report } = candidate
        const time = report.targetLatency?.ratio ?? report.latencyRatio?.value
        return {
          id,
          name,
          bytes: report.bytes,
          downloadBytes: report.downloadBytes,
          lost: pointsLost(original, report.quality),
          ...(time !== undefined && { time }),
          ...(report.footprint && { footprint: report.footprint }),
          candidate,
        }
      })
    : []
  const tried = trials.flatMap((trial): Found[] => {
    if (trial.state === 'failed' || trial.pointsLost === undefined) return []
    const time = trial.targetLatency?.ratio ?? trial.latencyRatio
    const { key: id, name, bytes, downloadBytes, pointsLost: lost, at, footprint } = trial
    return [
      {
        id,
        name,
        bytes,
        downloadBytes,
        lost,
        ...(time !== undefined && { time }),
        ...(footprint && { footprint }),
        ...(at && { at }),
      },
    ]
  })
  return [...made, ...tried]
}

const missedBy = (goal: SearchGoal | undefined, { bytes, lost, time, footprint }: Found): Miss[] =>
  goal
    ? misses(goal, {
        bytes,
        pointsLost: lost,
        ...(time !== undefined && { time: { value: time } }),
        ...(footprint && { footprint }),
      })
    : []

/** The smallest download inside all limits; a candidate before a trial of the same size, as it was measured whole. */
export const bestSoFar = (found: readonly Found[], goal: SearchGoal | undefined): Found | undefined =>
  found
    .filter((one) => missedBy(goal, one).length === 0)
    .reduce<Found | undefined>(
      (best, next) => (best && best.downloadBytes <= next.downloadBytes ? best : next),
      undefined,
    )

/** One limit set to another value, and what it would let in. */
export interface Relaxation {
  limit: 'maxDrop' | 'maxBytes' | 'maxLatency'
  value: number
  gives: Found
}

/** What a board has cannot be widened. */
const FIELDS: Partial<Record<Miss['limit'], Relaxation['limit']>> = {
  quality: 'maxDrop',
  size: 'maxBytes',
  latency: 'maxLatency',
}

/** The next step of what people type, at or above the value: tenths of points, whole kB, whole per cent of a time. */
const GRAINS: Record<Relaxation['limit'], number> = { maxDrop: 0.1, maxBytes: 1000, maxLatency: 0.01 }

function roundedUp(limit: Relaxation['limit'], value: number): number {
  const steps = Math.ceil(value / GRAINS[limit] - 1e-9)
  return limit === 'maxBytes' ? steps * 1000 : Number((steps * GRAINS[limit]).toFixed(2))
}

/**
 * For each limit the least by which it alone must be wider for something to fit, and the smallest of what then fits;
 * what misses two limits at once is let in by neither.
 */
export function relaxations(found: readonly Found[], goal: SearchGoal): Relaxation[] {
  const nearest = new Map<Relaxation['limit'], { value: number; gives: Found }>()
  const needs = (limit: Relaxation['limit'], { lost, bytes, time }: Found): number =>
    roundedUp(limit, limit === 'maxDrop' ? lost : limit === 'maxBytes' ? bytes : (time ?? Infinity))
  for (const one of found) {
    const [only, another] = missedBy(goal, one)
    const limit = only && !another ? FIELDS[only.limit] : undefined
    if (!limit) continue
    const value = needs(limit, one)
    const known = nearest.get(limit)
    const better =
      !known ||
      value < known.value ||
      (within(value, known.value) && one.downloadBytes < known.gives.downloadBytes)
    if (better) nearest.set(limit, { value, gives: one })
  }
  return [...nearest].map(([limit, rest]) => ({ limit, ...rest }))
}

/**
 * How many times smaller, and what is: the download, and while the original's is not measured the file. Undefined where
 * neither is known.
 */
export function smaller(
  found: Found,
  original: Report | undefined,
  fileBytes: number | undefined,
): { times: number; what: 'download' | 'file' } | undefined {
  if (original) return { times: original.downloadBytes / found.downloadBytes, what: 'download' }
  return fileBytes === undefined ? undefined : { times: fileBytes / found.bytes, what: 'file' }
}
