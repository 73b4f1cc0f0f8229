import { describe, expect, test } from 'vitest'
import { seeded } from '../../../src/engine/math/random'
import type { Value, Values } from '../../../src/engine/runtime/value'
import { assign, SEVERAL, type Thing } from '../../../src/engine/tasks/detection/assign'
import { boxLoss, measureBoxes } from '../../../src/engine/tasks/detection/box-loss'
import { generalizedOverlap, type Corners } from '../../../src/engine/tasks/detection/generalized-overlap'
import { labelRows, type Box } from '../../../src/engine/tasks/detection/label-rows'
import type { Decoding } from '../../../src/engine/tasks/detection/layout'
import { layoutNamed } from '../../../src/engine/tasks/detection/layouts'
import { floats } from '../evaluate/support'

const [WIDTH, HEIGHT, CLASSES, BOXES] = [64, 32, 2, 12]
const SEEN = { rows: 1, classes: CLASSES, width: WIDTH, height: HEIGHT }
const THINGS: Thing[] = [
  { corners: [8, 4, 24, 20], column: 1 },
  { corners: [40, 8, 48, 28], column: 0 },
]

describe('generalized overlap', () => {
  test.each<[string, Corners, Corners, number]>([
    ['of a box with itself is 1', [0, 0, 2, 2], [0, 0, 2, 2], 1],
    // Shared 1, both together 7, around both 9.
    ['of boxes that share a corner', [0, 0, 2, 2], [1, 1, 3, 3], 1 / 7 - 2 / 9],
    ['of boxes apart is below zero', [0, 0, 1, 1], [3, 0, 4, 1], -0.5],
  ])('%s', (_, a, b, value) => {
    expect(generalizedOverlap(a, b).generalized).toBeCloseTo(value, 12)
  })

  test('its slope is that of its values, wherever boxes lie to each other', () => {
    const random = seeded(11)
    const box = (): number[] => {
      const [x, y] = [random.next(), random.next()]
      return [x, y, x + 0.2 + random.next(), y + 0.2 + random.next()]
    }
    for (let n = 0; n < 200; n++) {
      const [a, b] = [box(), box() as unknown as Corners]
      const { slope } = generalizedOverlap(a as unknown as Corners, b)
      for (const [i, by] of slope.entries()) {
        const at = (h: number): number =>
          generalizedOverlap(a.with(i, a[i]! + h) as unknown as Corners, b).generalized
        expect(by).toBeCloseTo((at(1e-6) - at(-1e-6)) / 2e-6, 4)
      }
    }
  })
})

/** Outputs of a layout, random but near the things. */
function outputsOf(layout: string): { outputs: Values; decoding: Decoding } {
  const random = seeded(5)
  const uniform = (from: number, to: number): number => from + (to - from) * random.next()
  const near = Array.from({ length: BOXES }, (_, i) => {
    const [left, top, right, bottom] = THINGS[i % 2]!.corners
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top].map((v) => v + uniform(-3, 3))
  })
  const likely = (count: number): number[] => Array.from({ length: count }, () => uniform(0.1, 0.9))
  const lines = (rows: number[][]): Value => floats([1, rows.length, rows[0]!.length], rows.flat())
  const base = { layout, names: ['a'], columns: CLASSES, classOf: [0, 1], centred: true }
  if (layout === 'yolov5' || layout === 'yolov8')
    return {
      outputs: { a: lines(near.map((sides) => [...sides, ...likely(layout === 'yolov5' ? 3 : 2)])) },
      decoding: base,
    }
  if (layout === 'fastestdet') {
    const cells = Array.from({ length: 7 }, (_, c) =>
      Array.from({ length: 8 }, () => (c === 0 || c >= 5 ? uniform(0.1, 0.9) : uniform(-1, 1))),
    )
    return { outputs: { a: floats([1, 7, 2, 4], cells.flat()) }, decoding: base }
  }
  const scores = layout === 'ssd' ? ('softmax' as const) : ('sigmoid' as const)
  const columns = layout === 'ssd' ? 3 : 2
  const shares = near.map(([x, y, w, h]) => [x! / WIDTH, y! / HEIGHT, w! / WIDTH, h! / HEIGHT])
  return {
    outputs: { a: lines(shares), b: lines(near.map(() => likely(columns).map((p) => 4 * p - 2))) },
    decoding: {
      ...base,
      names: ['a', 'b'],
      columns,
      classOf: layout === 'ssd' ? [-1, 0, 1] : [0, 1],
      relative: true,
      scores,
    },
  }
}

