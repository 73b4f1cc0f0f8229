/** The parts of the report page. */
import { threeDigits } from '../../../contract/format'
import type { LayerReport, Report, StepRecord } from '../../../contract/report'
import { pointsText, ratioText, speedText } from '../../../contract/verdict'
import { formatBytes, formatCount, formatMetric, formatMicrojoules, formatMs, metricName } from '../format'
import { bars, confusion, curve, type Bar } from './charts'
import { cell, escape, paragraph, section, table, type Cell } from './parts'

export interface Named {
  name: string
  report: Report
}

interface Row {
  name: string
  detail?: string
  value(report: Report): string
  /** Number to compare; smaller is better unless `more`. */
  amount?(report: Report): number | undefined
  more?: boolean
  small?(report: Report): string | undefined
}

const range = (report: Report): string => {
  const [low, high] = report.quality.interval.map((v) => formatMetric(report.quality.metric, v))
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
    value: (r) => formatMs(r.latencyMs.p50),
    amount: (r) => r.latencyMs.p50,
    small: (r) =>
      r.latencyRatio
        ? `${r.latencyRatio.value.toFixed(2)}× (${r.latencyRatio.interval.map((v) => v.toFixed(2)).join(' to ')})`
        : undefined,
  },
  {
    name: 'Latency on the target',
    detail: 'estimate from operator costs, against the original there',
    value: (r) =>
      r.targetLatency ? `${r.targetLatency.ratio.toFixed(2)}× on ${r.targetLatency.target}` : '',
  },
  {
    name: 'Latency, slowest 5%',
    value: (r) => `from ${formatMs(r.latencyMs.p95)}`,
    amount: (r) => r.latencyMs.p95,
  },
  {
    name: 'Memory',
    detail: 'peak while running',
    value: (r) => formatBytes(r.peakMemoryBytes),
    amount: (r) => r.peakMemoryBytes,
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
    cell(metricName(metric), `on ${original.quality.samples} ${original.quality.split} samples`),
    ...reports.map((r) => cell(formatMetric(metric, r.quality.value), range(r))),
  ]
  const secondary = Object.keys(others).map((name) => [
    cell(metricName(name)),
    ...reports.map((r) =>
      name in r.quality.others ? cell(formatMetric(name, r.quality.others[name]!)) : cell('–'),
    ),
  ])
  const agreement = candidates.some(
    ({ report }) => report.fidelity?.agreement !== undefined && metric !== 'cosine',
  )
    ? [
        [
          cell(metricName('agreement')),
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
  const told = ROWS.filter((row) => reports.some((report) => row.value(report) !== ''))
  const rest = told.map((row) => [
    cell(row.name, row.detail),
    ...reports.map((r, i) =>
      cell(row.value(r), row.small?.(r), i === 0 ? undefined : toneOf(row, original, r)),
    ),
  ])
  const head = ['', 'Original', ...candidates.map(({ name }) => name)]
  return section(
    'At a glance',
    table(head, [quality, ...secondary, ...agreement, ...rest], 'Original and candidates'),
  )
}

export function tiles(original: Report, report: Report): string {
  const { metric } = original.quality
  const tile = (name: string, value: string, change: string, from: string): string =>
    `<div><dt>${escape(name)}</dt><dd>${escape(value)}<small>${escape(change)}</small><small>${escape(from)}</small></dd></div>`
  const size = (before: number, after: number): string =>
    ratioText(before, after, 'smaller', 'larger', 'same size')
  const bytes = (name: string, of: (r: Report) => number): string =>
    tile(name, formatBytes(of(report)), size(of(original), of(report)), `from ${formatBytes(of(original))}`)
  return `<dl class="tiles">${[
    bytes('File', (r) => r.bytes),
    bytes('Download', (r) => r.downloadBytes),
    tile(
      metricName(metric),
      formatMetric(metric, report.quality.value),
      pointsText(original, report),
      `from ${formatMetric(metric, original.quality.value)}`,
    ),
    tile(
      'Latency',
      formatMs(report.latencyMs.p50),
      speedText(original, report),
      `from ${formatMs(original.latencyMs.p50)}`,
    ),
  ].join('')}</dl>`
}

export function charts(original: Report, candidates: readonly Named[]): string {
  const all: Named[] = [{ name: 'Original', report: original }, ...candidates]
  const of = (
    value: (r: Report) => number,
    text: (v: number) => string,
    mark?: (r: Report) => number,
  ): Bar[] =>
    all.map(({ name, report }, i) => ({
      label: name,
      value: value(report),
      text: text(value(report)),
      kind: i === 0 ? 'original' : 'compressed',
      ...(mark && { mark: mark(report) }),
    }))
  return section(
    'Size and speed',
    bars(
      'File size',
      of((r) => r.bytes, formatBytes),
    ),
    bars(
      'Download size',
      of((r) => r.downloadBytes, formatBytes),
    ),
    bars(
      'Latency of one sample: median, and the line to the 95th percentile',
      of(
        (r) => r.latencyMs.p50,
        formatMs,
        (r) => r.latencyMs.p95,
      ),
    ),
  )
}

export function notes(all: readonly Named[]): string {
  const items = all.flatMap(({ name, report }) => report.notes.map((note) => ({ name, note })))
  const single = all.length <= 2
  const unique = [
    ...new Set(items.map(({ name, note }) => (single || name === 'Original' ? note : `${name}: ${note}`))),
  ]
  return section(
    'Worth knowing',
    unique.length
      ? `<ul class="notes">${unique.map((note) => `<li>${escape(note)}</li>`).join('')}</ul>`
      : '',
  )
}

/** Beyond this many classes a picture says nothing; the largest confusions do. */
const PICTURE_LIMIT = 40

export function classes(original: Report, candidates: readonly Named[]): string {
  const all: Named[] = [{ name: 'Original', report: original }, ...candidates]
  const known = all.filter(({ report }) => report.confusion)
  if (known.length === 0) return ''
  const names = original.classes ?? original.confusion?.map((_, i) => String(i)) ?? []
  const pictures =
    names.length <= PICTURE_LIMIT
      ? `<div class="pair">${known.map(({ name, report }) => confusion(name, report.confusion!, names)).join('')}</div>`
      : ''
  return section('Classes', pictures, perClass(original, candidates, names))
}

/** The classes whose share of right answers changed most. */
function perClass(original: Report, candidates: readonly Named[], names: readonly string[]): string {
  const right = (report: Report, c: number): number => {
    const row = report.confusion?.[c] ?? []
    return (row[c] ?? 0) / (row.reduce((a, b) => a + b, 0) || 1)
  }
  const rows = names
    .map((name, c) => ({
      name,
      before: right(original, c),
      after: candidates.map(({ report }) => right(report, c)),
    }))
    .sort((a, b) => Math.min(...a.after) - a.before - (Math.min(...b.after) - b.before))
    .filter(({ before, after }) => after.some((share) => share !== before))
    .slice(0, 20)
  if (rows.length === 0) return paragraph('No class is answered better or worse than before.', 'muted')
  return `<h3>Classes that changed, right answers among their samples</h3>${table(
    ['', 'Original', ...candidates.map(({ name }) => name)],
    rows.map(({ name, before, after }) => [
      cell(name),
      cell(formatMetric('accuracy', before)),
      ...after.map((share) =>
        cell(
          formatMetric('accuracy', share),
          undefined,
          share > before ? 'good' : share < before ? 'bad' : undefined,
        ),
      ),
    ]),
    'Change by class',
  )}`
}

const LAYERS_SHOWN = 24

export function layers({ name, report }: Named, several: boolean): string {
  const reports = report.layers ?? []
  if (reports.length === 0) return ''
  const heaviest = [...reports]
    .filter((l) => l.bytesBefore !== undefined)
    .sort((a, b) => b.bytesBefore! - a.bytesBefore!)
    .slice(0, LAYERS_SHOWN)
  const sizes = heaviest.flatMap((layer): Bar[] => [
    {
      label: layer.layer,
      value: layer.bytesBefore!,
      text: formatBytes(layer.bytesBefore!),
      kind: 'original',
    },
    ...(layer.bytesAfter === undefined
      ? []
      : [
          {
            label: '',
            value: layer.bytesAfter,
            text: `${formatBytes(layer.bytesAfter)} · ${layer.treatment}`,
            kind: 'compressed' as const,
          },
        ]),
  ])
  const legend =
    '<div class="legend"><span><i style="background:var(--original)"></i>before</span><span><i style="background:var(--compressed)"></i>after</span></div>'
  const decibel = (value: number | undefined): Cell =>
    value === undefined ? cell('–') : cell(`${threeDigits(value)} dB`)
  const row = (layer: LayerReport): Cell[] => [
    cell(layer.layer, layer.reason),
    cell(layer.op),
    cell(layer.treatment),
    decibel(layer.weightSqnr),
    decibel(layer.activationSqnr),
  ]
  const detail = table(
    ['Layer', 'Operator', 'Treatment', 'Weights', 'Outputs'],
    reports.slice(0, 400).map(row),
    'What was done to each layer',
  )
  return section(
    several ? `Layers of ${name}` : 'Layers',
    sizes.length ? legend + bars('Weights of the largest layers', sizes) : '',
    `<details${sizes.length ? '' : ' open'}><summary>Every layer, with its signal to noise (more is better)</summary>${detail}</details>`,
  )
}

export function steps(name: string, records: readonly StepRecord[], several: boolean): string {
  if (records.length === 0) return ''
  const items = records.map((record) => {
    const skipped = record.skipped.length
      ? `Left alone: ${record.skipped
          .slice(0, 5)
          .map(({ layer, reason }) => `${layer} (${reason})`)
          .join('; ')}${record.skipped.length > 5 ? ` and ${record.skipped.length - 5} more` : ''}.`
      : ''
    const params = Object.entries(record.params).map(
      ([key, value]) => `${key} = ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
    )
    const took = record.seconds < 1 ? 'under a second' : `${Number(record.seconds.toPrecision(2))} s`
    return `<li><strong>${escape(record.pass)}</strong>${record.failed ? ' <span class="muted">(failed, left out)</span>' : ''}: ${escape(record.summary)}<small>${escape([took, ...params].join(' · '))}</small>${skipped && `<small>${escape(skipped)}</small>`}${record.curve ? curve('Loss', record.curve) : ''}</li>`
  })
  return section(
    several ? `How ${name} was made` : 'How it was made',
    `<ol class="steps">${items.join('')}</ol>`,
  )
}

export function method(original: Report, candidates: readonly Named[]): string {
  const { latencyMs, quality, energySource, output } = original
  const data = quality.split === 'random' ? 'random inputs' : `${quality.samples} ${quality.split} samples`
  const lines = [
    `Original and candidates were measured on the same ${data}, in one process, with ONNX Runtime (${latencyMs.provider}, ${latencyMs.threads} ${latencyMs.threads === 1 ? 'thread' : 'threads'}).`,
    ...(output ? [`The answer was read from the output: ${output}.`] : []),
    'Ranges are 95% intervals: Wilson’s for proportions, for other metrics the normal approximation or a seeded bootstrap.',
    `Latency is that of single samples, ${latencyMs.runs} runs of each model taken in turn (A B B A) after warming up; it holds for this machine.`,
    energySource,
  ]
  const hashes = [{ name: 'Original', report: original }, ...candidates]
    .map(
      ({ name, report }) =>
        `<p class="small">${escape(name)} <code>sha256 ${escape(report.sha256)}</code></p>`,
    )
    .join('')
  return section('How this was measured', ...lines.map((text) => paragraph(text, 'small')), hashes)
}
