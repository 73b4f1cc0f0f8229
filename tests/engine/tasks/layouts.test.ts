/** Two things in a picture of 64 × 32 pixels, in the outputs of each layout: a car (class 1) and a person (class 0). */
import { describe, expect, it } from 'vitest'
import { decodingOf, layoutNamed } from '../../../src/engine/tasks/detection/layouts'
import type { Found } from '../../../src/engine/tasks/detection/found'
import type { Values } from '../../../src/engine/runtime/value'
import { floats, ints } from '../evaluate/support'

const SEEN = { rows: 1, classes: 3, width: 64, height: 32 }
const CAR = { left: 8, top: 4, right: 24, bottom: 20, class: 1, score: 0.875 }
const PERSON = { left: 40, top: 8, right: 48, bottom: 28, class: 0, score: 0.5 }
const THINGS = [CAR, PERSON]

const centred = ({ left, top, right, bottom }: Found): number[] => [
  (left + right) / 2,
  (top + bottom) / 2,
  right - left,
  bottom - top,
]
const corners = ({ left, top, right, bottom }: Found): number[] => [left, top, right, bottom]
const shares = ([a, b, c, d]: number[]): number[] => [a! / 64, b! / 32, c! / 64, d! / 32]
const scores = ({ class: klass, score }: Found): number[] => [0, 1, 2].map((k) => (k === klass ? score : 0))
const logit = (p: number): number => Math.log(p / (1 - p))

/** The things, then so many boxes of nothing. */
const rows = (each: (thing: Found) => number[], nothing: number, fill = 0): number[][] => {
  const some = THINGS.map(each)
  return [...some, ...Array.from({ length: nothing }, () => some[0]!.map(() => fill))]
}
const value = (lines: number[][]) => floats([1, lines.length, lines[0]!.length], lines.flat())
const turned = (lines: number[][]) => {
  const columns = lines[0]!.map((_, c) => lines.map((line) => line[c]!))
  return floats([1, columns.length, lines.length], columns.flat())
}

const softmaxed = (thing: Found, nothingFirst: boolean): number[] => {
  const others = (1 - thing.score) / 3
  const classes = [0, 1, 2].map((k) => Math.log(k === thing.class ? thing.score : others))
  return nothingFirst ? [Math.log(others), ...classes] : [...classes, Math.log(others)]
}

const CASES: [title: string, layout: string, outputs: Values][] = [
  ['YOLOv8 in pixels', 'yolov8', { output0: turned(rows((t) => [...centred(t), ...scores(t)], 30)) }],
  ['YOLOv8 in shares', 'yolov8', { out: turned(rows((t) => [...shares(centred(t)), ...scores(t)], 30)) }],
  ['YOLOv8 turned by a converter', 'yolov8', { out: value(rows((t) => [...centred(t), ...scores(t)], 30)) }],
  ['YOLOv5', 'yolov5', { output: value(rows((t) => [...centred(t), 1, ...scores(t)], 30)) }],
  ['NMS by Ultralytics', 'yolo-nms', { output0: value(rows((t) => [...corners(t), t.score, t.class], 5)) }],
  [
    'NMS by YOLOv7',
    'yolo-nms',
    {
      output: floats(
        [2, 7],
        THINGS.flatMap((t) => [0, ...corners(t), t.class, t.score]),
      ),
    },
  ],
  [
    'NMS by a plugin',
    'boxes-scores-classes',
    {
      num_dets: ints([1, 1], [2]),
      det_boxes: value(rows(corners, 4)),
      det_scores: floats([1, 6], [...THINGS.map(({ score }) => score), 0, 0, 0, 0]),
      det_classes: ints([1, 6], [...THINGS.map((t) => t.class), 0, 0, 0, 0]),
    },
  ],
  [
    'Object Detection API',
    'boxes-scores-classes',
    {
      detection_boxes: value(
        rows((t) => {
          const [left, top, right, bottom] = shares(corners(t)) as [number, number, number, number]
          return [top, left, bottom, right]
        }, 4),
      ),
      detection_classes: floats([1, 6], [...THINGS.map((t) => t.class + 1), 1, 1, 1, 1]),
      detection_scores: floats([1, 6], [...THINGS.map(({ score }) => score), 0, 0, 0, 0]),
      num_detections: floats([1], [2]),
    },
  ],
  [
    'SSD with probabilities and nothing first',
    'ssd',
    {
      scores: value(rows((t) => [1 - t.score, ...scores(t)], 40)),
      boxes: value(rows((t) => shares(corners(t)), 40)),
    },
  ],
  [
    'SSD with logits',
    'ssd',
    {
      boxes: value(rows(corners, 40)),
      scores: value(
        rows((t) => softmaxed(t, true), 40, -20).map((l, i) => (i > 1 ? [20, ...l.slice(1)] : l)),
      ),
    },
  ],
  [
    'DETR',
    'detr',
    {
      pred_logits: value(
        rows((t) => softmaxed(t, false), 8, -20).map((l, i) => (i > 1 ? [...l.slice(1), 20] : l)),
      ),
      pred_boxes: value(rows((t) => shares(centred(t)), 8, 0.5)),
    },
  ],
  [
    'RT-DETR',
    'detr',
    {
      logits: value(rows((t) => scores(t).map((s) => (s > 0 ? logit(s) : -20)), 8, -20)),
      pred_boxes: value(rows((t) => shares(centred(t)), 8, 0.5)),
    },
  ],
]