const FRAME = {
  width: 2 * WIDTH,
  height: 2 * HEIGHT,
  scaleX: 0.5,
  scaleY: 0.5,
  left: 0,
  top: 0,
  inputWidth: WIDTH,
  inputHeight: HEIGHT,
}
const inPicture = ({ corners, column }: Thing, ignored: Box['ignored'] = 0): Box => {
  const [left, top, right, bottom] = corners.map((v) => 2 * v) as [number, number, number, number]
  return { left, top, right, bottom, class: column, ignored }
}

describe.each(['yolov5', 'yolov8', 'fastestdet', 'ssd', 'detr'])('the loss of boxes as %s has them', (id) => {
  const { outputs, decoding } = outputsOf(id)
  const layout = layoutNamed(id)!
  const shift = decoding.classOf.indexOf(0)
  const things = THINGS.map(({ corners, column }) => ({ corners, column: column + shift }))

  test('has the slopes of its values by every number of the outputs', () => {
    const sloped = layout.sloped!(outputs, 0, decoding, SEEN)
    // What learns what is no part of the slope.
    const assigned = assign(sloped, things, layout.suppress ? SEVERAL : 1)
    const counts = { classOf: decoding.classOf, left: new Set<number>() }
    const told = boxLoss(sloped, things, assigned, counts)
    const slopes = decoding.names.map(
      (name) => new Float32Array((outputs[name]!.data as Float32Array).length),
    )
    sloped.back(told.corners, told.scores, slopes)
    for (const [n, name] of decoding.names.entries()) {
      const data = outputs[name]!.data as Float32Array
      const step = decoding.relative ? 1e-4 : 1e-3
      for (let i = 0; i < data.length; i++) {
        const at = (h: number): number => {
          const moved = { ...outputs, [name]: { ...outputs[name]!, data: data.with(i, data[i]! + h) } }
          return boxLoss(layout.sloped!(moved, 0, decoding, SEEN), things, assigned, counts).loss
        }
        const slope = (at(step) - at(-step)) / (2 * step)
        expect(Math.abs(slopes[n]![i]! - slope)).toBeLessThan(2e-3 * Math.max(1, Math.abs(slope)))
      }
    }
  })

  test('is read from labels in pixels of the picture, and falls along its slopes', () => {
    const labels = labelRows([{ frame: FRAME, boxes: THINGS.map((thing) => inPicture(thing)) }])
    const { losses, slopes } = measureBoxes(outputs, labels, decoding)
    const moved = Object.fromEntries(
      decoding.names.map((name) => {
        const by = slopes[name]!.data as Float32Array
        const most = by.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
        const { dims, data } = outputs[name]!
        return [
          name,
          floats(
            [...dims],
            Array.from(data as Float32Array, (v, i) => v - (0.01 * by[i]!) / most),
          ),
        ]
      }),
    )
    expect(losses[0]).toBeGreaterThan(0)
    expect(measureBoxes(moved, labels, decoding).losses[0]).toBeLessThan(losses[0]!)
  })
})

test('a box that lies in a crowd is not told to score nothing', () => {
  const { outputs, decoding } = outputsOf('yolov8')
  const measure = (boxes: Box[]) => measureBoxes(outputs, labelRows([{ frame: FRAME, boxes }]), decoding)
  const nothing = measure([])
  const crowds = measure(THINGS.map((thing) => inPicture({ ...thing, corners: [0, 0, WIDTH, HEIGHT] }, 1)))
  expect(nothing.losses[0]).toBeGreaterThan(0)
  expect(crowds.losses[0]).toBe(0)
})

test('a thing that no box overlaps draws the nearest one', () => {
  const corners = Float64Array.of(0, 0, 4, 4, 20, 20, 24, 24)
  const thing: Thing = { corners: [26, 20, 30, 24], column: 0 }
  const [only, ...more] = assign({ corners, scores: Float64Array.of(0.9, 0.1) }, [thing], SEVERAL)
  expect(more).toHaveLength(0)
  expect(only).toMatchObject({ box: 1, thing: 0, target: 0.1 })
})
