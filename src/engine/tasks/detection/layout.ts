/** How boxes lie in the outputs of a detector: one file a family of layouts, its line in `index.ts`. */
import { isFloat } from '../../onnx'
import { floatsOf, type Value, type Values } from '../../runtime/value'
import type { Found } from './found'

/** What was seen of a layout in the outputs of the original; enough to read every other batch. */
export interface Decoding {
  layout: string
  /** Outputs read, in an order of the layout's own. */
  names: string[]
  /** Scores of classes that a box has. */
  columns: number
  /** Sides are shares of the input, not pixels. */
  relative?: boolean
  /** Centre and size, not corners. */
  centred?: boolean
  /** What makes probabilities of the scores; absent where they are some. */
  scores?: 'softmax' | 'sigmoid'
  /** Class of a column; −1 is none of the data's. */
  classOf: number[]
}

export interface Seen {
  /** Samples of the batch. */
  rows: number
  /** Classes that the data names. */
  classes: number
  /** Sides of the input, pixels. */
  width: number
  height: number
}

export interface BoxLayout {
  id: string
  /** One line for people: what it looks like. */
  looks: string
  /** Overlapping boxes of one thing are still to be taken out. */
  suppress: boolean
  /** Undefined where the outputs are of another layout. `told`: a person says that it is this one. */
  match(outputs: Values, seen: Seen, told: boolean): Omit<Decoding, 'layout'> | undefined
  /** Boxes of one sample in pixels of the input, those scored above `least`. */
  decode(outputs: Values, row: number, decoding: Decoding, seen: Seen, least: number): Found[]
  /** All boxes of one sample with the way back to the outputs; absent where what was taken out has left no way. */
  sloped?(outputs: Values, row: number, decoding: Decoding, seen: Seen): Sloped
}

/** What is learned of boxes: by these a loss is told, and by `back` its slopes by the outputs. */
export interface Sloped {
  /** [boxes, 4]: left, top, right and bottom in pixels of the input. */
  corners: Float64Array
  /** [boxes, columns]: probabilities. */
  scores: Float64Array
  /** Adds to `slopes`, which lie as the outputs of the decoding do, what slopes by corners and scores say of them. */
  back(corners: Float64Array, scores: Float64Array, slopes: readonly Float32Array[]): void
}

/** Float outputs whose first axis is the samples, with so many axes. */
export const floatOutputs = (outputs: Values, rows: number, rank: number): [string, Value][] =>
  Object.entries(outputs).filter(
    ([, { dtype, dims }]) => isFloat(dtype) && dims.length === rank && dims[0] === rows,
  )

/** Sides in pixels of the input, whatever they are given as. */
export function placed(
  [a, b, c, d]: readonly [number, number, number, number],
  { relative, centred }: Pick<Decoding, 'relative' | 'centred'>,
  { width, height }: Pick<Seen, 'width' | 'height'>,
): Pick<Found, 'left' | 'top' | 'right' | 'bottom'> {
  const [x, y] = relative ? [width, height] : [1, 1]
  if (!centred) return { left: a * x, top: b * y, right: c * x, bottom: d * y }
  return { left: (a - c / 2) * x, top: (b - d / 2) * y, right: (a + c / 2) * x, bottom: (b + d / 2) * y }
}

export const cornersOf = ({ left, top, right, bottom }: Omit<Found, 'class' | 'score'>): number[] => [
  left,
  top,
  right,
  bottom,
]

/** The slopes by the sides that `placed` was given, of slopes by its corners. */
export function unplaced(
  [left, top, right, bottom]: ArrayLike<number> & Iterable<number>,
  { relative, centred }: Pick<Decoding, 'relative' | 'centred'>,
  { width, height }: Pick<Seen, 'width' | 'height'>,
): [number, number, number, number] {
  const [x, y] = relative ? [width, height] : [1, 1]
  if (!centred) return [left! * x, top! * y, right! * x, bottom! * y]
  return [(left! + right!) * x, (top! + bottom!) * y, ((right! - left!) * x) / 2, ((bottom! - top!) * y) / 2]
}

/** The slopes by the scores that `probabilities` was given, of slopes by what it made of them. */
export function unlikely(
  likely: ArrayLike<number>,
  slopes: Float64Array,
  { scores }: Pick<Decoding, 'scores'>,
): Float64Array {
  if (scores === 'sigmoid') return slopes.map((slope, i) => slope * likely[i]! * (1 - likely[i]!))
  if (scores !== 'softmax') return slopes
  const mean = slopes.reduce((sum, slope, i) => sum + slope * likely[i]!, 0)
  return slopes.map((slope, i) => likely[i]! * (slope - mean))
}

/** Shares of the input reach little beyond 1; pixels do. */
export const isRelative = (values: Iterable<number>): boolean => {
  for (const value of values) if (Math.abs(value) > 4) return false
  return true
}

/** Categories of COCO that are used, of the 90 ids its annotations have: what models trained on it by id answer with. */
const UNUSED_BY_COCO = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
const COCO = { ids: 90, used: 80 }

/**
 * Which class of the data each column scores. One column more than classes is "nothing there": the first of SSD and its
 * kin, the last of DETR. Undefined where there are fewer columns than classes.
 */
export function classesOf(
  columns: number,
  classes: number,
  nothing: 'first' | 'last' | 'none',
): number[] | undefined {
  const numbered = (from: number): number[] =>
    Array.from({ length: columns }, (_, i) => (i - from >= 0 && i - from < classes ? i - from : -1))
  if (columns === classes) return numbered(0)
  if (columns < classes) return undefined
  if (classes === COCO.used && columns > COCO.ids) {
    let next = 0
    return Array.from({ length: columns }, (_, id) =>
      id >= 1 && id <= COCO.ids && !UNUSED_BY_COCO.includes(id) ? next++ : -1,
    )
  }
  return numbered(nothing === 'first' && columns === classes + 1 ? 1 : 0)
}

/** Scores of a row of columns as probabilities. */
export function probabilities(
  data: Float32Array,
  from: number,
  { columns, scores }: Pick<Decoding, 'columns' | 'scores'>,
): Float32Array {
  const row = data.slice(from, from + columns)
  if (scores === 'sigmoid') return row.map(sigmoid)
  if (scores !== 'softmax') return row
  const most = row.reduce((a, b) => Math.max(a, b), -Infinity)
  const powers = row.map((value) => Math.exp(value - most))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((value) => value / sum)
}

export const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value))

export const withinUnit = (value: Value): boolean => floatsOf(value).every((v) => v >= 0 && v <= 1.0001)