describe.each(CASES)('%s', (_, id, outputs) => {
  it('is recognised, and gives the things where they are', () => {
    const decoding = decodingOf(outputs, SEEN)
    expect(decoding.layout).toBe(id)
    const found = layoutNamed(id)!.decode(outputs, 0, decoding, SEEN, 0.3)
    expect(found.map((one) => one.class)).toEqual([1, 0])
    for (const [i, thing] of THINGS.entries())
      for (const [key, side] of Object.entries(thing))
        expect(found[i]![key as keyof Found]).toBeCloseTo(side, 3)
  })
})

it('reads each sample of a batch by itself', () => {
  const one = rows((t) => [...centred(t), ...scores(t)], 30)
  const none = one.map((line) => line.map(() => 0))
  const both = { output0: floats([2, 32, 7], [...none, ...one].flat()) }
  const seen = { ...SEEN, rows: 2 }
  const decoding = decodingOf(both, seen)
  const { decode } = layoutNamed(decoding.layout)!
  expect(decode(both, 0, decoding, seen, 0.3)).toEqual([])
  expect(decode(both, 1, decoding, seen, 0.3)).toHaveLength(2)
})

it('maps the 91 columns of models trained on COCO by id to its 80 classes', () => {
  const pair = (column: number): Values => ({
    pred_logits: floats(
      [1, 2, 92],
      Array.from({ length: 184 }, (_, i) => (i === column ? 20 : 0)),
    ),
    pred_boxes: floats([1, 2, 4], [0.5, 0.5, 0.2, 0.2, 0.5, 0.5, 0.2, 0.2]),
  })
  const seen = { ...SEEN, classes: 80 }
  // Ids 1, 13 and 90 are person, stop sign and toothbrush: the first, twelfth and last of the eighty.
  for (const [id, klass] of [
    [1, 0],
    [13, 11],
    [90, 79],
  ] as const) {
    const decoding = decodingOf(pair(id), seen)
    expect(layoutNamed('detr')!.decode(pair(id), 0, decoding, seen, 0.5)).toMatchObject([{ class: klass }])
  }
})

it('says of others what was seen, and takes what a person says', () => {
  const raw = {
    head: floats(
      [1, 24, 4, 2],
      Array.from({ length: 192 }, () => -1),
    ),
  }
  expect(() => decodingOf(raw, SEEN)).toThrow(
    expect.objectContaining({
      data: expect.objectContaining({ code: 'data/boxes-unknown', outputs: 'head [1, 24, 4, 2]' }),
    }),
  )
  // Eleven columns could be anything: six classes and a thing, or seven classes.
  const lines = rows((t) => [...centred(t), 1, ...scores(t), 0, 0, 0], 30)
  expect(decodingOf({ out: turned(lines) }, SEEN, 'yolov5')).toMatchObject({ layout: 'yolov5', columns: 6 })
  expect(() => decodingOf(raw, SEEN, 'yolov5')).toThrow(
    expect.objectContaining({ data: expect.objectContaining({ told: 'yolov5' }) }),
  )
})
