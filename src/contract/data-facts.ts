/** A data spec in words, for the window and the report. */
import type { AudioFeatures } from './audio-features'
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

const SCALES = { htk: 'HTK’s mel scale', slaney: 'Slaney’s mel scale' }
const LOGARITHMS = { ln: 'natural logarithm', log10: 'logarithm to base 10', decibel: 'decibel' }
const EDGES = { reflect: 'ends mirrored', zeros: 'ends silent', whole: 'whole frames alone' }

/** What a model hears of a sound, in the field's words. */
function featureFacts(f: AudioFeatures): Fact[] {
  const { kind, bands, coefficients, frames, window, hop, fft, shape, edges, low, high } = f
  const limits = [
    `at least ${threeDigits(f.floor)}`,
    ...(f.range === undefined ? [] : [`${f.range} below the loudest`]),
    ...(f.relative ? ['the loudest is 0'] : []),
  ]
  return [
    {
      term: 'Features',
      value:
        kind === 'mfcc'
          ? `${coefficients ?? bands} cepstra (MFCC) of ${bands} bands`
          : `${bands} log-mel bands`,
    },
    {
      term: 'Frames',
      value: `${frames} of ${window} samples every ${hop}, FFT of ${fft}, ${shape}, ${EDGES[edges]}`,
    },
    {
      term: 'Bands',
      value: `${threeDigits(low)} to ${threeDigits(high)} Hz, ${SCALES[f.mel]}, ${f.area ? 'equal areas' : 'equal heights'}`,
    },
    {
      term: 'Logarithm',
      value: `${LOGARITHMS[f.log]} of ${f.power === 2 ? 'power' : 'magnitude'}, ${limits.join(', ')}`,
    },
    ...(f.preemphasis > 0 ? [{ term: 'Pre-emphasis', value: threeDigits(f.preemphasis) }] : []),
    { term: 'Mean and std', value: `${numbers(f.mean)} and ${numbers(f.std)}` },
  ]
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
      ...(p.features ? featureFacts(p.features) : []),
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
  ...(classes
    ? [{ term: 'Classes', value: `${classes.length.toLocaleString('en')}, in the order of the outputs` }]
    : []),
]
