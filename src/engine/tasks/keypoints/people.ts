/**
 * Labels of a picture with keypoints, as a batch carries them: float32 [N, 1 + M, 7 + 3 · keypoints]. The first row of a
 * sample says how the picture became the input and what a keypoint's deviation is, the others are its people: ignored,
 * class, area, box, then x, y and whether it is labelled for each keypoint. Rows after the last are padding.
 */
import type { Value } from '../../runtime/value'
import type { There } from '../detection/average-precision'
import type { Frame } from '../detection/label-rows'

export interface Point {
  x: number
  y: number
}

/** Pixels of the picture. `ignored`: 1 is a crowd, 3 has no labelled keypoint. */
export interface Person extends There {
  /** Square pixels: how large it is tells how near is near. */
  area: number
  left: number
  top: number
  right: number
  bottom: number
  /** `seen`: 0 is not labelled, 1 is hidden, 2 is visible. */
  points: (Point & { seen: number })[]
}

export interface LabelledPeople {
  frame: Frame
  people: Person[]
}

const HEAD = 7
const PADDING = -1
const FRAME = 8

export function peopleRows(pictures: readonly LabelledPeople[], keypoints: number): Value {
  const most = Math.max(0, ...pictures.map(({ people }) => people.length))
  const columns = Math.max(FRAME, HEAD + 3 * keypoints)
  const data = new Float32Array(pictures.length * (1 + most) * columns).fill(PADDING)
  for (const [n, { frame, people }] of pictures.entries()) {
    const start = n * (1 + most) * columns
    const { width, height, scaleX, scaleY, left, top, inputWidth, inputHeight } = frame
    data.set([width, height, scaleX, scaleY, left, top, inputWidth, inputHeight], start)
    for (const [i, one] of people.entries())
      data.set(
        [
          ...[one.ignored, one.class, one.area, one.left, one.top, one.right, one.bottom],
          ...one.points.flatMap(({ x, y, seen }) => [x, y, seen]),
        ],
        start + (1 + i) * columns,
      )
  }
  return { dtype: 'float32', dims: [pictures.length, 1 + most, columns], data }
}

/** Keypoints that a person has. */
export const keypointsIn = ({ dims }: Value): number => Math.floor((dims[2]! - HEAD) / 3)

export function peopleAt(labels: Value, row: number): LabelledPeople {
  const [, rows, columns] = labels.dims as [number, number, number]
  const data = labels.data as Float32Array
  const at = (i: number): Float32Array =>
    data.subarray((row * rows + i) * columns, (row * rows + i + 1) * columns)
  const [width, height, scaleX, scaleY, left, top, inputWidth, inputHeight] = at(0) as unknown as number[]
  const people: Person[] = []
  for (let i = 1; i < rows; i++) {
    const values = at(i)
    if (values[0] === PADDING) continue
    people.push({
      ignored: values[0] as Person['ignored'],
      class: values[1]!,
      area: values[2]!,
      left: values[3]!,
      top: values[4]!,
      right: values[5]!,
      bottom: values[6]!,
      points: Array.from({ length: keypointsIn(labels) }, (_, k) => {
        const from = HEAD + 3 * k
        return { x: values[from]!, y: values[from + 1]!, seen: values[from + 2]! }
      }),
    })
  }
  const frame = { width, height, scaleX, scaleY, left, top, inputWidth, inputHeight } as Frame
  return { frame, people }
}
