/** The three answers of a comparison, as people feel them: before and after, by how much, and against the limit. */
import type { SearchGoal } from '../../../contract/goal'
import { maybeChance } from '../../../contract/metrics'
import { amountText, pointsLost } from '../../../contract/points'
import type { Report } from '../../../contract/report'
import { isApart, ratioText, timeText } from '../../../contract/verdict'
import { bytes, milliseconds, percent, typeset, whole } from '../../lib/format'
import { metricName, qualityChange, qualityValue } from '../../lib/metrics'

interface Answer {
  id: 'size' | 'time' | 'quality'
  /** The question. */
  title: string
  /** The sentence in large type. */
  said: string
  /** Undefined where it is neither. */
  better?: boolean
  /** Absent where it was not measured in turn with the candidate. */
  before?: { text: string; value: number }
  after: { text: string; value: number }
  /** Both bars begin at zero; this is where they end. */
  most: number
  /** What that means to somebody who waits, downloads or relies on the answers. */
  felt: string
  limit?: { text: string; kept: boolean; at?: number }
}

type Limits = Partial<Pick<SearchGoal, 'maxDrop' | 'maxBytes' | 'maxLatency'>>

function sizeAnswer(original: Report, candidate: Report, { maxBytes }: Limits): Answer {
  const [before, after] = [original.downloadBytes, candidate.downloadBytes]
  const fit = Math.floor(before / after)
  return {
    id: 'size',
    title: 'To download',
    said: ratioText(before, after, 'smaller', 'larger', 'same size'),
    better: Math.abs(before / after - 1) < 0.005 ? undefined : after < before,
    before: { text: bytes(before), value: before },
    after: { text: bytes(after), value: after },
    most: Math.max(before, after),
    felt:
      fit >= 2
        ? `${whole(fit)} of it fit where the original fits once; the file is ${bytes(candidate.bytes)}.`
        : `The file is ${bytes(candidate.bytes)}, the original’s ${bytes(original.bytes)}.`,
    ...(maxBytes !== undefined && {
      limit: { text: `a file of ${bytes(maxBytes)} at most`, kept: candidate.bytes <= maxBytes },
    }),
  }
}

/** Answers a second, as a person counts. */
const rate = (ms: number): string => {
  const a = 1000 / ms
  return a >= 10 ? whole(Number(a.toPrecision(2))) : a.toPrecision(2)
}

function timeAnswer(original: Report, candidate: Report, { maxLatency }: Limits): Answer {
  const ratio = candidate.latencyRatio
  const after = candidate.latencyMs.p50
  // Only the times of one sitting stand beside each other.
  const before = ratio && (candidate.originalLatencyMs ?? original.latencyMs).p50
  const differs = ratio && isApart(ratio)
  return {
    id: 'time',
    title: 'Time per answer',
    said: ratio ? timeText(ratio) : 'speed not compared',
    better: differs ? ratio.value < 1 : undefined,
    ...(before !== undefined && { before: { text: milliseconds(before), value: before } }),
    after: { text: milliseconds(after), value: after },
    most: Math.max(before ?? 0, after),
    felt: `About ${rate(after)} answers a second on this machine${differs ? `, instead of ${rate(before!)}` : ''}.`,
    ...(maxLatency !== undefined &&
      ratio && {
        limit: {
          text: `${percent(maxLatency)} of the original’s time at most`,
          kept: ratio.value <= maxLatency,
        },
      }),
  }
}

function qualityAnswer(original: Report, candidate: Report, { maxDrop }: Limits): Answer {
  const [was, is] = [original.quality, candidate.quality]
  const { title, fraction } = metricName(was.metric)
  const lost = pointsLost(was, is)
  const wrong = (value: number): number => Math.round((1 - value) * 1000)
  const paired = candidate.qualityChange
  const unsure = paired ? maybeChance(paired) : Math.abs(lost) < 0.005
  const counted = was.metric === 'accuracy' && wrong(was.value) + wrong(is.value) > 0
  return {
    id: 'quality',
    title,
    said: qualityChange(was, is),
    better: unsure ? undefined : lost < 0,
    before: { text: qualityValue(was), value: was.value },
    after: { text: qualityValue(is), value: is.value },
    // Shares end at 1, however good both are.
    most: fraction ? 1 : Math.max(was.value, is.value),
    felt: counted
      ? `${whole(wrong(is.value))} wrong answers in 1,000, instead of ${whole(wrong(was.value))}${unsure ? '; on so few samples that may be chance' : ''}.`
      : unsure
        ? 'The samples do not tell it from chance.'
        : `Measured on the same ${whole(is.samples)} samples.`,
    ...(maxDrop !== undefined && {
      limit: {
        text: `${typeset(amountText(was.metric, maxDrop))} may be lost`,
        kept: lost <= maxDrop,
        ...(fraction && { at: Math.max(0, was.value + (was.higherIsBetter ? -1 : 1) * (maxDrop / 100)) }),
      },
    }),
  }
}

export const answersOf = (original: Report, candidate: Report, limits: Limits = {}): Answer[] => [
  sizeAnswer(original, candidate, limits),
  timeAnswer(original, candidate, limits),
  qualityAnswer(original, candidate, limits),
]
