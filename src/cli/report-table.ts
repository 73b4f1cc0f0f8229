/** Reports side by side, as a terminal shows them. */
import type { Report } from '../contract/report'
import { bytes, count, milliseconds, number, table } from './output'

const qualityName = ({ quality }: Report): string => `${quality.metric} (${quality.split})`

function qualityText({ quality }: Report): string {
  const [low, high] = quality.interval
  return `${quality.value.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`
}

/** One column a report; the first is the original where there are several. */
export function reportTable(columns: readonly { name: string; report: Report }[]): string {
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
    row('energy (estimate)', (report) =>
      report.energyMicrojoules === null ? 'unknown' : `${number(report.energyMicrojoules)} µJ`,
    ),
  ]
  const device = reports.find(({ targetLatency }) => targetLatency)?.targetLatency?.target
  if (device)
    rows.push(
      row(`time on ${device} (estimate)`, ({ targetLatency }) =>
        targetLatency ? `${targetLatency.ratio.toFixed(2)}×` : '1.00×',
      ),
    )
  if (reports.some(({ fidelity }) => fidelity)) {
    rows.push(row('likeness: cosine', ({ fidelity }) => (fidelity ? fidelity.cosine.toFixed(6) : '')))
    rows.push(row('likeness: SQNR', ({ fidelity }) => (fidelity ? `${number(fidelity.sqnr)} dB` : '')))
  }
  return table(rows)
}

/** Notes of all reports, each once. */
export const notesOf = (reports: readonly Report[]): string[] => [
  ...new Set(reports.flatMap(({ notes }) => notes)),
]
