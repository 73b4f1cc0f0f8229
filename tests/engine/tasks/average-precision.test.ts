import { expect, it } from 'vitest'
import { BOXES, PrecisionMeter } from '../../../src/engine/tasks/detection/average-precision'
import { overlap, suppress, type Found } from '../../../src/engine/tasks/detection/found'
import type { Box } from '../../../src/engine/tasks/detection/label-rows'
import fixture from '../../fixtures/detection/coco.json'

const sides = ([x, y, w, h]: number[]) => ({ left: x!, top: y!, right: x! + w!, bottom: y! + h! })

function measured(): PrecisionMeter<Found, Box> {
  const meter = new PrecisionMeter(BOXES)
  for (const { id } of fixture.data.images) {
    const truth = fixture.data.annotations
      .filter((one) => one.image_id === id)
      .map((one): Box => ({ ...sides(one.bbox), class: one.category_id, ignored: one.iscrowd as 0 | 1 }))
    const found = fixture.found
      .filter((one) => one.image_id === id)
      .map((one): Found => ({ ...sides(one.bbox), class: one.category_id, score: one.score }))
    meter.add(found, truth)
  }
  return meter
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

it('equals pycocotools, on all pictures and on every other one', () => {
  const precisions = measured().precisions()
  const all = precisions()
  expect(mean(all)).toBeCloseTo(fixture.all.map, 9)
  expect(all[0]).toBeCloseTo(fixture.all.map50, 9)
  expect(all[5]).toBeCloseTo(fixture.all.map75, 9)
  const even = precisions(Float64Array.from(fixture.data.images, (_, i) => i % 2))
  expect(mean(even)).toBeCloseTo(fixture.even.map, 9)
  expect(even[0]).toBeCloseTo(fixture.even.map50, 9)
})

it('is 1 for the labels themselves and 0 for nothing', () => {
  const truth: Box[] = [{ left: 1, top: 1, right: 9, bottom: 5, class: 0, ignored: 0 }]
  const right = new PrecisionMeter(BOXES)
  right.add(
    truth.map((box) => ({ ...box, score: 0.3 })),
    truth,
  )
  for (const one of right.precisions()()) expect(one).toBeCloseTo(1, 12)
  const none = new PrecisionMeter(BOXES)
  none.add([], truth)
  expect(none.precisions()()).toEqual(Array(10).fill(0))
})

it('counts what is on a difficult box neither as right nor as wrong', () => {
  const box = { left: 0, top: 0, right: 10, bottom: 10, class: 0 }
  const meter = new PrecisionMeter(BOXES)
  meter.add(
    [
      { ...box, score: 0.9 },
      { ...box, left: 20, right: 30, score: 0.5 },
    ],
    [
      { ...box, ignored: 2 },
      { ...box, left: 20, right: 30, ignored: 0 },
    ],
  )
  expect(mean(meter.precisions()())).toBeCloseTo(1, 9)
})

it('takes out what overlaps within a class, best first', () => {
  const box = (left: number, score: number, klass = 0): Found => ({
    left,
    top: 0,
    right: left + 10,
    bottom: 10,
    class: klass,
    score,
  })
  expect(overlap(box(0, 1), box(5, 1))).toBeCloseTo(1 / 3, 9)
  const kept = suppress([box(0, 0.5), box(1, 0.9), box(1, 0.4, 1), box(30, 0.2)], 0.5, 10)
  expect(kept.map(({ score }) => score)).toEqual([0.9, 0.4, 0.2])
})
