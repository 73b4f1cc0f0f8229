/**
 * YOLO's heads put together in one output, before non-maximum suppression: a box is its centre, its size, and scores.
 * Source: Ultralytics' exporters. v5 to v7: [N, boxes, 5 + classes] with how sure it is of a thing at all; v8 on:
 * [N, 4 + classes, boxes] without that.
 */
import { floatsOf, type Value, type Values } from '../../runtime/value'
import type { Found } from './found'
import {
  classesOf,
  floatOutputs,
  cornersOf,
  isRelative,
  placed,
  unplaced,
  type BoxLayout,
  type Decoding,
  type Seen,
  type Sloped,
} from './layout'

interface Strides {
  boxes: number
  columns: number
  step: number
  across: number
}

/** Boxes are many, columns few. */
function stridesOf({ dims }: Value): Strides {
  const [, a, b] = dims as [number, number, number]
  return a < b ? { boxes: b, columns: a, step: 1, across: b } : { boxes: a, columns: b, step: b, across: 1 }
}

function layoutOf(id: string, looks: string, extra: 4 | 5): BoxLayout {
  return {
    id,
    looks,
    suppress: true,
    match(outputs, { rows, classes }, told) {
      const fitting = floatOutputs(outputs, rows, 3).filter(([, value]) => {
        const { boxes, columns } = stridesOf(value)
        if (columns <= extra || boxes < 2 * columns) return columns - extra === classes
        // Columns first is how v8 lies, last how v5 does; the number of classes says more than that.
        const natural = value.dims[1]! < value.dims[2]! === (extra === 4)
        const other = extra === 4 ? 5 : 4
        return columns - extra === classes || told || (natural && columns - other !== classes)
      })
      const [best] = fitting
      if (!best || (!told && fitting.length > 1)) return undefined
      const [name, value] = best
      const columns = stridesOf(value).columns - extra
      const classOf = classesOf(columns, classes, 'none')
      return classOf && { names: [name], columns, classOf, centred: true, relative: isRelative(sides(value)) }
    },
    decode(outputs: Values, row: number, decoding: Decoding, seen: Seen, least: number): Found[] {
      const value = outputs[decoding.names[0]!]!
      const data = floatsOf(value)
      const { boxes, columns, step, across } = stridesOf(value)
      const found: Found[] = []
      for (let i = 0; i < boxes; i++) {
        const at = row * boxes * columns + i * step
        const thing = extra === 5 ? data[at + 4 * across]! : 1
        if (!(thing > least)) continue
        for (const [column, klass] of decoding.classOf.entries()) {
          const score = thing * data[at + (extra + column) * across]!
          if (klass < 0 || !(score > least)) continue
          const box = [0, 1, 2, 3].map((side) => data[at + side * across]!) as [
            number,
            number,
            number,
            number,
          ]
          if (box.every(Number.isFinite)) found.push({ ...placed(box, decoding, seen), class: klass, score })
        }
      }
      return found
    },
    sloped(outputs, row, decoding, seen): Sloped {
      const value = outputs[decoding.names[0]!]!
      const data = floatsOf(value)
      const { boxes, columns: all, step, across } = stridesOf(value)
      const { columns } = decoding
      const at = (i: number, column: number): number => row * boxes * all + i * step + column * across
      const thing = (i: number): number => (extra === 5 ? data[at(i, 4)]! : 1)
      const corners = new Float64Array(4 * boxes)
      const scores = new Float64Array(columns * boxes)
      for (let i = 0; i < boxes; i++) {
        const sides = [0, 1, 2, 3].map((side) => data[at(i, side)]!) as [number, number, number, number]
        corners.set(cornersOf(placed(sides, decoding, seen)), 4 * i)
        for (let c = 0; c < columns; c++) scores[columns * i + c] = thing(i) * data[at(i, extra + c)]!
      }
      return {
        corners,
        scores,
        back(byCorner, byScore, [slopes]) {
          for (let i = 0; i < boxes; i++) {
            const sides = unplaced(byCorner.subarray(4 * i, 4 * i + 4), decoding, seen)
            sides.forEach((slope, side) => (slopes![at(i, side)]! += slope))
            for (let c = 0; c < columns; c++) {
              const slope = byScore[columns * i + c]!
              slopes![at(i, extra + c)]! += slope * thing(i)
              if (extra === 5) slopes![at(i, 4)]! += slope * data[at(i, extra + c)]!
            }
          }
        },
      }
    },
  }
}

function* sides(value: Value): Generator<number> {
  const data = floatsOf(value)
  const { boxes, columns, step, across } = stridesOf(value)
  for (let row = 0; row < value.dims[0]!; row++)
    for (let i = 0; i < boxes; i++)
      for (let side = 0; side < 4; side++) yield data[row * boxes * columns + i * step + side * across]!
}

export const yolov5 = layoutOf(
  'yolov5',
  'one output [samples, boxes, 5 + classes]: centre, size, how sure of a thing, a score a class',
  5,
)
export const yolov8 = layoutOf(
  'yolov8',
  'one output [samples, 4 + classes, boxes]: centre, size, a score a class (also v9, v11 and v12)',
  4,
)
