/** What a person should know about a report, in plain sentences. */
import path from 'node:path'
import type { SplitName } from '../../contract/dataset'
import { formatBytes, formatEnds, formatMilliseconds, formatTimes } from '../../contract/format'
import { maybeChance } from '../../contract/metrics'
import { amountText, isShare, SHOWN, taskLost } from '../../contract/points'
import type { Report } from '../../contract/report'
import { fasterText, isTold, timeText } from '../../contract/verdict'
import type { Dataset } from '../data/dataset'

export interface NoteContext {
  /** Position of the report among the reports; 0 is the original. */
  own: number
  /** It multiplies in 8-bit integers somewhere. */
  integer: boolean
  dataset: Dataset
  /** Its pictures have no colour, and the model looks at colours. */
  grey: boolean
  /** Memory was measured inside the engine process. */
  lowerBound: boolean
}

/** Slower or faster by less than this is not worth a sentence, even when it is certain. */
const WORTH_SAYING = 1.05

/** Notes of one of `reports`, the first of which is the original's. */
export function notesOf(report: Report, reports: readonly Report[], context: NoteContext): string[] {
  const { own } = context
  const notes: string[] = []
  const { split, samples, task } = report.quality
  if (split === 'random')
    notes.push('No data was given: inputs are random, and only the likeness to the original is measured.')
  else if (task === 'unlabelled')
    notes.push('The data has no labels: the measure is how closely the outputs follow the original model.')
  notes.push(...classesShown(report))
  if (context.grey) notes.push(GREY)
  if (split !== 'random' && context.dataset.splits[split].origin === 'shared')
    notes.push(`The ${split} samples were also used to calibrate or train, so the quality shown may flatter.`)
  if (own > 0) {
    notes.push(
      ...certainty(report, reports[0]!, samples),
      ...speed(report, reports, context),
      ...medians(report),
      ...elsewhere(report),
      ...size(report, reports[0]!),
    )
  }
  notes.push(...onBoard(report))
  if (context.lowerBound) notes.push('Memory was measured inside the engine process and is a lower bound.')
  return notes
}

export const GREY =
  'The pictures have no colour and the model looks at colours: they may not be what it was made for.'

/** `what` names the one label that all samples have. */
export const allAlike = (split: SplitName, what: string): string =>
  `Every ${split} label is ${what}: on these no score tells a good model from a bad one.`

export const someMissing = (split: SplitName, shown: number, classes: number): string =>
  `The ${split} samples show ${shown} of the model's ${classes} classes: what is lost on the others is not seen.`

/** A report may be read without the warnings of the command that made it. */
function classesShown({ confusion = [], classes = [], quality: { split, samples, task } }: Report): string[] {
  if (task !== 'classification' || split === 'random' || samples < 2) return []
  const shown = confusion.flatMap((row, at) => (row.some((count) => count > 0) ? [at] : []))
  if (shown.length === 1) return [allAlike(split, `the class “${classes[shown[0]!] ?? shown[0]!}”`)]
  return shown.length > 1 && shown.length < confusion.length
    ? [someMissing(split, shown.length, confusion.length)]
    : []
}

/** Whether the change in quality can be told from chance. */
function certainty(report: Report, original: Report, samples: number): string[] {
  const { qualityChange: change, quality } = report
  if (!change) return []
  const { metric, value } = original.quality
  const lost = taskLost(original.quality, quality)
  if (change.value === 0 || !maybeChance(change)) return []
  const unit = isShare(metric) ? 1 : Math.abs(value)
  const ends = formatEnds([(100 * change.interval[0]) / unit, (100 * change.interval[1]) / unit])
    .map(signed)
    .join(' to ')
  const amount =
    Math.abs(lost) < SHOWN ? `less than ${amountText(metric, 0.01)}` : amountText(metric, Math.abs(lost))
  return [
    `With ${samples} samples a difference of ${amount} cannot be told from chance ` +
      `(95% interval of the change ${ends} ${isShare(metric) ? 'points' : '%'}).`,
  ]
}

/** Never without the word: nothing of it was measured. */
function elsewhere({ targetLatency: estimate }: Report): string[] {
  if (!estimate) return []
  return [
    `Estimate for ${estimate.target}, not a measurement: ${fasterText(estimate.ratio)} there, from ` +
      `the costs of each operator. Figures of the device: ${estimate.source}.`,
  ]
}

/** How flash and RAM were counted, and whether the chip has them. */
function onBoard({ footprint }: Report): string[] {
  if (!footprint) return []
  if ('reason' in footprint) return [`There is no C of it: ${footprint.reason}`]
  const { target, flashBytes, ramBytes, milliseconds, source, has } = footprint
  const time = milliseconds === undefined ? '' : '; its time from multiply-accumulates by the cycles of each'
  const over = (memory: string, needs: number, most: number | undefined): string[] =>
    most === undefined || needs <= most
      ? []
      : [
          `${target} has ${formatBytes(most)} of ${memory}, and this takes ${formatBytes(needs)}: it does not fit.`,
        ]
  return [
    `Flash and RAM on ${target}: constants and arena exactly, ${source}${time}.`,
    ...over('flash', flashBytes, has?.flashBytes),
    ...over('RAM', ramBytes, has?.ramBytes),
  ]
}

function speed(report: Report, reports: readonly Report[], { own, integer }: NoteContext): string[] {
  const ratio = report.latencyRatio
  if (!ratio) return []
  const [low, high] = ratio.interval
  if (!isTold(ratio))
    return [
      `The machine was too busy to tell the speed: between ${formatTimes(low)} and ${formatTimes(high)} the original’s time.`,
    ]
  if (low > WORTH_SAYING) {
    const faster = reports
      .map((other, i) => ({ i, value: other.latencyRatio?.value ?? 1 }))
      .reduce((a, b) => (b.value < a.value ? b : a))
    const choice =
      faster.i === 0 || faster.i === own ? 'the original' : path.basename(reports[faster.i]!.path)
    const what = integer
      ? 'Integer arithmetic is slower than float here'
      : 'It is slower than the original here'
    return [
      `${what}: ${timeText(ratio)} a sample on this machine. For speed${report.targetLatency ? ' here' : ''}, ${choice} is the better choice.`,
    ]
  }
  if (high < 1 / WORTH_SAYING) return []
  if (low <= 1 && high >= 1) return ['No difference in speed to the original can be told on this machine.']
  return []
}

/** Medians of a machine that was not equally busy all along say something else than the ratio of runs in turn. */
function medians({ latencyMs: now, originalLatencyMs: before, latencyRatio: ratio }: Report): string[] {
  if (!before || !ratio || !isTold(ratio)) return []
  const value = now.p50 / now.batch / (before.p50 / before.batch)
  const [low, high] = ratio.interval
  if (value >= low / WORTH_SAYING && value <= high * WORTH_SAYING) return []
  return [
    `The medians, ${formatMilliseconds(before.p50)} and ${formatMilliseconds(now.p50)}, would be ${fasterText(value)}; ` +
      `run by run in turn it is ${timeText(ratio)}, which counts: the machine was not equally busy all along.`,
  ]
}

function size(report: Report, original: Report): string[] {
  if (report.bytes > original.bytes) return ['The file is larger than the original’s.']
  return report.downloadBytes > original.downloadBytes
    ? ['The file is smaller, but compressed for download it is larger than the original’s.']
    : []
}

const signed = (figure: string): string =>
  figure === '0' ? '0' : figure.startsWith('-') ? `−${figure.slice(1)}` : `+${figure}`
