/** README.md of a bundle. */
import type { BundlePlan } from '../../contract/project'
import type { Report } from '../../contract/report'
import { formatBytes, formatMetric } from '../evaluate/format'
import type { Manifest } from './manifest'
import { LANGUAGES, type SnippetContext } from './snippets'

export interface ReadmeInput {
  manifest: Manifest
  entries: BundlePlan['entries']
  checks: BundlePlan['checks']
  context: (ort: boolean) => SnippetContext
  report?: Report
  original?: Report
  /** Golden inputs are real samples of the user's data. */
  realSamples: boolean
}

export function readme(input: ReadmeInput): string {
  const { manifest, entries, checks, context } = input
  const parts = [
    `# ${manifest.name}`,
    summary(input),
    '## Files',
    table(
      ['file', 'what', 'size'],
      entries.map(({ name, what, bytes }) => [`\`${name}\``, what, formatBytes(bytes)]),
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
    `The answer is in \`${manifest.answer.output}\`${
      manifest.answer.classes
        ? `, one value for each of ${manifest.answer.classes} classes${manifest.labels ? ' in the order of labels.txt' : ''}`
        : ''
    }.${manifest.preprocessing ? ' How a raw sample becomes the input is in `preprocessing.json`.' : ''}`,
    '## Check a device',
    selfCheck(manifest, input.realSamples),
    ...(checks.length > 0 ? [`## Target: ${manifest.target}`, checks.map(line).join('\n')] : []),
    '## Code',
    ...LANGUAGES.map(({ title, fence, language, code }) => {
      const mobile = language === 'kotlin' || language === 'swift' || language === 'javascript'
      return `### ${title}\n\n\`\`\`${fence}\n${code(context(mobile)).trim()}\n\`\`\``
    }),
    '## What ONNX Runtime tells',
    "Microsoft's builds of ONNX Runtime from 1.29 on report to Microsoft, with the model's name and the device, unless " +
      '`ORT_DISABLE_TELEMETRY=1` stands in the environment of the process before the runtime is loaded: on Linux, ' +
      'macOS, Android and iOS, as the code above does. From React Native call `setenv` (iOS) or ' +
      '`android.system.Os.setenv` in the native start of the app. On Windows the runtime leaves it to the system ' +
      '(Settings, Diagnostics & feedback), and `DisableTelemetryEvents` of its C, C#, Python and Java interface ends ' +
      'all but the first event. A build of your own with `--no_telemetry` holds none of it.',
    '## A smaller runtime',
    '`required_operators.config` lists the operators of this model. ONNX Runtime built with ' +
      '`--minimal_build --include_ops_by_config required_operators.config` loads `model.ort` and holds nothing else.',
  ]
  return `${parts.join('\n\n')}\n`
}

function summary({ manifest, report, original }: ReadmeInput): string {
  if (!report || !original)
    return `A model for ONNX Runtime, opset ${manifest.opset}, made smaller with Pare.`
  const quality = `${formatMetric(report.quality.metric, report.quality.value)} (original ${formatMetric(original.quality.metric, original.quality.value)})`
  return (
    `A model for ONNX Runtime, opset ${manifest.opset}, made smaller with Pare: ${formatBytes(report.bytes)} ` +
    `(original ${formatBytes(original.bytes)}), ${quality} on ${report.quality.samples} samples. ` +
    'Open `report.html` for everything that was measured.'
  )
}

const cells = (port: Manifest['inputs'][number]): string[] => [
  `\`${port.name}\``,
  port.dtype,
  `[${port.dims.map((dim) => dim ?? '?').join(', ')}]`,
  `[${port.exampleDims.join(', ')}]`,
]

const line = ({ ok, severity, message }: BundlePlan['checks'][number]): string =>
  `- ${ok ? '✓' : severity === 'error' ? '✗' : '!'} ${message}`

const escape = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(escape).join(' | ')} |`).join('\n')

function selfCheck({ golden, models }: Manifest, real: boolean): string {
  if (golden.length === 0) return 'This bundle holds no golden samples.'
  const [model] = models
  const words = real
    ? `\`golden/\` holds ${golden.length} samples of the validation data with the outputs they must give; leave the folder out of a published app where the data is private.`
    : `\`golden/\` holds ${golden.length} random inputs with the outputs they must give.`
  return `${words} \`manifest.json\` says by how much a device may differ. In Python:

\`\`\`python
import json
import os
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy as np
import onnxruntime as ort

manifest = json.load(open("manifest.json"))
session = ort.InferenceSession("${model!.file}")
for sample in manifest["golden"]:
    feeds = {name: np.load(file) for name, file in sample["inputs"].items()}
    names = list(sample["outputs"])
    for name, got in zip(names, session.run(names, feeds)):
        difference = np.abs(got.astype(np.float64) - np.load(sample["outputs"][name])).max()
        assert difference <= manifest["tolerance"][name], (name, difference)
print("The outputs are as they should be.")
\`\`\``
}
