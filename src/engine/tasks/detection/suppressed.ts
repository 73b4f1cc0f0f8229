/**
 * Boxes after non-maximum suppression in the graph, a score and a class each. Source: Ultralytics' export with nms and
 * YOLOv10 ([N, boxes, 6]), YOLOv7's end2end ([boxes, 7] with the sample first), the EfficientNMS plugin's and TensorFlow's
 * Object Detection API's separate outputs.
 */
import { floatsOf, type Value, type Values } from '../../runtime/value'
import { rowSize } from '../metric'
import type { Found } from './found'
import { classesOf, isRelative, placed, type BoxLayout } from './layout'

const whole = (value: number): boolean => Number.isInteger(value) && value >= -1

/** Corners, score, class: the last column counts classes. */
export const yoloEnd: BoxLayout = {
  id: 'yolo-nms',
  looks: 'one output [samples, boxes, 6]: corners, score, class; or [boxes, 7] with the sample first',
  suppress: false,
  match(outputs, { rows, classes }, told) {
    const found = Object.entries(outputs).find(([, { dims }]) => {
      const last = dims.at(-1)
      return (dims.length === 3 && dims[0] === rows && last === 6) || (dims.length === 2 && last === 7)
    })
    if (!found) return undefined
    const [name, value] = found
    const [data, width] = [floatsOf(value), value.dims.at(-1)!]
    const first = width - 6
    const classAt = 5
    for (let at = 0; at < data.length && !told; at += width) {
      const klass = data[at + classAt]!
      const [left, top, right, bottom] = data.subarray(at + first)
      if (!whole(klass) || klass >= Math.max(classes, 1000) || right! < left! || bottom! < top!)
        return undefined
    }
    const corners = Array.from(data).filter((_, i) => i % width >= first && i % width < first + 4)
    return {
      names: [name],
      columns: classes,
      classOf: classesOf(classes, classes, 'none')!,
      relative: corners.some((side) => side !== 0) && isRelative(corners),
    }
  },
  decode(outputs, row, decoding, seen, least) {
    const value = outputs[decoding.names[0]!]!
    const [data, { dims }] = [floatsOf(value), value]
    const width = dims.at(-1)!
    const flat = width === 7
    const [from, to] = flat ? [0, dims[0]!] : [row * dims[1]!, (row + 1) * dims[1]!]
    const found: Found[] = []
    for (let i = from; i < to; i++) {
      const line = Array.from(data.subarray(i * width, (i + 1) * width))
      if (flat && line[0] !== row) continue
      const [left, top, right, bottom] = line.slice(flat ? 1 : 0) as [number, number, number, number]
      // End2end of YOLOv7 gives the class before the score.
      const [score, klass] = flat ? [line[6]!, line[5]!] : [line[4]!, line[5]!]
      if (!(score > least) || !(klass >= 0 && klass < decoding.columns)) continue
      const corners = [left, top, right, bottom] as const
      if (corners.every(Number.isFinite))
        found.push({ ...placed(corners, decoding, seen), class: klass, score })
    }
    return found
  },
}

/** Boxes, scores and classes as outputs of their own. */
export const separateEnd: BoxLayout = {
  id: 'boxes-scores-classes',
  looks: 'outputs [samples, boxes, 4], [samples, boxes] of scores and [samples, boxes] of classes',
  suppress: false,
  match(outputs, { rows, classes }) {
    const all = Object.entries(outputs).filter(([, { dims }]) => dims[0] === rows)
    const boxes = all.find(([, { dims }]) => dims.length === 3 && dims[2] === 4)
    const flat = all.filter(
      ([, value]) => boxes && value.dims.length === 2 && rowSize(value) === boxes[1].dims[1],
    )
    if (!boxes || flat.length < 2) return undefined
    const isClass = ([name, value]: [string, Value]): boolean =>
      /class|label/i.test(name) || !value.dtype.startsWith('float')
    const kinds = flat.find(isClass) ?? flat.find(([, value]) => floatsOf(value).every(whole))
    const scores = flat.find((one) => one !== kinds)
    if (!kinds || !scores) return undefined
    // The Object Detection API counts classes from one and gives the upper side first.
    const tensorflow = /detection_boxes/i.test(boxes[0]) || /detection_classes/i.test(kinds[0])
    return {
      names: [boxes[0], scores[0], kinds[0]],
      columns: classes + (tensorflow ? 1 : 0),
      classOf: Array.from({ length: classes + (tensorflow ? 1 : 0) }, (_, i) => (tensorflow ? i - 1 : i)),
      relative: isRelative(floatsOf(boxes[1])),
    }
  },
  decode(outputs: Values, row, decoding, seen, least) {
    const [boxes, scores, kinds] = decoding.names.map((name) => floatsOf(outputs[name]!)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    const count = outputs[decoding.names[0]!]!.dims[1]!
    const upperFirst = decoding.classOf[0] === -1
    const found: Found[] = []
    for (let i = row * count; i < (row + 1) * count; i++) {
      const klass = decoding.classOf[kinds[i]!] ?? -1
      if (!(scores[i]! > least) || klass < 0) continue
      const [a, b, c, d] = boxes.subarray(4 * i, 4 * i + 4)
      const corners = (upperFirst ? [b, a, d, c] : [a, b, c, d]) as [number, number, number, number]
      if (corners.every(Number.isFinite))
        found.push({ ...placed(corners, decoding, seen), class: klass, score: scores[i]! })
    }
    return found
  },
}
