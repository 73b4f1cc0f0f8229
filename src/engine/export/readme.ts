/** README.md of a bundle. */
import type { BundlePlan } from '../../contract/project'
import type { Report } from '../../contract/report'
import { formatBytes } from '../../contract/format'
import { metricWords } from '../../contract/metric-table'
import { formatMetric, isQuality, qualityText } from '../../contract/metrics'
import { findTarget } from '../targets'
import type { Manifest } from './manifest'
import type { Snippet } from './forms/form'
import type { BundleFiles } from './files'
import type { StagedForm } from './forms/stage-forms'
import { codeSpan, fenced, plain } from './markdown'

interface ReadmeInput {
  manifest: Manifest
  entries: BundleFiles['entries']
  checks: BundlePlan['checks']
  forms: readonly StagedForm[]
  snippets: readonly Snippet[]
  report?: Report
  original?: Report
  /** Golden inputs are real samples of the user's data. */
  realSamples: boolean
}

export function readme(input: ReadmeInput): string {
  const { manifest, entries, checks, forms, snippets } = input
  const parts = [
    `# ${plain(manifest.name)}`,
    summary(input),
    '## Files',
    table(
      ['file', 'what', 'size'],
      entries.map(({ name, what, bytes }) => [codeSpan(name), plain(what), formatBytes(bytes)]),
    ),
    `Check that everything arrived whole with \`sha256sum -c SHA256SUMS\`.`,
    '## Inputs and outputs',
    table(
      ['', 'name', 'type', 'shape', 'of one sample'],
      [
        ...manifest.inputs.map((port) => ['input', ...cells(port)]),
        ...manifest.outputs.map((port) => ['output', ...cells(port)]),
      ],
    ),
    `The answer is in ${codeSpan(manifest.answer.output)}${
      manifest.answer.classes
        ? `, one value for each of ${manifest.answer.classes} classes${manifest.labels ? ' in the order of labels.txt' : ''}`
        : ''
    }.${thresholdWords(manifest)}${
      manifest.answer.text
        ? ` It holds a text: the strongest score of every step (axis ${3 - manifest.answer.text.axis}), repeats once, without score ${manifest.answer.text.blank}, which stands for no character; line by line labels.txt has the character of each score.`
        : ''
    }${manifest.preprocessing ? ' How a raw sample becomes the input is in `preprocessing.json`.' : ''}`,
    ...(manifest.answer.label
      ? [
          `The model takes samples as they are stored: preprocessing is part of the graph, as far as the input above says. ${codeSpan(manifest.answer.class!)} is the position of the class, ${codeSpan(manifest.answer.label)} its name.`,
        ]
      : []),
    '## Check a device',
    selfCheck(input),
    ...(checks.length > 0 ? [`## Target: ${manifest.target}`, checks.map(line).join('\n')] : []),
    ...(snippets.length > 0 ? ['## Code'] : []),
    ...snippets.map(({ title, fence, code }) => `### ${title}\n\n${fenced(fence, code)}`),
    ...forms.flatMap(({ form, written }) => form.sections?.(written) ?? []),
  ]
  return `${parts.join('\n\n')}\n`
}

function thresholdWords({ answer: { threshold, classes }, labels }: Manifest): string {
  if (threshold === undefined) return ''
  if (classes) return ` Several may hold: each where its value is above ${threshold}.`
  return labels
    ? ` Above ${threshold} it says the second class of labels.txt, else the first.`
    : ` Something happens where it is ${threshold} or more.`
}

function summary({ manifest, report, original }: ReadmeInput): string {
  const { title, runtime } = findTarget(manifest.target)
  const subject = `A model of opset ${manifest.opset} for ${title} (${runtime})`
  if (!report || !original) return `${subject}, made smaller with Pare.`
  const { metric, value, samples } = report.quality
  const quality = isQuality(report.quality)
    ? `${metricWords(metric).said} ${formatMetric(metric, value)} (original ${formatMetric(metric, original.quality.value)}) on ${samples} samples`
    : qualityText(original, report)
  const sizes = (name: string, of: (report: Report) => number): string =>
    `${name} ${formatBytes(of(report))} (original ${formatBytes(of(original))})`
  return (
    `${subject}, made smaller with Pare: ${sizes('file', (r) => r.bytes)}, ` +
    `${sizes('download', (r) => r.downloadBytes)}, ${quality}. ` +
    'Open `report.html` for everything that was measured.'
  )
}

const cells = (port: Manifest['inputs'][number]): string[] => [
  codeSpan(port.name),
  port.codes ? `${port.dtype}: number = (value − ${port.codes.zeroPoint}) · ${port.codes.scale}` : port.dtype,
  plain(`[${port.dims.map((dim) => dim ?? '?').join(', ')}]`),
  `[${port.exampleDims.join(', ')}]`,
]

const line = ({ ok, severity, message }: BundlePlan['checks'][number]): string =>
  `- ${ok ? '✓' : severity === 'error' ? '✗' : '!'} ${plain(message)}`

const escape = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(escape).join(' | ')} |`).join('\n')

function selfCheck({ manifest: { golden }, forms, realSamples }: ReadmeInput): string {
  if (golden.length === 0) return 'This bundle holds no golden samples.'
  const words = realSamples
    ? `\`golden/\` holds ${golden.length} samples of the validation data with the outputs they must give; leave the folder out of a published app where the data is private.`
    : `\`golden/\` holds ${golden.length} random inputs with the outputs they must give.`
  const said = `${words} \`manifest.json\` says by how much a device may differ.`
  const [check] = forms.flatMap(({ form, written }) => form.selfCheck?.(written.model.file) ?? [])
  return check ? `${said} In ${check.title}:\n\n${fenced(check.fence, check.code)}` : said
}
