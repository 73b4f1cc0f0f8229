/** The usual ways to prepare inputs, each with its words; what the finder tries. */
import { widthOf, type AudioFeatures } from '../../contract/audio-features'
import type { Preprocessing } from '../../contract/dataset'
import { sizeOf } from '../onnx'
import { conventionsOf, type Convention } from './conventions'
import { channelAxis, channelsAt } from './convert'
import type { ImageOptions } from './image-input'
import { waysToHear } from './sounds/conventions'

export interface PreparedAs {
  preprocessing: Preprocessing
  words: string
  involved: number
}

/** How much a way to prepare inputs supposes, least first: of ways that labels do not tell apart the least is believed. */
export const INVOLVED = { asTheyAre: 0, scale: 1, convention: 2, whole: 3, byColumn: 4, fitted: 5 }

/** Range and spread of the raw numbers, from some samples. */
export interface RawStatistics {
  min: number
  max: number
  mean: number
  std: number
  /** Shape of a sample as the model takes it. */
  dims: readonly number[]
  /** Rows of one axis become pixels with channels: how they lie is not told. */
  unrolled?: boolean
  /** By the first axis of a sample (channels) and by its last (columns), where there are several. */
  channels?: { mean: number[]; std: number[] }
  columns?: { mean: number[]; std: number[]; low: number[]; high: number[] }
}

/** Of most models of speech, Hz. */
const SPEECH_RATE = 16000

export function variantsOf(preprocessing: Preprocessing, raw?: RawStatistics): PreparedAs[] {
  switch (preprocessing.kind) {
    case 'image':
      return imageVariants(preprocessing)
    case 'array':
      return raw ? arrayVariants(preprocessing, raw) : []
    case 'audio':
      if (preprocessing.features) return featureVariants(preprocessing, preprocessing.features)
      return [1, 2 ** 15].flatMap((scale) =>
        [8000, 16000, 22050, 44100, 48000, preprocessing.sampleRate].map((sampleRate) => ({
          preprocessing: { ...preprocessing, scale, sampleRate },
          words: `waves at ${sampleRate} Hz in −${scale}…${scale}`,
          involved:
            (scale === 1 ? INVOLVED.asTheyAre : INVOLVED.scale) +
            (sampleRate === preprocessing.sampleRate ? 0 : INVOLVED.convention),
        })),
      )
    case 'text':
      return []
  }
}

/** The usual front ends, of waves at the rate that they have and at that of most models of speech. */
function featureVariants(
  base: Extract<Preprocessing, { kind: 'audio' }>,
  heard: AudioFeatures,
): PreparedAs[] {
  const { kind, layout, frames } = heard
  const shape = { kind, layout, frames, width: widthOf(heard) }
  return [...new Set([base.sampleRate, Math.min(base.sampleRate, SPEECH_RATE)])].flatMap((sampleRate) => {
    const samples = Math.round((base.samples * sampleRate) / base.sampleRate)
    return waysToHear(shape, samples, sampleRate).map(({ features, scale, words }) => ({
      preprocessing: { ...base, sampleRate, samples, scale, features },
      words: sampleRate === base.sampleRate ? words : `${words}, at ${sampleRate} Hz`,
      involved: INVOLVED.convention,
    }))
  })
}

type Scaling = Record<'mean' | 'std', number[]> & { scale: number }

function involvedIn({ scale, mean, std }: Scaling): number {
  if (mean.some((m) => m !== 0)) return INVOLVED.convention
  return std.every((s) => s === scale) ? INVOLVED.asTheyAre : INVOLVED.scale
}

/** Conventions are written down with the scale of their pixels: 1/255 where values stay small, 1 where they do not. */
function onBytes({ mean, std }: Pick<Convention, 'mean' | 'std'>): Scaling {
  if (std.every((s) => s === 1 / 255)) return { scale: 1, mean: mean.map((m) => m * 255), std: [1] }
  return { scale: 1 / 255, mean, std }
}

