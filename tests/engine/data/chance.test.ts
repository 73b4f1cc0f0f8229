import { expect, test } from 'vitest'
import { inCommon, isBeyondChance, sameClass } from '../../../src/engine/data/chance'
import { seeded } from '../../../src/engine/math/random'

const draws = (seed: number, count: number, draw: (uniform: number) => number): number[] => {
  const random = seeded(seed)
  return Array.from({ length: count }, () => draw(random.next()))
}

test.each<[string, number, (uniform: number) => number]>([
  ['eight classes, 250 samples', 250, (u) => Math.floor(u * 8)],
  ['two classes, 12 samples', 12, (u) => Math.floor(u * 2)],
  ['a class of two in a hundred, of which one hit looks like much', 50, (u) => Number(u < 0.02)],
])('random labels are chance (%s)', (_, count, draw) => {
  const found = Array.from({ length: 400 }, (_, seed) =>
    isBeyondChance(draws(2 * seed + 1, count, draw), draws(2 * seed + 2, count, draw), sameClass),
  )
  // One in 800 is expected; four of 400 happen once in 5,700.
  expect(found.filter(Boolean).length).toBeLessThan(4)
})

test('what is known is told: three of four right of 24 samples, but not of four', () => {
  const labels = draws(3, 24, (u) => Math.floor(u * 4))
  const answers = labels.map((label, i) => (i % 4 === 0 ? (label + 1) % 4 : label))
  expect(isBeyondChance(answers, labels, sameClass)).toBe(true)
  expect(isBeyondChance(answers.slice(0, 4), labels.slice(0, 4), sameClass)).toBe(false)
})

test('answers or labels that are all alike tell nothing', () => {
  const labels = draws(4, 100, (u) => Math.floor(u * 3))
  const ones = labels.map(() => 1)
  expect(isBeyondChance(ones, labels, sameClass)).toBe(false)
  expect(isBeyondChance(labels, ones, sameClass)).toBe(false)
})

test('sets of labels agree in those that hold in both', () => {
  expect([inCommon(0b1011, 0b1110), inCommon(2 ** 51 + 1, 2 ** 51), inCommon(-1, 3)]).toEqual([2, 1, 0])
  const labels = draws(5, 60, (u) => Math.floor(u * 16))
  const most = labels.map((set, i) => (i % 3 ? set : 5))
  expect(isBeyondChance(most, labels, inCommon)).toBe(true)
  expect(
    isBeyondChance(
      draws(6, 60, (u) => Math.floor(u * 16)),
      labels,
      inCommon,
    ),
  ).toBe(false)
})
