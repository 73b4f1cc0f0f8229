/** The rows of the comparison: one measure each, how it reads, and whether less of it is better. */
import { formatEnds } from '../../../contract/format'
import { maybeChance } from '../../../contract/metrics'
import type { Report } from '../../../contract/report'
import { fasterText, isApart, originalTimes, timeDetail } from '../../../contract/verdict'
import { leastAlike } from '../../../contract/points'
import {
  bytes,
  count,
  microjoules,
  milliseconds,
  points,
  three,
  times,
  typeset,
  whole,
} from '../../lib/format'
import { metricName, metricValue, qualityInterval } from '../../lib/metrics'

interface Change {
  text: string
  /** Undefined when it is as good as the same. */
  better?: boolean
}

interface Measure {
  id: string
  title: string
  term: string
  value(report: Report): number | undefined
  text(report: Report): string
  /** The interval or what stands behind the number. */
  detail?(report: Report): string
  /** Candidate against the original; absent where the original has no such figure. */
  change?(original: Report, candidate: Report): Change
}

const NONE: Change = { text: '' }

const ratio = (original: number | null, candidate: number | null, less: string, more: string): Change => {
  if (!original || !candidate || !(original > 0) || !(candidate > 0)) return NONE
  const by = original / candidate
  if (Math.abs(by - 1) < 0.005) return { text: 'the same' }
  return by > 1
    ? { text: `${times(by)} ${less}`, better: true }
    : { text: `${times(1 / by)} ${more}`, better: false }
}

/** More is better for every metric but errors and perplexity. */
const LESS_IS_BETTER = new Set(['mae', 'rmse', 'perplexity', 'loss'])

const difference = (metric: string, by: number): Change => {
  const text = metricName(metric).fraction ? points(by) : `${by > 0 ? '+' : ''}${three(by)}`
  return Math.abs(by) < 5e-4 ? { text } : { text, better: by > 0 !== LESS_IS_BETTER.has(metric) }
}

const sized = (id: string, title: string, term: string, of: (report: Report) => number): Measure => ({
  id,
  title,
  term,
  value: of,
  text: (report) => bytes(of(report)),
  change: (a, b) => ratio(of(a), of(b), 'smaller', 'larger'),
})

/** Counted where the target is a microcontroller. */
const onBoard = (id: string, title: string, term: string, memory: 'flashBytes' | 'ramBytes'): Measure => {
  const of = ({ footprint }: Report): number | undefined =>
    footprint && 'source' in footprint ? footprint[memory] : undefined
  return {
    id,
    title,
    term,
    value: of,
    text: (report) => (of(report) === undefined ? '' : bytes(of(report)!)),
    detail: ({ footprint }) => (footprint && 'source' in footprint ? footprint.source : ''),
    change: (a, b) => ratio(of(a) ?? null, of(b) ?? null, 'smaller', 'larger'),
  }
}

const counted = (
  id: string,
  title: string,
  term: string,
  of: (report: Report) => number | null,
): Measure => ({
  id,
  title,
  term,
  value: (report) => of(report) ?? undefined,
  text: (report) => count(of(report)),
  change: (a, b) => ratio(of(a), of(b), 'fewer', 'more'),
})

/** Measured in turn with the original, so that what else the machine does cancels out; the interval says how sure. */
function pairedTime(time: NonNullable<Report['latencyRatio']>): Change {
  const text = timeDetail(time)
  // An interval around 1, or too wide to tell, is neither faster nor slower.
  return isApart(time) ? { text, better: time.value < 1 } : { text }
}

const timed = (id: 'p50' | 'p95', title: string): Measure => ({
  id,
  title,
  term: `latency ${id}`,
  value: ({ latencyMs }) => latencyMs[id],
  text: ({ latencyMs }) => milliseconds(latencyMs[id]),
  detail: ({ latencyMs: l }) =>
    `${whole(l.runs)} runs, batch ${l.batch}, ${l.provider}, ${l.threads} threads`,
  // A single figure of the slow ones proves nothing either way.
  change: (_, { latencyRatio }) => (id === 'p50' && latencyRatio ? pairedTime(latencyRatio) : NONE),
})

function qualityMeasures({ quality }: Report): Measure[] {
  const name = metricName(quality.metric)
  const main: Measure = {
    id: 'quality',
    title: name.title,
    term: name.term,
    value: (report) => report.quality.value,
    text: (report) => metricValue(quality.metric, report.quality.value),
    detail: ({ quality: q }) =>
      `95%: ${qualityInterval(q)}, ${whole(q.samples)} ${q.split === 'random' ? 'random inputs' : 'samples'}`,
    change: (a, b) => pairedChange(a, b),
  }
  // Likeness has rows of its own, which are empty for the original.
  const own = Object.keys(quality.others).filter((metric) => !FIDELITY.some(({ id }) => id === metric))
  const others = own.map((metric): Measure => {
    const of = (report: Report): number | undefined => report.quality.others[metric]
    return {
      id: `quality.${metric}`,
      title: metricName(metric).title,
      term: metricName(metric).term,
      value: of,
      text: (report) => (of(report) === undefined ? '' : metricValue(metric, of(report)!)),
      // No interval was taken of it: whether that is better or chance is not told.
      change: (a, b) =>
        of(a) === undefined || of(b) === undefined
          ? NONE
          : { text: difference(metric, of(b)! - of(a)!).text },
    }
  })
  return [main, ...others]
}

