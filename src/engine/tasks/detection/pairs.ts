/**
 * Boxes and scores of classes as two outputs. SSD and its kin score "nothing there" first and want overlapping boxes taken
 * out; DETR (arXiv:2005.12872) scores it last, gives centre and size, and answers with each thing once.
 */
import { floatsOf, type Value, type Values } from '../../runtime/value'
import type { Found } from './found'
import {
  classesOf,
  cornersOf,
  floatOutputs,
  isRelative,
  placed,
  probabilities,
  unlikely,
  unplaced,
  withinUnit,
  type BoxLayout,
  type Decoding,
  type Seen,
  type Sloped,
} from './layout'

type Pair = [boxes: [string, Value], scores: [string, Value]]

function pairIn(outputs: Values, { rows, classes }: Seen): Pair | undefined {
  const all = floatOutputs(outputs, rows, 3)
  const boxes =
    all.find(([name, { dims }]) => dims[2] === 4 && /box|loc|bbox/i.test(name)) ??
    all.find(([, { dims }]) => dims[2] === 4)
  const scores = all.find(
    ([name, { dims }]) => name !== boxes?.[0] && dims[1] === boxes?.[1].dims[1] && dims[2]! >= classes,
  )
  return boxes && scores && [boxes, scores]
}

/** Boxes whose second corner lies right of and below the first, as corners have it. */
function cornerShare(value: Value): number {
  const data = floatsOf(value)
  let right = 0
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 2]! >= data[at]! && data[at + 3]! >= data[at + 1]!) right++
  return right / Math.max(1, data.length / 4)
}

const DETR_NAMES = /pred_boxes|pred_logits|^logits$/i
/** DETR and its kin ask a few hundred questions; anchors are thousands. */
const MOST_QUERIES = 1000

const isDetr = ([[boxes, { dims }], [scores]]: Pair): boolean =>
  dims[1]! <= MOST_QUERIES && (DETR_NAMES.test(boxes) || DETR_NAMES.test(scores))

function decode(outputs: Values, row: number, decoding: Decoding, seen: Seen, least: number): Found[] {
  const [boxes, scores] = decoding.names.map((name) => floatsOf(outputs[name]!)) as [
    Float32Array,
    Float32Array,
  ]
  const count = outputs[decoding.names[0]!]!.dims[1]!
  const found: Found[] = []
  for (let i = row * count; i < (row + 1) * count; i++) {
    const sides = Array.from(boxes.subarray(4 * i, 4 * i + 4)) as [number, number, number, number]
    if (!sides.every(Number.isFinite)) continue
    const likely = probabilities(scores, i * decoding.columns, decoding)
    for (const [column, klass] of decoding.classOf.entries())
      if (klass >= 0 && likely[column]! > least)
        found.push({ ...placed(sides, decoding, seen), class: klass, score: likely[column]! })
  }
  return found
}

function sloped(outputs: Values, row: number, decoding: Decoding, seen: Seen): Sloped {
  const [boxes, given] = decoding.names.map((name) => floatsOf(outputs[name]!)) as [
    Float32Array,
    Float32Array,
  ]
  const { columns } = decoding
  const count = outputs[decoding.names[0]!]!.dims[1]!
  const corners = new Float64Array(4 * count)
  const scores = new Float64Array(columns * count)
  const from = row * count
  for (let i = 0; i < count; i++) {
    const at = 4 * (from + i)
    const sides = Array.from(boxes.subarray(at, at + 4)) as [number, number, number, number]
    corners.set(cornersOf(placed(sides, decoding, seen)), 4 * i)
    scores.set(probabilities(given, columns * (from + i), decoding), columns * i)
  }
  return {
    corners,
    scores,
    back(byCorner, byScore, [bySide, byGiven]) {
      for (let i = 0; i < count; i++) {
        const sides = unplaced(byCorner.subarray(4 * i, 4 * i + 4), decoding, seen)
        sides.forEach((slope, side) => (bySide![4 * (from + i) + side]! += slope))
        const [start, end] = [columns * i, columns * (i + 1)]
        const slopes = unlikely(scores.subarray(start, end), byScore.subarray(start, end), decoding)
        slopes.forEach((slope, c) => (byGiven![columns * (from + i) + c]! += slope))
      }
    },
  }
}

export const ssd: BoxLayout = {
  id: 'ssd',
  looks:
    'outputs [samples, boxes, 4] and [samples, boxes, classes], boxes decoded, overlapping ones still in',
  suppress: true,
  match(outputs, seen, told) {
    const pair = pairIn(outputs, seen)
    if (!pair || (!told && isDetr(pair))) return undefined
    const [[name, boxes], [scored, scores]] = pair
    const columns = scores.dims[2]!
    const classOf = classesOf(columns, seen.classes, 'first')
    const share = cornerShare(boxes)
    const centred = share < 0.99
    // Offsets from anchors are neither corners nor sizes: sizes are never below zero.
    const sizes = floatsOf(boxes).filter((_, i) => i % 4 >= 2)
    if (!classOf || (!told && centred && sizes.some((size) => size < 0))) return undefined
    const nothing = columns > seen.classes
    return {
      names: [name, scored],
      columns,
      classOf,
      centred,
      relative: isRelative(floatsOf(boxes)),
      ...(!withinUnit(scores) && { scores: nothing ? ('softmax' as const) : ('sigmoid' as const) }),
    }
  },
  decode,
  sloped,
}

export const detr: BoxLayout = {
  id: 'detr',
  looks:
    'outputs [samples, queries, 4] of centre and size and [samples, queries, classes] of logits, each thing once',
  suppress: false,
  match(outputs, seen, told) {
    const pair = pairIn(outputs, seen)
    if (!pair || (!told && !isDetr(pair))) return undefined
    const [[name, boxes], [scored, scores]] = pair
    const columns = scores.dims[2]!
    const classOf = classesOf(columns, seen.classes, 'last')
    return (
      classOf && {
        names: [name, scored],
        columns,
        classOf,
        centred: true,
        relative: isRelative(floatsOf(boxes)),
        // With a column for nothing it is one distribution; RT-DETR and Deformable DETR ask of each class by itself.
        ...(!withinUnit(scores) && {
          scores: columns > seen.classes ? ('softmax' as const) : ('sigmoid' as const),
        }),
      }
    )
  },
  decode,
  sloped,
}
