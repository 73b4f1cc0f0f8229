import { expect, it } from 'vitest'
import type { Value } from '../../../src/engine/runtime/value'
import { poseDecoding, poseLayout, type Seen } from '../../../src/engine/tasks/keypoints/layouts'
import type { Pose } from '../../../src/engine/tasks/keypoints/oks'
import { floats } from '../evaluate/support'

const seen: Seen = { rows: 1, keypoints: 2, classes: 1, width: 80, height: 40 }

/** By the layout that is recognised. */
function decoded(value: Value, told?: string): [layout: string, poses: Pose[]] {
  const { layout, name, relative } = poseDecoding({ out: value }, seen, told)
  expect(name).toBe('out')
  return [layout, poseLayout(layout).decode(value, 0, seen, relative)]
}
const places = (pose: Pose): number[] => pose.points.flatMap(({ x, y }) => [x, y])

it('reads coordinates as shares of the input or as pixels, with a score or without', () => {
  for (const value of [
    floats([1, 2, 2], [0.25, 0.5, 0.75, 1]),
    floats([1, 4], [20, 20, 60, 40]),
    floats([1, 2, 3], [20, 20, 1, 60, 40, 0.5]),
  ]) {
    const [layout, [pose]] = decoded(value)
    expect(layout).toBe('coordinates')
    expect(places(pose!)).toEqual([20, 20, 60, 40])
  }
  expect(decoded(floats([1, 2, 3], [20, 20, 1, 60, 40, 0.5]))[1][0]!.score).toBe(0.75)
})

it('reads MoveNet’s y before x', () => {
  const [layout, [pose]] = decoded(floats([1, 1, 2, 3], [0.5, 0.25, 1, 1, 0.75, 0.5]))
  expect(layout).toBe('movenet')
  expect(places(pose!)).toEqual([20, 20, 60, 40])
})

it('finds the strongest place of each map, a quarter of a cell towards the stronger neighbour', () => {
  const maps = new Float32Array(2 * 5 * 8)
  maps.set([0.1, 0.9, 0.3], 2 * 8 + 2)
  maps[8 + 3] = 0.5
  maps[40] = 0.4
  const [layout, [pose]] = decoded({ dtype: 'float32', dims: [1, 2, 5, 8], data: maps })
  expect(layout).toBe('heatmaps')
  // Column 3 and row 2 of cells of 10 × 8 pixels; at an edge nothing is moved.
  expect(places(pose!)).toEqual([32.5, 14, 0, 0])
  expect(pose!.score).toBeCloseTo(0.65, 6)
})

it('reads several people of YOLO’s heads, once each, before and after suppression', () => {
  const boxes = [
    [20, 20, 10, 10, 0.9, 18, 19, 1, 22, 21, 1],
    [21, 20, 10, 10, 0.6, 1, 1, 1, 2, 2, 1],
    [60, 20, 10, 10, 0.5, 58, 19, 1, 62, 21, 1],
    [60, 20, 10, 10, 0, 0, 0, 0, 0, 0, 0],
  ]
  const columns = boxes[0]!.flatMap((_, c) => boxes.map((box) => box[c]!))
  const [layout, found] = decoded(floats([1, 11, 4], columns))
  expect(layout).toBe('yolov8-pose')
  expect(found.map(places)).toEqual([
    [18, 19, 22, 21],
    [58, 19, 62, 21],
  ])
  const end = [15, 15, 25, 25, 0.9, 0, 18, 19, 1, 22, 21, 1, ...Array<number>(12).fill(0)]
  const [other, [pose, ...none]] = decoded(floats([1, 2, 12], end))
  expect([other, places(pose!), none]).toEqual(['yolo-pose-end', [18, 19, 22, 21], []])
})

it('says what it saw where keypoints lie in no known way', () => {
  expect(() => decoded(floats([1, 5], [1, 2, 3, 4, 5]))).toThrowError(
    expect.objectContaining({
      data: expect.objectContaining({
        code: 'data/keypoints-unknown',
        outputs: 'out [1, 5]',
        keypoints: 2,
      }) as object,
    }) as Error,
  )
  expect(() => decoded(floats([1, 4], [1, 2, 3, 4]), 'heatmaps')).toThrow()
})