/** The paired difference is sharper than the two intervals: the samples are the same. */
function pairedChange({ quality }: Report, candidate: Report): Change {
  const change = difference(quality.metric, candidate.quality.value - quality.value)
  const paired = candidate.qualityChange
  if (!paired) return change
  const unit = metricName(quality.metric).fraction ? 100 : 1
  const [low, high] = formatEnds([paired.interval[0] * unit, paired.interval[1] * unit]).map(typeset)
  const text = `${change.text} (95%: ${low} to ${high})`
  // Neither better nor worse is what the samples do not tell from chance.
  return maybeChance(paired) ? { text } : { ...change, text }
}

const FIDELITY: Measure[] = [
  {
    id: 'agreement',
    title: 'Same answer as the original',
    term: 'agreement',
    value: ({ fidelity }) => fidelity?.agreement,
    text: ({ fidelity }) =>
      fidelity?.agreement === undefined ? '' : metricValue('agreement', fidelity.agreement),
  },
  {
    id: 'sqnr',
    title: 'Signal over noise of the outputs',
    term: 'SQNR',
    value: ({ fidelity }) => fidelity?.sqnr,
    text: ({ fidelity }) => (fidelity ? metricValue('sqnr', fidelity.sqnr) : ''),
  },
  {
    id: 'beside',
    title: 'Other outputs: the one least like the original’s',
    term: 'cosine similarity',
    value: ({ quality }) => leastAlike(quality)?.likeness,
    text: ({ quality }) => {
      const least = leastAlike(quality)
      return least ? metricValue('cosine', least.likeness) : ''
    },
    detail: ({ quality }) => leastAlike(quality)?.output ?? '',
  },
]

/** What another sitting measures otherwise. */
const OF_A_SITTING = new Set(['p95', 'memory'])

/** Where each candidate had a sitting of its own only the ratios to the original can stand side by side. */
const RATIO: Measure = {
  id: 'time',
  title: 'Time per answer',
  term: 'against the original in the same sitting',
  value: ({ latencyRatio }) => latencyRatio?.value,
  text: ({ latencyRatio }) => (latencyRatio ? timeDetail(latencyRatio) : ''),
}

const COSTS: Measure[] = [
  sized('bytes', 'File size', 'bytes on disk', ({ bytes: n }) => n),
  sized('download', 'Download size', 'zipped', ({ downloadBytes }) => downloadBytes),
  timed('p50', 'Time per answer, typical'),
  timed('p95', 'Time per answer, slow ones'),
  {
    id: 'target',
    title: 'Time on the target, against the original',
    term: 'estimate from operator costs',
    value: ({ targetLatency }) => targetLatency?.ratio,
    text: ({ targetLatency: estimate }) =>
      estimate ? `${fasterText(estimate.ratio)} on ${estimate.target}` : '',
    detail: ({ targetLatency }) => targetLatency?.source ?? '',
  },
  onBoard('flash', 'Flash on the microcontroller', 'code and constants', 'flashBytes'),
  onBoard('ram', 'RAM on the microcontroller', 'arena, stack, one sample', 'ramBytes'),
  {
    id: 'board-time',
    title: 'Time per answer on the microcontroller',
    term: 'estimate from multiply-accumulates',
    value: ({ footprint }) => (footprint && 'milliseconds' in footprint ? footprint.milliseconds : undefined),
    text: ({ footprint }) =>
      footprint && 'milliseconds' in footprint && footprint.milliseconds !== undefined
        ? milliseconds(footprint.milliseconds)
        : '',
  },
  sized('memory', 'Memory while it runs', 'peak growth', ({ peakMemoryBytes }) => peakMemoryBytes),
  counted('parameters', 'Parameters', 'numbers learned', ({ parameters }) => parameters),
  counted('nonzero', 'Parameters that count', 'not zero', ({ nonzeroParameters }) => nonzeroParameters),
  counted('macs', 'Work per answer', 'MACs', ({ macs }) => macs),
  {
    id: 'energy',
    title: 'Energy per answer',
    term: 'estimate',
    value: ({ energyMicrojoules }) => energyMicrojoules ?? undefined,
    text: ({ energyMicrojoules }) => microjoules(energyMicrojoules),
    change: (a, b) => ratio(a.energyMicrojoules, b.energyMicrojoules, 'less', 'more'),
  },
]

/** Only measures that were taken: without labels there is no accuracy, without classes no agreement. */
export function measuresFor(original: Report, candidates: readonly Report[]): Measure[] {
  const costs = originalTimes(original, candidates)
    ? COSTS
    : COSTS.map((measure) => (measure.id === 'p50' ? RATIO : measure)).filter(
        ({ id }) => !OF_A_SITTING.has(id),
      )
  const all = [...qualityMeasures(original), ...FIDELITY, ...costs]
  return all.filter((measure) =>
    [original, ...candidates].some((report) => measure.value(report) !== undefined),
  )
}
