/** The parts of the report page. */
import { CLASSES_DRAWN, largestConfusions } from '../../../contract/confusions'
import { preprocessingFacts, rolesFacts } from '../../../contract/data-facts'
import { Preprocessing } from '../../../contract/dataset'
import { formatBytes, formatMilliseconds, formatTimes, threeDigits } from '../../../contract/format'
import { formatMetric } from '../../../contract/metrics'
import type { LayerReport, Report, StepRecord } from '../../../contract/report'
import { notesText, originalTimes } from '../../../contract/verdict'
import { sampleWords, type Named } from './overview'
import { bars, confusion, curve, type Bar } from './charts'
import { cell, escape, paragraph, section, table, type Cell } from './parts'

export function charts(original: Report, candidates: readonly Named[]): string {
  const all: Named[] = [{ name: 'Original', report: original, kind: 'original' }, ...candidates]
  const of = (value: (r: Report) => number, text: (v: number) => string): Bar[] =>
    all.map(({ name, report, kind }) => ({
      label: name,
      value: value(report),
      text: text(value(report)),
      kind,
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
    ...(originalTimes(
      original,
      candidates.map(({ report }) => report),
    )
      ? [
          bars(
            'Latency of one sample: the median',
            of((r) => r.latencyMs.p50, formatMilliseconds),
          ),
          bars(
            'Latency of the slowest 5%, on a scale of its own',
            of((r) => r.latencyMs.p95, formatMilliseconds),
          ),
        ]
      : [
          bars(
            'Latency of one sample, over the original’s in the same sitting',
            // What was not timed in turn with the original has no bar; the original is 1.
            of((r) => (r === original ? 1 : (r.latencyRatio?.value ?? NaN)), formatTimes).filter(
              ({ value }) => !Number.isNaN(value),
            ),
          ),
        ]),
  )
}

export function notes(original: Report, candidates: readonly Named[]): string {
  const unique = notesText(original, candidates)
  return section(
    'Worth knowing',
    unique.length
      ? `<ul class="notes">${unique.map((note) => `<li>${escape(note)}</li>`).join('')}</ul>`
      : '',
  )
}

/** What was measured was measured on samples read so. */
export function reading({ dataSpec }: Report): string {
  if (!dataSpec) return ''
  const { preprocessing } = dataSpec
  const known = Preprocessing.safeParse(preprocessing)
  const facts = [...rolesFacts(dataSpec), ...(known.success ? preprocessingFacts(known.data) : [])]
  return section(
    'How the data was read',
    table(
      ['Setting', 'Read as'],
      facts.map(({ term, value }) => [cell(term), cell(value)]),
      'The data spec',
    ),
  )
}

export function classes(original: Report, candidates: readonly Named[]): string {
  const all: Named[] = [{ name: 'Original', report: original, kind: 'original' }, ...candidates]
  const known = all.filter(({ report }) => report.confusion)
  if (known.length === 0) return ''
  const names = original.classes ?? original.confusion?.map((_, i) => String(i)) ?? []
  const pictures =
    names.length <= CLASSES_DRAWN
      ? `<div class="pair">${known.map((one) => confusion(one.name, one.report.confusion!, names, one.kind)).join('')}</div>`
      : confused(known, names)
  return section('Classes', pictures, perClass(original, candidates, names))
}

function confused(models: readonly Named[], names: readonly string[]): string {
  const pairs = largestConfusions(models.map(({ report }) => report.confusion!))
  if (pairs.length === 0) return ''
  return table(
    ['Of the class', 'taken for', ...models.map(({ name }) => name)],
    pairs.map(({ truth, answer, counts }) => [
      cell(names[truth] ?? String(truth)),
      cell(names[answer] ?? String(answer)),
      ...counts.map((count) => cell(count.toLocaleString('en'))),
    ]),
    'Largest confusions, in samples',
  )
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
      // Of the few samples of a class most changes are chance: none is called good or bad.
      ...after.map((share) => cell(formatMetric('accuracy', share))),
    ]),
    'Change by class',
  )}`
}

const LAYERS_SHOWN = 24

/** As the window and the model's own tools call it. */
const nameOf = ({ node, layer }: LayerReport): string => node ?? layer

export function layers({ name, report, kind: after }: Named, several: boolean): string {
  const reports = report.layers ?? []
  if (reports.length === 0) return ''
  const heaviest = [...reports]
    .filter((l) => l.bytesBefore !== undefined)
    .sort((a, b) => b.bytesBefore! - a.bytesBefore!)
    .slice(0, LAYERS_SHOWN)
  const sizes = heaviest.flatMap((layer): Bar[] => [
    {
      label: nameOf(layer),
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
            kind: after,
          },
        ]),
  ])
  const legend = `<div class="legend"><span><i class="original"></i>before</span><span><i class="${after}"></i>after</span></div>`
  const decibel = (value: number | undefined): Cell =>
    value === undefined ? cell('–') : cell(`${threeDigits(value)} dB`)
  const row = (layer: LayerReport): Cell[] => [
    cell(nameOf(layer), layer.reason),
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
    const took = record.seconds < 1 ? 'under a second' : `${Number(record.seconds.toPrecision(2))} s`
    return `<li><strong>${escape(record.told ?? record.pass)}</strong>${record.failed ? ' <span class="muted">(failed, left out)</span>' : ''}: ${escape(record.summary)}<small>${escape(took)}</small>${skipped && `<small>${escape(skipped)}</small>`}${record.curve ? curve('Loss', record.curve) : ''}</li>`
  })
  return section(
    several ? `How ${name} was made` : 'How it was made',
    `<ol class="steps">${items.join('')}</ol>`,
  )
}

export function method(original: Report, candidates: readonly Named[]): string {
  const { latencyMs, energySource, output } = original
  const data = sampleWords(original)
  const lines = [
    `Original and candidates were measured on the same ${data}, in one process, with ONNX Runtime (${latencyMs.provider}, ${latencyMs.threads} ${latencyMs.threads === 1 ? 'thread' : 'threads'}).`,
    ...(output ? [`The answer was read from the output: ${output}.`] : []),
    'Ranges are 95% intervals: Wilson’s for proportions, for other metrics the normal approximation or a seeded bootstrap; where samples are steps of clips, a bootstrap over whole clips. Changes are paired, sample by sample.',
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
