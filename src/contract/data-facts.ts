/** A data spec in words, for the window and the report. */
import type { DataSpec, Preprocessing } from './dataset'
import { threeDigits } from './format'

const RESIZE = {
  stretch: 'stretched',
  'shortest-side-then-crop': 'resized, centre cropped',
  letterbox: 'fitted with borders',
}
const STORED = { chw: 'channel after channel', hwc: 'pixel after pixel' }
const LAYOUT = { nchw: 'channels first (NCHW)', nhwc: 'channels last (NHWC)', flat: 'one flat row' }

const numbers = (values: readonly number[]): string => values.map(threeDigits).join(', ')

const range = (scale: number): string => {
  if (Math.abs(scale - 1 / 255) < 1e-9) return '0 to 1'
  if (Math.abs(scale - 1 / 127.5) < 1e-9) return '0 to 2'
  return scale === 1 ? '0 to 255, as stored' : `times ${threeDigits(scale)}`
}

interface Fact {
  term: string
  value: string
}

/** Each setting in words, for a person to check against what they trained with. */
export function preprocessingFacts(p: Preprocessing): Fact[] {
  if (p.kind === 'text')
    return [
      { term: 'Longest text', value: `${p.maxLength} tokens` },
      { term: 'Padding', value: `token ${p.padId}` },
    ]
  if (p.kind === 'audio')
    return [
      { term: 'Sample rate', value: `${p.sampleRate} Hz` },
      { term: 'Length', value: `${p.samples} samples` },
      { term: 'Channels', value: String(p.channels) },
    ]
  const normal = { term: 'Mean and std', value: `${numbers(p.mean)} and ${numbers(p.std)}` }
  if (p.kind === 'array')
    return [
      { term: 'Scale', value: threeDigits(p.scale) },
      normal,
      ...(p.stored ? [{ term: 'Rows hold', value: STORED[p.stored] }] : []),
      ...(p.reversed ? [{ term: 'Channels', value: 'in the opposite order' }] : []),
    ]
  return [
    { term: 'Size', value: `${p.width} × ${p.height}, ${RESIZE[p.resize]}` },
    {
      term: 'Colours',
      value: p.channels === 1 ? `grey${p.invert ? ', inverted' : ''}` : p.order.toUpperCase(),
    },
    { term: 'Values', value: range(p.scale) },
    normal,
    { term: 'Layout', value: LAYOUT[p.layout] },
  ]
}

export const rolesFacts = ({ label, columns, task, output, classes }: DataSpec): Fact[] => [
  { term: 'Task', value: task ?? 'recognised' },
  { term: 'Label', value: label ?? 'recognised' },
  { term: 'Output', value: output ?? 'the one that fits the labels' },
  ...Object.entries(columns ?? {}).map(([input, column]) => ({ term: input, value: column })),
  ...(classes ? [{ term: 'Classes', value: `${classes.length}, in the order of the outputs` }] : []),
]
