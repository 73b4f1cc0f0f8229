/** Detectors whose boxes are offsets on a grid of a fixed rule of their own. */
import { floatsOf, type Value, type Values } from '../../runtime/value'
import type { Found } from './found'
import { classesOf, floatOutputs, sigmoid, unplaced, type BoxLayout, type Sloped } from './layout'

/** Below this a probability is as good as none: powers below one have no end to their slope there. */
const NOTHING = 1e-7

/**
 * FastestDet (github.com/dog-qiuqiu/FastestDet, test.py): [N, 5 + classes, H, W]. Score = thing^0.6 · class^0.4; centre =
 * cell + tanh of two channels; size = sigmoid of two, as shares of the input.
 */
export const fastestDet: BoxLayout = {
  id: 'fastestdet',
  looks:
    'one output [samples, 5 + classes, rows, columns] on a grid: thing, offset of the centre, size, classes',
  suppress: true,
  match(outputs, { rows, classes, width, height }, told) {
    const grids = floatOutputs(outputs, rows, 4)
    const [first] = grids
    if (!first || (grids.length > 1 && !told)) return undefined
    const [name, { dims }] = first
    const [columns, down, across] = [dims[1]! - 5, dims[2]!, dims[3]!]
    const classOf = classesOf(columns, classes, 'none')
    const square = Math.abs(width / across - height / down) < 1
    return classOf && square && (told || columns === classes)
      ? { names: [name], columns, classOf }
      : undefined
  },
  decode(outputs, row, { names, classOf }, { width, height }, least) {
    const value = outputs[names[0]!]!
    const data = floatsOf(value)
    const [, channels, down, across] = value.dims as [number, number, number, number]
    const plane = down * across
    const found: Found[] = []
    for (let cell = 0; cell < plane; cell++) {
      const at = (channel: number): number => data[(row * channels + channel) * plane + cell]!
      const thing = at(0) ** 0.6
      if (!(thing > least)) continue
      const x = (Math.tanh(at(1)) + (cell % across)) / across
      const y = (Math.tanh(at(2)) + Math.floor(cell / across)) / down
      const [w, h] = [sigmoid(at(3)), sigmoid(at(4))]
      for (const [column, klass] of classOf.entries()) {
        const score = thing * at(5 + column) ** 0.4
        if (klass < 0 || !(score > least)) continue
        found.push({
          left: (x - w / 2) * width,
          top: (y - h / 2) * height,
          right: (x + w / 2) * width,
          bottom: (y + h / 2) * height,
          class: klass,
          score,
        })
      }
    }
    return found
  },
  sloped(outputs, row, { names, columns }, { width, height }): Sloped {
    const value = outputs[names[0]!]!
    const data = floatsOf(value)
    const [, channels, down, across] = value.dims as [number, number, number, number]
    const plane = down * across
    const place = (cell: number, channel: number): number => (row * channels + channel) * plane + cell
    const at = (cell: number, channel: number): number => data[place(cell, channel)]!
    const corners = new Float64Array(4 * plane)
    const scores = new Float64Array(columns * plane)
    for (let cell = 0; cell < plane; cell++) {
      const x = ((Math.tanh(at(cell, 1)) + (cell % across)) / across) * width
      const y = ((Math.tanh(at(cell, 2)) + Math.floor(cell / across)) / down) * height
      const [w, h] = [sigmoid(at(cell, 3)) * width, sigmoid(at(cell, 4)) * height]
      corners.set([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 4 * cell)
      for (let c = 0; c < columns; c++)
        scores[columns * cell + c] = at(cell, 0) ** 0.6 * at(cell, 5 + c) ** 0.4
    }
    return {
      corners,
      scores,
      back(byCorner, byScore, [slopes]) {
        const add = (cell: number, channel: number, slope: number): void => {
          slopes![place(cell, channel)]! += slope
        }
        for (let cell = 0; cell < plane; cell++) {
          const corner = byCorner.subarray(4 * cell, 4 * cell + 4)
          const sides = unplaced(corner, { centred: true }, { width, height })
          add(cell, 1, ((1 - Math.tanh(at(cell, 1)) ** 2) * sides[0] * width) / across)
          add(cell, 2, ((1 - Math.tanh(at(cell, 2)) ** 2) * sides[1] * height) / down)
          const [w, h] = [sigmoid(at(cell, 3)), sigmoid(at(cell, 4))]
          add(cell, 3, w * (1 - w) * sides[2] * width)
          add(cell, 4, h * (1 - h) * sides[3] * height)
          for (let c = 0; c < columns; c++) {
            const slope = byScore[columns * cell + c]! * scores[columns * cell + c]!
            add(cell, 0, (0.6 * slope) / Math.max(NOTHING, at(cell, 0)))
            add(cell, 5 + c, (0.4 * slope) / Math.max(NOTHING, at(cell, 5 + c)))
          }
        }
      },
    }
  },
}

/** Anchors of BlazeFace's front camera: two a cell of 8 pixels, six a cell of 16, all of one size. */
const GRIDS = [
  { stride: 8, each: 2 },
  { stride: 16, each: 6 },
]
/** Logits beyond this are as sure as float32 can say (MediaPipe's score_clipping_thresh). */
const CLIPPED = 100

/**
 * BlazeFace (arXiv:1907.05047, MediaPipe's face_detection_front): scores [N, anchors, 1] and boxes with key points
 * [N, anchors, 16] in pixels from the anchor's centre, a pair of outputs a grid.
 */
export const blazeFace: BoxLayout = {
  id: 'blazeface',
  looks: 'pairs of outputs [samples, anchors, 1] and [samples, anchors, 16] of cells of 8 and 16 pixels',
  suppress: true,
  match(outputs, { rows, width, height }) {
    const all = floatOutputs(outputs, rows, 3)
    const names = GRIDS.flatMap(({ stride, each }) => {
      const anchors = Math.ceil(width / stride) * Math.ceil(height / stride) * each
      const of = (last: number): string | undefined =>
        all.find(([, { dims }]: [string, Value]) => dims[1] === anchors && dims[2] === last)?.[0]
      return [of(1), of(16)]
    })
    if (names.includes(undefined)) return undefined
    return { names: names as string[], columns: 1, classOf: [0] }
  },
  decode(outputs: Values, row, { names }, { width, height }, least) {
    const found: Found[] = []
    for (const [g, { stride, each }] of GRIDS.entries()) {
      const [scores, boxes] = [floatsOf(outputs[names[2 * g]!]!), floatsOf(outputs[names[2 * g + 1]!]!)]
      const [across, down] = [Math.ceil(width / stride), Math.ceil(height / stride)]
      const anchors = across * down * each
      for (let i = 0; i < anchors; i++) {
        const logit = scores[row * anchors + i]!
        const score = sigmoid(Math.max(-CLIPPED, Math.min(CLIPPED, logit)))
        if (!(score > least)) continue
        const cell = Math.floor(i / each)
        const [dx, dy, w, h] = boxes.subarray(16 * (row * anchors + i)) as unknown as [
          number,
          number,
          number,
          number,
        ]
        const x = ((cell % across) + 0.5) * (width / across) + dx
        const y = (Math.floor(cell / across) + 0.5) * (height / down) + dy
        if (![x, y, w, h].every(Number.isFinite)) continue
        found.push({ left: x - w / 2, top: y - h / 2, right: x + w / 2, bottom: y + h / 2, class: 0, score })
      }
    }
    return found
  },
}
