/**
 * Labels of a picture with boxes, as a batch carries them: float32 [N, 1 + M, 8]. The first row of a sample says how the
 * picture became the input, the others are its boxes in pixels of the picture; rows after the last box are padding.
 */
import type { Value } from '../../runtime/value'

/** input = picture · scale + offset, in pixels of each. */
export interface Frame {
  width: number
  height: number
  scaleX: number
  scaleY: number
  left: number
  top: number
  inputWidth: number
  inputHeight: number
}

/** `ignored`: 1 is a crowd (COCO), 2 is difficult (Pascal VOC): finding it is neither right nor wrong. */
export interface Box {
  left: number
  top: number
  right: number
  bottom: number
  class: number
  ignored: 0 | 1 | 2
}

export interface LabelledPicture {
  frame: Frame
  boxes: Box[]
}

const COLUMNS = 8
const PADDING = -1

export function labelRows(pictures: readonly LabelledPicture[]): Value {
  const most = Math.max(0, ...pictures.map(({ boxes }) => boxes.length))
  const data = new Float32Array(pictures.length * (1 + most) * COLUMNS).fill(PADDING)
  for (const [n, { frame, boxes }] of pictures.entries()) {
    const start = n * (1 + most) * COLUMNS
    const { width, height, scaleX, scaleY, left, top, inputWidth, inputHeight } = frame
    data.set([width, height, scaleX, scaleY, left, top, inputWidth, inputHeight], start)
    for (const [i, box] of boxes.entries())
      data.set([box.left, box.top, box.right, box.bottom, box.class, box.ignored], start + (1 + i) * COLUMNS)
  }
  return { dtype: 'float32', dims: [pictures.length, 1 + most, COLUMNS], data }
}

export function pictureAt({ dims, data }: Value, row: number): LabelledPicture {
  const rows = dims[1]!
  const at = (i: number): number[] =>
    Array.from((data as Float32Array).subarray((row * rows + i) * COLUMNS, (row * rows + i + 1) * COLUMNS))
  const [width, height, scaleX, scaleY, left, top, inputWidth, inputHeight] = at(0) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const boxes: Box[] = []
  for (let i = 1; i < rows; i++) {
    const [l, t, r, b, klass, ignored] = at(i) as [number, number, number, number, number, number]
    if (klass !== PADDING)
      boxes.push({ left: l, top: t, right: r, bottom: b, class: klass, ignored: ignored as Box['ignored'] })
  }
  return { frame: { width, height, scaleX, scaleY, left, top, inputWidth, inputHeight }, boxes }
}
