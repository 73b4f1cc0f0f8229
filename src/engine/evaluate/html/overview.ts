/** The table of all figures, original and candidates side by side. */
import { formatBytes, formatCount, formatMicrojoules, formatMilliseconds } from '../../../contract/format'
import { formatInterval, formatMetric } from '../../../contract/metrics'
import type { Report } from '../../../contract/report'
import { fasterText, footprintText, isApart, originalTimes, timeDetail } from '../../../contract/verdict'
import { metricWords } from '../../../contract/metric-table'
import type { Kind } from './charts'
import { cell, section, table, type Cell } from './parts'

export interface Named {
  name: string
  report: Report
  kind: Kind
}

interface Row {
  name: string
  detail?: string
  value(report: Report): string
  /** Number to compare; smaller is better unless `more`. */
  amount?(report: Report): number | undefined
  more?: boolean
  small?(report: Report): string | undefined
  /** Holds beside another only where both were taken in one sitting. */
  timed?: boolean
}

const ratioOf = ({ latencyRatio }: Report): string | undefined => latencyRatio && timeDetail(latencyRatio)

/** Instead of the timed ones, where each candidate had a sitting of its own. */
const RATIO: Row = {
  name: 'Latency',
  detail: 'of one sample, against the original in the same sitting',
  value: (r) => ratioOf(r) ?? '',
}

/** "500 validation samples". */
export const sampleWords = ({ quality: { samples, split } }: Report): string =>
  split === 'random' ? `${samples} random inputs` : `${samples} ${split} samples`

const range = (report: Report): string => {
  const [low, high] = formatInterval(report.quality.metric, report.quality.interval)
  return low === high ? '' : `${low} to ${high}`
}

const ROWS: readonly Row[] = [
  { name: 'File', value: (r) => formatBytes(r.bytes), amount: (r) => r.bytes },
  {
    name: 'Download',
    detail: 'compressed in a zip',
    value: (r) => formatBytes(r.downloadBytes),
    amount: (r) => r.downloadBytes,
  },
  {
    name: 'Latency',
    detail: 'median of one sample',
    value: (r) => formatMilliseconds(r.latencyMs.p50),
    // What the interval does not tell from the original is neither better nor worse.
    amount: ({ latencyRatio: ratio }) => (ratio && isApart(ratio) ? ratio.value : 1),
    small: ratioOf,
    timed: true,
  },
  {
    name: 'Latency on the target',
    detail: 'estimate from operator costs, against the original there',
    value: (r) =>
      r.targetLatency ? `${fasterText(r.targetLatency.ratio)} on ${r.targetLatency.target}` : '',
  },
  {
    name: 'On the microcontroller',
    detail: 'code and constants in flash, one run in RAM; time is an estimate',
    value: (r) => footprintText(r.footprint),
  },
  {
    name: 'Latency, slowest 5%',
    value: (r) => `from ${formatMilliseconds(r.latencyMs.p95)}`,
    timed: true,
  },
  {
    name: 'Memory',
    detail: 'peak while running',
    value: (r) => formatBytes(r.peakMemoryBytes),
    amount: (r) => r.peakMemoryBytes,
    timed: true,
  },
  {
    name: 'Parameters',
    value: (r) => formatCount(r.parameters),
    amount: (r) => r.parameters,
    small: (r) =>
      r.nonzeroParameters < r.parameters ? `${formatCount(r.nonzeroParameters)} not zero` : undefined,
  },
  {
    name: 'Multiply-adds',
    detail: 'for one sample',
    value: (r) => formatCount(r.macs),
    amount: (r) => r.macs ?? undefined,
  },
  {
    name: 'Energy',
    detail: 'an estimate, see below',
    value: (r) => formatMicrojoules(r.energyMicrojoules),
    amount: (r) => r.energyMicrojoules ?? undefined,
  },
]

/** Differences below a hundredth have no colour. */
function toneOf(row: Row, original: Report, report: Report): Cell['tone'] {
  const [before, after] = [row.amount?.(original), row.amount?.(report)]
  if (before === undefined || after === undefined) return undefined
  if (before === after || Math.abs(after / (before || 1) - 1) < 0.01) return undefined
  return after < before === !row.more ? 'good' : 'bad'
}

export function overview(original: Report, candidates: readonly Named[]): string {
  const reports = [original, ...candidates.map(({ report }) => report)]
  const { metric, others } = original.quality
  const quality = [
    cell(metricWords(metric).name, `on ${sampleWords(original)}`),
    ...reports.map((r) => cell(formatMetric(metric, r.quality.value), range(r))),
  ]
  const secondary = Object.keys(others).map((name) => [
    cell(metricWords(name).name),
    ...reports.map((r) =>
      name in r.quality.others ? cell(formatMetric(name, r.quality.others[name]!)) : cell('–'),
    ),
  ])
  const agreement = candidates.some(
    ({ report }) => report.fidelity?.agreement !== undefined && !('agreement' in others),
  )
    ? [
        [
          cell(metricWords('agreement').name),
          cell('–'),
          ...candidates.map(({ report }) =>
            cell(
              report.fidelity?.agreement === undefined
                ? '–'
                : formatMetric('agreement', report.fidelity.agreement),
            ),
          ),
        ],
      ]
    : []
  const outputs = [...new Set(reports.flatMap((r) => (r.quality.beside ?? []).map(({ output }) => output)))]
  const beside = outputs.map((output) => [
    cell(output, 'another output: likeness to the original’s'),
    ...reports.map((r) => {
      const found = r.quality.beside?.find((one) => one.output === output)
      return cell(found ? formatMetric('cosine', found.likeness) : '–')
    }),
  ])
  const isOneSitting = originalTimes(original, reports.slice(1)) !== undefined
  const rows = isOneSitting ? ROWS : [...ROWS.filter(({ timed }) => !timed), RATIO]
  const told = rows.filter((row) => reports.some((report) => row.value(report) !== ''))
  const rest = told.map((row) => [
    cell(row.name, row.detail),
    ...reports.map((r, i) =>
      cell(row.value(r), row.small?.(r), i === 0 ? undefined : toneOf(row, original, r)),
    ),
  ])
  const head = ['', 'Original', ...candidates.map(({ name }) => name)]
  return section(
    'At a glance',
    table(head, [quality, ...secondary, ...agreement, ...beside, ...rest], 'Original and candidates'),
  )
}
