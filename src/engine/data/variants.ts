/** The usual ways to prepare inputs, each with its words; what the finder tries. */
import type { Preprocessing } from '../../contract/dataset'
import { IMAGENET, MNIST, type ImageOptions } from './image-input'

export interface PreparedAs {
  preprocessing: Preprocessing
  words: string
}

/** Range and spread of the raw numbers, from some samples. */
export interface RawStatistics {
  min: number
  max: number
  mean: number
  std: number
  /** By the first axis of a sample (channels) and by its last (columns), where there are several. */
  channels?: { mean: number[]; std: number[] }
  columns?: { mean: number[]; std: number[] }
}

export function variantsOf(preprocessing: Preprocessing, raw?: RawStatistics): PreparedAs[] {
  switch (preprocessing.kind) {
    case 'image':
      return imageVariants(preprocessing)
    case 'array':
      return raw ? arrayVariants(preprocessing, raw) : []
    case 'audio':
      return [1, 2 ** 15].flatMap((scale) =>
        [8000, 16000, 22050, 44100, 48000, preprocessing.sampleRate].map((sampleRate) => ({
          preprocessing: { ...preprocessing, scale, sampleRate },
          words: `waves at ${sampleRate} Hz in −${scale}…${scale}`,
        })),
      )
    case 'text':
      return []
  }
}

interface Scaling {
  scale: number
  mean: number[]
  std: number[]
  words: string
}

const SCALINGS: Scaling[] = [
  { scale: 1 / 255, mean: [0], std: [1], words: 'pixels scaled to 0…1' },
  { scale: 1 / 127.5, mean: [1], std: [1], words: 'pixels scaled to −1…1' },
  { scale: 1, mean: [0], std: [1], words: 'pixels left at 0…255' },
]

const COLOUR: Scaling = { scale: 1 / 255, ...IMAGENET, words: 'pixels standardised as for ImageNet' }
/** Caffe's means, in the order of the channels fed. */
const CAFFE: Scaling = {
  scale: 1,
  mean: [103.939, 116.779, 123.68],
  std: [1],
  words: 'channel means taken off, as Caffe does',
}
const GREY: Scaling = { scale: 1 / 255, ...MNIST, words: 'pixels standardised as for MNIST' }

function imageVariants(base: ImageOptions): PreparedAs[] {
  const colour = base.channels === 3
  const scalings = [...SCALINGS, ...(colour ? [COLOUR, CAFFE] : [GREY])]
  const second: { change: Partial<ImageOptions>; words: string }[] = colour
    ? [
        { change: { order: 'rgb' }, words: 'red first' },
        { change: { order: 'bgr' }, words: 'blue first' },
      ]
    : [
        { change: { invert: false }, words: 'not inverted' },
        { change: { invert: true }, words: 'inverted' },
      ]
  return scalings.flatMap(({ words, ...scaling }) =>
    second.map((other) => ({
      preprocessing: { ...base, ...scaling, ...other.change },
      words: `${words}, ${other.words}`,
    })),
  )
}

/** Ways to bring a picture to its size, tried once the numbers are right. */
export function resizeVariants(base: ImageOptions): PreparedAs[] {
  const ways: { change: Partial<ImageOptions>; words: string }[] = [
    { change: { resize: 'stretch', cropRatio: 1 }, words: 'stretched to size' },
    {
      change: { resize: 'shortest-side-then-crop', cropRatio: 256 / 224 },
      words: 'resized and cropped at the centre (256 to 224)',
    },
    { change: { resize: 'shortest-side-then-crop', cropRatio: 1 }, words: 'cropped at the centre' },
    { change: { resize: 'letterbox', cropRatio: 1 }, words: 'fitted with borders' },
  ]
  return ways.map(({ change, words }) => ({ preprocessing: { ...base, ...change }, words }))
}

type ArrayOptions = Extract<Preprocessing, { kind: 'array' }>

function arrayVariants(base: ArrayOptions, raw: RawStatistics): PreparedAs[] {
  const plain = { scale: 1, mean: [0], std: [1] }
  const high = Math.max(Math.abs(raw.min), Math.abs(raw.max), Number.MIN_VALUE)
  const found: (Scaling | { scale: number; mean: number[]; std: number[]; words: string })[] = [
    { ...plain, words: 'numbers left as they are' },
  ]
  if (raw.min >= 0 && high <= 255 && high > 1)
    found.push({ ...plain, scale: 1 / 255, words: 'divided by 255' })
  if (raw.min >= 0 && high <= 255 && high > 1)
    found.push(
      { scale: 1 / 127.5, mean: [1], std: [1], words: 'scaled from 0…255 to −1…1' },
      { ...GREY, words: 'standardised as for MNIST' },
    )
  if (raw.min >= 0 && high <= 1)
    found.push(
      { scale: 2, mean: [1], std: [1], words: 'scaled from 0…1 to −1…1' },
      { ...plain, scale: 255, words: 'multiplied by 255' },
      { scale: 1, ...MNIST, words: 'standardised as for MNIST' },
    )
  for (let power = 1; power <= 16; power++) {
    const after = high / 2 ** power
    if (after >= 0.25 && after <= 16)
      found.push({ ...plain, scale: 2 ** -power, words: `divided by ${2 ** power}` })
  }
  const apart = raw.max > raw.min ? raw.max - raw.min : 1
  found.push({
    scale: 1,
    mean: [raw.min],
    std: [apart],
    words: 'scaled to 0…1 by the smallest and largest value',
  })
  found.push({ scale: 1, mean: [raw.mean], std: [raw.std || 1], words: 'standardised as a whole' })
  if (raw.channels) found.push({ scale: 1, ...raw.channels, words: 'standardised channel by channel' })
  if (raw.columns) found.push({ scale: 1, ...raw.columns, words: 'standardised column by column' })
  return found.map(({ words, ...scaling }) => ({ preprocessing: { ...base, ...scaling }, words }))
}
