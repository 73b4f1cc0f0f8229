/**
 * Samples altered a little each time they are seen, so that training does not learn them by heart: pictures are
 * moved, turned, scaled and sheared, signals shifted in time and in strength, tokens replaced by others. A teacher
 * is asked about what the student sees. Sources: arXiv:1909.13719 (geometric augmentation at one strength),
 * arXiv:2106.05237 (teacher and student see the same view), arXiv:1909.10351 (replaced words).
 */
import type { Preprocessing } from '../../contract/dataset'
import type { Batch, Dataset } from '../data/dataset'
import type { Random } from '../math/random'
import type { Value } from '../runtime'

/** What a dataset says of its samples. */
export type About = Pick<Dataset, 'kind' | 'preprocessing'>

export type Alter = (batch: Batch, random: Random) => Batch

/** At strength 1: radians, shares of size, of the sides, of the length, of the strength of a signal, of the tokens. */
const TURN = 0.15
const SCALE = 0.1
const SHEAR = 0.1
const MOVE = 0.07
const SHIFT = 0.1
const GAIN = 0.2
const REPLACED = 0.6

/** Smaller or longer than this is no picture where nothing else says that it is one: rows of sensors, a spectrum. */
const LEAST_SIDE = 8
const LONGEST_SIDES = 2
/** Shorter than this, or with more channels, is no signal: columns, vectors, frames. */
const LEAST_LENGTH = 64
const MOST_CHANNELS = 3
/** Fewer integers than this are no text where nothing else says that they are: columns with categories. */
const LEAST_TOKENS = 16

/** Where the numbers of one sample lie: planes [channels, height, width] or, with a height of 1, signals. */
interface Layout {
  channels: number
  height: number
  width: number
  channelStep: number
  rowStep: number
  columnStep: number
}

const channelsFirst = (channels: number, height: number, width: number): Layout => ({
  channels,
  height,
  width,
  channelStep: height * width,
  rowStep: width,
  columnStep: 1,
})

const channelsLast = (channels: number, height: number, width: number): Layout => ({
  channels,
  height,
  width,
  channelStep: 1,
  rowStep: width * channels,
  columnStep: channels,
})

const isPicture = (height: number, width: number): boolean =>
  Math.min(height, width) >= LEAST_SIDE && Math.max(height, width) <= LONGEST_SIDES * Math.min(height, width)

const isColour = (channels: number): boolean => channels === 1 || channels === 3 || channels === 4

const isSignal = (channels: number, length: number): boolean =>
  length >= LEAST_LENGTH && channels <= MOST_CHANNELS

/** What the numbers of an input are, by the preprocessing or by their shape; undefined where that tells nothing. */
function layoutOf(dims: readonly number[], preprocessing: Preprocessing): Layout | undefined {
  const [, a, b, c] = dims as [number, number, number, number]
  if (preprocessing.kind === 'image') {
    const { channels, height, width, layout } = preprocessing
    if (dims.slice(1).reduce((n, dim) => n * dim, 1) !== channels * height * width) return undefined
    return (layout === 'nhwc' ? channelsLast : channelsFirst)(channels, height, width)
  }
  if (dims.length === 4) {
    if (isColour(a) && isPicture(b, c)) return channelsFirst(a, b, c)
    return isColour(c) && isPicture(a, b) ? channelsLast(c, a, b) : undefined
  }
  if (dims.length === 3) {
    if (isSignal(a, b)) return channelsFirst(a, 1, b)
    return isSignal(b, a) ? channelsLast(b, 1, a) : undefined
  }
  return dims.length === 2 && preprocessing.kind === 'audio' ? channelsFirst(1, 1, a) : undefined
}

const around = (random: Random): number => 2 * random.next() - 1

