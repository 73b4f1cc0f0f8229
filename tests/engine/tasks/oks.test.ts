import { expect, it } from 'vitest'
import { PrecisionMeter } from '../../../src/engine/tasks/detection/average-precision'
import {
  correctOf,
  deviationsOf,
  poses,
  similarity,
  type Pose,
} from '../../../src/engine/tasks/keypoints/oks'
import { peopleAt, peopleRows, type Person } from '../../../src/engine/tasks/keypoints/people'
import fixture from '../../fixtures/keypoints/coco.json'

const K = 17
const triples = (values: number[]): [number, number, number][] =>
  Array.from({ length: K }, (_, k) => values.slice(3 * k, 3 * k + 3) as [number, number, number])

const personOf = (one: (typeof fixture.data.annotations)[number]): Person => {
  const [left, top, width, height] = one.bbox as [number, number, number, number]
  return {
    class: 0,
    ignored: one.iscrowd ? 1 : one.num_keypoints === 0 ? 3 : 0,
    area: one.area,
    left,
    top,
    right: left + width,
    bottom: top + height,
    points: triples(one.keypoints).map(([x, y, seen]) => ({ x, y, seen })),
  }
}
const poseOf = (one: (typeof fixture.found)[number]): Pose => ({
  class: 0,
  score: one.score,
  points: triples(one.keypoints).map(([x, y]) => ({ x, y })),
})

const frame = { scaleX: 1, scaleY: 1, left: 0, top: 0, inputWidth: 8, inputHeight: 8 }

/** As batches carry them: single precision, all people of all pictures in one array. */
const carried = fixture.data.images.map(({ id, width, height }) => ({
  frame: { ...frame, width, height },
  people: fixture.data.annotations.filter((one) => one.image_id === id).map(personOf),
}))
const labels = peopleRows(carried, K)
const foundIn = (id: number): Pose[] => fixture.found.filter((one) => one.image_id === id).map(poseOf)

it('labels come back as they went into an array', () => {
  const back = peopleAt(labels, 3)
  expect(back.people).toHaveLength(carried[3]!.people.length)
  expect(back.frame).toEqual(carried[3]!.frame)
  for (const [i, { points, ignored }] of back.people.entries()) {
    expect(ignored).toBe(carried[3]!.people[i]!.ignored)
    expect(points[4]!.x).toBeCloseTo(carried[3]!.people[i]!.points[4]!.x, 3)
  }
})

it('is as similar as pycocotools has it, of people with and without labelled keypoints', () => {
  let bare = 0
  for (const [id, rows] of Object.entries(fixture.oks)) {
    const found = foundIn(Number(id)).sort((a, b) => b.score - a.score)
    const { people } = carried[Number(id) - 1]!
    for (const [d, row] of rows.entries())
      for (const [g, value] of row.entries()) {
        expect(similarity(found[d]!, people[g]!, deviationsOf(K))).toBeCloseTo(value, 12)
        if (people[g]!.ignored === 3) bare++
      }
  }
  expect(bare).toBeGreaterThan(0)
})

it('equals pycocotools’ average precision, on all pictures and on every other one', () => {
  const meter = new PrecisionMeter(poses(K))
  for (const [row, { id }] of fixture.data.images.entries())
    meter.add(foundIn(id), peopleAt(labels, row).people)
  const precisions = meter.precisions()
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  const all = precisions()
  expect(mean(all)).toBeCloseTo(fixture.all.map, 9)
  expect(all[0]).toBeCloseTo(fixture.all.map50, 9)
  expect(all[5]).toBeCloseTo(fixture.all.map75, 9)
  const even = precisions(Float64Array.from(fixture.data.images, (_, i) => i % 2))
  expect(mean(even)).toBeCloseTo(fixture.even.map, 9)
  expect(even[5]).toBeCloseTo(fixture.even.map75, 9)
})

it('counts right keypoints as NumPy does', () => {
  const counted = fixture.pck.map((_, i) =>
    correctOf(poseOf(fixture.found[i]!), personOf(fixture.data.annotations[i]!)),
  )
  expect(counted.map(({ right, labelled }) => [right, labelled])).toEqual(fixture.pck)
})

it('a person without a pose has no keypoint right, and a skeleton nobody measured is even', () => {
  const person = carried.flatMap(({ people }) => people).find(({ ignored }) => ignored === 0)!
  expect(correctOf(undefined, person)).toMatchObject({ right: 0 })
  expect(deviationsOf(4)).toEqual([0.25, 0.25, 0.25, 0.25])
})
