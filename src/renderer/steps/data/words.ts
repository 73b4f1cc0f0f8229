/** Plain words of the Data step. */
import type { Preprocessing, SplitName } from '../../../contract/dataset'
import { three } from '../../lib/format'

export const SPLIT_NAMES: Record<SplitName, { title: string; use: string }> = {
  calibration: { title: 'Calibration', use: 'to find the ranges of values for quantization' },
  training: { title: 'Training', use: 'to win back quality by learning' },
  validation: { title: 'Validation', use: 'to measure; never learned from' },
}

export const ORIGIN_NAMES = {
  given: 'given by the data',
  made: 'made by Pare, seeded',
  shared: 'shared with training',
}

const RESIZE = {
  stretch: 'stretched',
  'shortest-side-then-crop': 'resized, centre cropped',
  letterbox: 'fitted with borders',
}
const STORED = { chw: 'channel after channel', hwc: 'pixel after pixel' }
const LAYOUT = { nchw: 'channels first (NCHW)', nhwc: 'channels last (NHWC)', flat: 'one flat row' }

const numbers = (values: readonly number[]): string => values.map(three).join(', ')

const range = (scale: number): string => {
  if (Math.abs(scale - 1 / 255) < 1e-9) return '0 to 1'
  if (Math.abs(scale - 1 / 127.5) < 1e-9) return '0 to 2'
  return scale === 1 ? '0 to 255, as stored' : `times ${three(scale)}`
}

/** Each setting in words, for a person to check against what they trained with. */
export function preprocessingFacts(p: Preprocessing): { term: string; value: string }[] {
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
      { term: 'Scale', value: three(p.scale) },
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