/** Affine about the centre, bilinear, borders repeated. */
function alterPlanes(from: Float32Array, into: Float32Array, at: number, layout: Layout, warp: Warp): void {
  const { channels, height, width, channelStep, rowStep, columnStep } = layout
  const { xx, xy, yx, yy, dx, dy } = warp
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2]
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [cx, cy] = [x - middleX - dx, y - middleY - dy]
      const sx = Math.min(width - 1, Math.max(0, xx * cx + xy * cy + middleX))
      const sy = Math.min(height - 1, Math.max(0, yx * cx + yy * cy + middleY))
      const left = Math.min(width - 2, Math.floor(sx))
      const top = Math.min(height - 2, Math.floor(sy))
      const [fx, fy] = [sx - left, sy - top]
      let source = at + top * rowStep + left * columnStep
      let target = at + y * rowStep + x * columnStep
      for (let c = 0; c < channels; c++) {
        const above = (1 - fx) * from[source]! + fx * from[source + columnStep]!
        const below = (1 - fx) * from[source + rowStep]! + fx * from[source + rowStep + columnStep]!
        into[target] = (1 - fy) * above + fy * below
        source += channelStep
        target += channelStep
      }
    }
}

interface Warp {
  xx: number
  xy: number
  yx: number
  yy: number
  dx: number
  dy: number
}

function drawWarp(random: Random, strength: number, { width, height }: Layout): Warp {
  // The ends of a long picture move no further than those of a square one.
  const square = Math.min(width, height) / Math.max(width, height)
  const turn = around(random) * TURN * strength * square
  const size = 1 + around(random) * SCALE * strength
  const shear = around(random) * SHEAR * strength * square
  const [cos, sin] = [Math.cos(turn) / size, Math.sin(turn) / size]
  const dx = around(random) * MOVE * strength * width
  const dy = around(random) * MOVE * strength * height
  return { xx: cos, xy: sin + shear, yx: -sin, yy: cos, dx, dy }
}

/** Moved along time, what leaves at one end comes in at the other, and made stronger or weaker. */
function alterSignal(
  from: Float32Array,
  into: Float32Array,
  at: number,
  layout: Layout,
  shift: number,
  gain: number,
): void {
  const { channels, width, channelStep, columnStep } = layout
  for (let c = 0; c < channels; c++)
    for (let x = 0; x < width; x++) {
      const source = (x + shift + width) % width
      into[at + c * channelStep + x * columnStep] = gain * from[at + c * channelStep + source * columnStep]!
    }
}

function alterNumbers(value: Value, layout: Layout, strength: number, random: Random): Value {
  const from = value.data as Float32Array
  const into = new Float32Array(from.length)
  const samples = value.dims[0]!
  const size = from.length / samples
  for (let i = 0; i < samples; i++) {
    if (layout.height > 1) alterPlanes(from, into, i * size, layout, drawWarp(random, strength, layout))
    else {
      const shift = Math.round(around(random) * SHIFT * strength * layout.width)
      alterSignal(from, into, i * size, layout, shift, 1 + around(random) * GAIN * strength)
    }
  }
  return { ...value, data: into }
}

type Ids = BigInt64Array | Int32Array

const isIds = ({ data, dims }: Value): boolean =>
  (data instanceof BigInt64Array || data instanceof Int32Array) && dims.length === 2 && dims[1]! > 1

/** The input that holds the tokens, where all inputs are integers [samples, length]: the one that varies most. */
function tokensOf(inputs: Batch['inputs'], { kind, preprocessing }: About): string | undefined {
  const values = Object.entries(inputs)
  if (values.length === 0 || !values.every(([, value]) => isIds(value))) return undefined
  const long = kind === 'npz' && values.every(([, { dims }]) => dims[1]! >= LEAST_TOKENS)
  if (preprocessing.kind !== 'text' && !long) return undefined
  const different = (value: Value): number => new Set<number | bigint>(value.data as Ids).size
  return values.reduce((a, b) => (different(b[1]) > different(a[1]) ? b : a))[0]
}

/** Of a batch: what nearly every sample holds (beginnings, ends, padding, the commonest words) is not touched. */
const COMMON = 0.9

