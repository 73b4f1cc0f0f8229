/**
 * Pictures moved, turned, scaled and sheared, signals shifted in time and in strength. Source: arXiv:1909.13719
 * (geometric augmentation at one strength).
 */
import type { Preprocessing } from '../../../contract/dataset'
import type { Random } from '../../math/random'
import type { Value } from '../../runtime'

/** At strength 1: radians, shares of the size, of the sides, of the length, of the strength of a signal. */
const TURN = 0.15
const SCALE = 0.1
const SHEAR = 0.1
const MOVE = 0.07
const SHIFT = 0.1
const GAIN = 0.2

/** Smaller or longer than this is no picture where nothing else says that it is one: rows of sensors, a spectrum. */
const LEAST_SIDE = 8
const LONGEST_SIDES = 2
/** Shorter than this, or with more channels, is no signal: columns, vectors, frames. */
const LEAST_LENGTH = 64
const MOST_CHANNELS = 3

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
export function layoutOf(dims: readonly number[], preprocessing: Preprocessing): Layout | undefined {
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
function augmentPlanes(from: Float32Array, into: Float32Array, at: number, layout: Layout, warp: Warp): void {
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
function augmentSignal(
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

/** Each sample [samples, …] in its own way; `value` stays as it is. */
export function augmentNumbers(value: Value, layout: Layout, strength: number, random: Random): Value {
  const from = value.data as Float32Array
  const into = new Float32Array(from.length)
  const samples = value.dims[0]!
  const size = from.length / samples
  for (let i = 0; i < samples; i++) {
    if (layout.height > 1) augmentPlanes(from, into, i * size, layout, drawWarp(random, strength, layout))
    else {
      const shift = Math.round(around(random) * SHIFT * strength * layout.width)
      augmentSignal(from, into, i * size, layout, shift, 1 + around(random) * GAIN * strength)
    }
  }
  return { ...value, data: into }
}