function imageVariants(base: ImageOptions): PreparedAs[] {
  const second: { change: Partial<ImageOptions>; words: string }[] =
    base.channels === 1
      ? [
          { change: { invert: false }, words: 'not inverted' },
          { change: { invert: true }, words: 'inverted' },
        ]
      : [
          { change: { order: 'rgb' }, words: 'red first' },
          { change: { order: 'bgr' }, words: 'blue first' },
        ]
  return conventionsOf(base.channels).flatMap(({ words, ...convention }) =>
    second.map((other) => ({
      preprocessing: { ...base, ...onBytes(convention), ...other.change },
      words: `${words}, ${other.words}`,
      involved: involvedIn(onBytes(convention)),
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
  return ways.map(({ change, words }) => ({
    preprocessing: { ...base, ...change },
    words,
    involved: INVOLVED.convention,
  }))
}

type ArrayOptions = Extract<Preprocessing, { kind: 'array' }>

interface Scaled extends Scaling {
  reversed?: boolean
  stored?: 'chw' | 'hwc'
  words: string
  involved: number
}

const PLAIN = { scale: 1, mean: [0], std: [1], involved: INVOLVED.asTheyAre }

function arrayVariants(base: ArrayOptions, raw: RawStatistics): PreparedAs[] {
  const high = Math.max(Math.abs(raw.min), Math.abs(raw.max), Number.MIN_VALUE)
  const found: Scaled[] = [{ ...PLAIN, words: 'numbers left as they are' }, ...pixels(raw)]
  for (let power = 1; power <= 16; power++) {
    const after = high / 2 ** power
    if (after >= 0.25 && after <= 16)
      found.push({
        ...PLAIN,
        scale: 2 ** -power,
        words: `divided by ${2 ** power}`,
        involved: INVOLVED.scale,
      })
  }
  const apart = raw.max > raw.min ? raw.max - raw.min : 1
  found.push(
    {
      scale: 1,
      mean: [raw.min],
      std: [apart],
      words: 'scaled to 0…1 by the smallest and largest value',
      involved: INVOLVED.whole,
    },
    {
      scale: 1,
      mean: [raw.min + apart / 2],
      std: [apart / 2],
      words: 'scaled to −1…1 by the smallest and largest value',
      involved: INVOLVED.whole,
    },
    {
      scale: 1,
      mean: [raw.mean],
      std: [raw.std || 1],
      words: 'standardised as a whole',
      involved: INVOLVED.whole,
    },
  )
  const involved = INVOLVED.byColumn
  if (raw.channels)
    found.push({ scale: 1, ...raw.channels, words: 'standardised channel by channel', involved })
  if (raw.columns) {
    const { mean, std, low, high } = raw.columns
    const apart = high.map((value, i) => value - low[i]! || 1)
    found.push(
      { scale: 1, mean, std, words: 'standardised column by column', involved },
      { scale: 1, mean: low, std: apart, words: 'scaled to 0…1 column by column', involved },
      {
        scale: 1,
        mean: low.map((value, i) => value + apart[i]! / 2),
        std: apart.map((value) => value / 2),
        words: 'scaled to −1…1 column by column',
        involved,
      },
    )
  }
  if (raw.unrolled && raw.dims.length === 2)
    found.push(
      ...found.map((way): Scaled => ({ ...way, stored: otherRows(raw.dims), words: `${way.words}${ROWS}` })),
    )
  return found.map(({ words, involved, ...scaling }) => ({
    preprocessing: { ...base, ...scaling },
    words,
    involved,
  }))
}

/** How numbers that may be pixels are brought to 0…1, by where they lie. */
function unitOf({ min, max }: RawStatistics): { scale: number; mean: number } | undefined {
  if (min >= 0 && max > 1 && max <= 255) return { scale: 1 / 255, mean: 0 }
  if (min >= 0 && max <= 1) return { scale: 1, mean: 0 }
  if (min >= -1 && max <= 1) return { scale: 0.5, mean: -0.5 }
  return undefined
}

/** Samples smaller than this are no pictures. */
const PICTURE_SIZE = 64

/** Pixels ready as arrays, in the usual scalings, dark on light, blue first and in either order of rows. */
function pixels(raw: RawStatistics): Scaled[] {
  const unit = unitOf(raw)
  const size = sizeOf(raw.dims)
  const axis = channelAxis(raw.dims)
  const channels = axis === undefined ? 1 : raw.dims[axis]!
  const isPicture = axis !== undefined || Number.isInteger(Math.sqrt(size)) || raw.dims.includes(1)
  if (!unit || !isPicture || size < PICTURE_SIZE) return []
  const of = ({ mean, std, words }: Convention): Scaled => {
    const scaling =
      unit.scale === 1 / 255
        ? onBytes({ mean, std })
        : { scale: unit.scale, mean: mean.map((m) => m + unit.mean), std }
    return { ...scaling, words, involved: involvedIn(scaling) }
  }
  const plain = conventionsOf(channels).map(of)
  if (channels === 1) return [...plain, ...plain.map((way) => inverted(way, unit))]
  const orders: Pick<Scaled, 'reversed' | 'stored' | 'words'>[] = [
    { words: '' },
    { reversed: true, words: ', channels in the opposite order' },
  ]
  const rows: typeof orders = [
    { words: '' },
    ...(raw.unrolled ? [{ stored: otherRows(raw.dims), words: ROWS }] : []),
  ]
  return rows.flatMap((row) =>
    orders.flatMap((order) =>
      plain.map((way) => ({ ...way, ...row, ...order, words: `${way.words}${row.words}${order.words}` })),
    ),
  )
}

const ROWS = ', rows lying the other way'

const otherRows = (dims: readonly number[]): 'chw' | 'hwc' => (channelsAt(dims) === 0 ? 'hwc' : 'chw')

/** value = ((1 − pixel) − mean) / std, as one scale and mean of raw numbers: 1 − (raw · s − m) is raw · −s + 1 + m. */
const inverted = (
  { scale, mean, std, words, involved }: Scaled,
  unit: { scale: number; mean: number },
): Scaled => {
  const factor = scale / unit.scale
  return {
    involved: Math.max(involved, INVOLVED.convention),
    scale: -scale,
    mean: mean.map((m) => m - factor * (1 + 2 * unit.mean)),
    std,
    words: `${words}, inverted`,
  }
}