/** The token that fills samples up: named by the preprocessing, else what an end of a sample repeats longest. */
function paddingOf(ids: Ids, [samples, length]: readonly number[], preprocessing: Preprocessing): number {
  if (preprocessing.kind === 'text') return preprocessing.padId
  let [padding, longest] = [Number(ids[length! - 1]), 0]
  for (let i = 0; i < samples!; i++)
    for (const [end, step] of [
      [(i + 1) * length! - 1, -1],
      [i * length!, 1],
    ] as const) {
      let run = 1
      while (run < length! && ids[end + run * step] === ids[end]) run++
      if (run > longest) [padding, longest] = [Number(ids[end]), run]
    }
  return padding
}

/**
 * A share of the tokens of each sample, drawn between nothing and the strength's, each replaced by what another
 * sample of the batch has in its place: that is certainly allowed there. Nothing moves into or out of what `masks`
 * (1 where a token counts) leave out.
 */
function replaceTokens(
  value: Value,
  masks: readonly Value[],
  preprocessing: Preprocessing,
  strength: number,
  random: Random,
): Value {
  const [samples, length] = value.dims as [number, number]
  const from = value.data as Ids
  const found = new Map<number, number>()
  for (let i = 0; i < samples; i++)
    for (const id of new Set(Array.from(from.subarray(i * length, (i + 1) * length), Number)))
      found.set(id, (found.get(id) ?? 0) + 1)
  const padding = paddingOf(from, value.dims, preprocessing)
  const isFixed = (at: number): boolean => {
    const id = Number(from[at])
    if (id === padding || found.get(id)! >= COMMON * samples) return true
    return masks.some(({ data }) => Number((data as Ids)[at]) === 0)
  }
  const fixed = Array.from({ length: from.length }, (_, at) => isFixed(at))
  const donors = Array.from({ length }, (_, t) => {
    const column = Array.from({ length: samples }, (_, i) => i * length + t)
    return column.filter((at) => !fixed[at]).map((at) => from[at]!)
  })
  const data = from.slice()
  for (let i = 0; i < samples; i++) {
    const share = random.next() * REPLACED * strength
    donors.forEach((pool, t) => {
      const at = i * length + t
      if (!fixed[at] && random.next() < share) data[at] = pool[random.below(pool.length)] as never
    })
  }
  return { ...value, data }
}

const isMask = (name: string, { dims }: Value, [samples, length]: readonly number[]): boolean =>
  /mask/i.test(name) && dims[0] === samples && dims[1] === length

/**
 * How samples like these can be altered; undefined where nothing is known that may be, as with columns of numbers.
 * Several pictures or signals of one sample stay as well: they may belong together.
 */
export function alterationFor({ inputs }: Batch, data: About, strength: number): Alter | undefined {
  if (strength === 0) return undefined
  const { preprocessing } = data
  const tokens = tokensOf(inputs, data)
  if (tokens !== undefined) {
    // Alone in its batch, a sample has nothing to take from.
    if (inputs[tokens]!.dims[0]! < 2) return undefined
    return (batch, random) => {
      const ids = batch.inputs[tokens]!
      const masks = Object.entries(batch.inputs)
        .filter(([name, value]) => name !== tokens && isMask(name, value, ids.dims))
        .map(([, value]) => value)
      const replaced = replaceTokens(ids, masks, preprocessing, strength, random)
      return { ...batch, inputs: { ...batch.inputs, [tokens]: replaced } }
    }
  }
  const known = Object.entries(inputs).filter(
    ([, { data, dims }]) => data instanceof Float32Array && layoutOf(dims, preprocessing) !== undefined,
  )
  const [only, ...others] = known.map(([name]) => name)
  if (only === undefined || others.length > 0) return undefined
  return (batch, random) => {
    const value = batch.inputs[only]!
    const layout = layoutOf(value.dims, preprocessing)
    if (!layout) return batch
    return { ...batch, inputs: { ...batch.inputs, [only]: alterNumbers(value, layout, strength, random) } }
  }
}
