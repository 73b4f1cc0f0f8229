/** Reports side by side, as a terminal shows them. */
import type { Footprint, Report } from '../contract/report'
import { basisOfLimits, costsOf } from '../contract/limits'
import { metricWords } from '../contract/metric-table'
import { formatInterval, formatMetric } from '../contract/metrics'
import { changeText, fasterText, notesText, timeDetail } from '../contract/verdict'
import type { Judged } from './limits'
import { bytes, count, markdownTable, microjoules, milliseconds, number, table } from './output'

const qualityName = ({ quality }: Report): string => `${metricWords(quality.metric).said} (${quality.split})`

function qualityText({ quality }: Report): string {
  const { metric, value, interval } = quality
  return `${formatMetric(metric, value)} [${formatInterval(metric, interval).join(', ')}]`
}

interface Column {
  name: string
  report: Report
}

/** One column a report; the first is the original where there are several. */
export const reportTable = (columns: readonly Column[]): string => table(rowsOf(columns))

const beside = (original: Report, candidates: readonly Column[]): Column[] => [
  { name: 'original', report: original },
  ...candidates,
]

/** One verdict a candidate, by name where there are several. */
const verdictsOf = (original: Report, candidates: readonly Column[]): string[] =>
  candidates.map(({ name, report }) => {
    const verdict = changeText(original, report)
    return candidates.length > 1 ? `${name}: ${verdict}` : verdict
  })

/** Original and candidates of one sitting as a terminal shows them: the table, the verdicts, the notes. */
export const comparisonText = (original: Report, ...candidates: Column[]): string =>
  [
    reportTable(beside(original, candidates)),
    '',
    ...verdictsOf(original, candidates),
    ...notesText(original, candidates).map((note) => `- ${note}`),
  ].join('\n')

/** The same as pull requests and job summaries show it, with what is over a limit. */
export function comparisonMarkdown(
  original: Report,
  candidates: Column | readonly Column[],
  judged: Judged | undefined,
): string {
  const columns = [candidates].flat()
  const missed = judged?.limits.missed ?? []
  const parts = [
    ...verdictsOf(original, columns).map((verdict) => `**${verdict}**`),
    markdownTable(rowsOf(beside(original, columns))),
    missed.map(({ sentence }) => `- ❌ ${sentence}`).join('\n'),
    judged && missed.length === 0 ? withinText(original, columns, judged) : '',
    notesText(original, columns)
      .map((note) => `- ${note}`)
      .join('\n'),
  ]
  return `${parts.filter(Boolean).join('\n\n')}\n`
}

function withinText(original: Report, columns: readonly Column[], { limits }: Judged): string {
  const bases = columns.map(({ report }) => basisOfLimits(limits, report.quality, costsOf(report, original)))
  return `Within all limits${[...new Set(bases)].join('')}.`
}

function rowsOf(columns: readonly Column[]): string[][] {
  const reports = columns.map(({ report }) => report)
  const row = (name: string, cell: (report: Report) => string): string[] => [name, ...reports.map(cell)]
  const rows = [
    ['', ...columns.map(({ name }) => name)],
    row(qualityName(reports[0]!), qualityText),
    row('samples', ({ quality }) => number(quality.samples)),
    row('file', (report) => bytes(report.bytes)),
    row('download (zip)', (report) => bytes(report.downloadBytes)),
    row('parameters', (report) => count(report.parameters)),
    row('  not zero', (report) => count(report.nonzeroParameters)),
    row('multiply-adds', (report) => count(report.macs)),
    row('latency p50', ({ latencyMs }) => milliseconds(latencyMs.p50)),
    row('latency p95', ({ latencyMs }) => milliseconds(latencyMs.p95)),
    row('peak memory', (report) => bytes(report.peakMemoryBytes)),
    row('energy (estimate)', (report) => microjoules(report.energyMicrojoules)),
  ]
  if (reports.some(({ latencyRatio }) => latencyRatio))
    rows.push(
      row('time, in turn with it', ({ latencyRatio }) => (latencyRatio ? timeDetail(latencyRatio) : '')),
    )
  const device = reports.find(({ targetLatency }) => targetLatency)?.targetLatency?.target
  if (device)
    rows.push(
      row(`time on ${device} (estimate)`, ({ targetLatency }) =>
        targetLatency ? fasterText(targetLatency.ratio) : '',
      ),
    )
  const board = reports.find(({ footprint }) => footprint)?.footprint?.target
  const counted =
    (of: (figures: Extract<Footprint, { flashBytes: number }>) => string) => (report: Report) =>
      !report.footprint ? '' : 'reason' in report.footprint ? 'no C' : of(report.footprint)
  if (board) {
    rows.push(
      row(
        `flash on ${board}`,
        counted(({ flashBytes }) => bytes(flashBytes)),
      ),
      row(
        `RAM on ${board}`,
        counted(({ ramBytes }) => bytes(ramBytes)),
      ),
    )
    if (reports.some(({ footprint }) => footprint && 'milliseconds' in footprint))
      rows.push(
        row(
          `a run on ${board} (estimate)`,
          counted(({ milliseconds: ms }) => (ms === undefined ? '' : milliseconds(ms))),
        ),
      )
  }
  if (reports.some(({ fidelity }) => fidelity)) {
    const likeness = (name: string, metric: 'agreement' | 'cosine' | 'sqnr'): string[] =>
      row(`likeness: ${name}`, ({ fidelity }) => {
        const value = fidelity?.[metric]
        return value === undefined ? '' : formatMetric(metric, value)
      })
    if (reports.some(({ fidelity }) => fidelity?.agreement !== undefined))
      rows.push(likeness('same answers', 'agreement'))
    if (reports.some(({ fidelity }) => fidelity?.cosine !== undefined))
      rows.push(likeness('cosine', 'cosine'))
    rows.push(likeness('SQNR', 'sqnr'))
  }
  for (const output of besideOf(reports))
    rows.push(
      row(`likeness: output ${output}`, ({ quality }) => {
        const found = quality.beside?.find((one) => one.output === output)
        return found ? formatMetric('cosine', found.likeness) : ''
      }),
    )
  return rows
}

/** Outputs that no label judges. */
const besideOf = (reports: readonly Report[]): string[] => [
  ...new Set(reports.flatMap(({ quality }) => (quality.beside ?? []).map(({ output }) => output))),
]
