import { expect, test } from 'vitest'
import { gainByChance } from '../../../src/engine/math/paired'
import { seeded } from '../../../src/engine/math/random'

test("Student's t tail, doubled: 2.262 with 9 degrees of freedom leaves 0.025 on one side", () => {
  // Nine gains around a mean that puts t at the tabulated quantile; signs alone say less.
  const around = [-4, -3, -2, -1, 0, 1, 2, 3, 4, 0]
  const deviation = Math.sqrt(around.reduce((sum, v) => sum + v * v, 0) / 9)
  const mean = (2.2622 * deviation) / Math.sqrt(10)
  expect(gainByChance(around.map((v) => v + mean))).toBeCloseTo(0.05, 3)
})

test('one large gain is none of many, many small ones are', () => {
  expect(gainByChance([100, ...new Array<number>(20).fill(0)])).toBeGreaterThan(0.1)
  // All of 12 coins one way: 2 · 2⁻¹².
  expect(gainByChance(Array.from({ length: 12 }, (_, i) => 10 ** i))).toBeCloseTo(2 ** -11, 10)
})

test('no gain, a loss or too few samples are no evidence', () => {
  expect([gainByChance([]), gainByChance([5]), gainByChance([1, -1]), gainByChance([-1, -2, -3])]).toEqual([
    1, 1, 1, 1,
  ])
})

test('of noise alone about as many as promised seem gains', () => {
  const random = seeded(5)
  const runs = 2000
  let seeming = 0
  for (let run = 0; run < runs; run++)
    if (gainByChance(Array.from({ length: 30 }, () => random.next() - 0.5)) < 0.05) seeming++
  expect(seeming / runs).toBeLessThan(0.05)
})
