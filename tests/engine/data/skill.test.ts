import { expect, test } from 'vitest'
import { skillOfClasses, skillOfNumbers } from '../../../src/engine/data/skill'
import { seeded } from '../../../src/engine/math/random'

test("kappa and its standard error are those of Cohen's example", () => {
  // 25 and 35 alike of 100, marginals 0.4/0.6 and 0.45/0.55: expected 0.51.
  const counts = [25, 15, 20, 40]
  const answers = counts.flatMap((n, k) => new Array<number>(n).fill(Math.floor(k / 2)))
  const labels = counts.flatMap((n, k) => new Array<number>(n).fill(k % 2))
  const { value, z } = skillOfClasses(answers, labels)
  expect(value).toBeCloseTo((0.65 - 0.51) / 0.49, 10)
  const marginals = 0.4 * 0.45 * 0.85 + 0.6 * 0.55 * 1.15
  expect(z).toBeCloseTo((0.65 - 0.51) / Math.sqrt((0.51 + 0.51 ** 2 - marginals) / 100), 10)
})

test('one class, constant answers and unequal classes guessed at random are no skill', () => {
  const ones = new Array<number>(50).fill(1)
  const mixed = ones.map((_, i) => i % 2)
  expect(skillOfClasses(ones, ones)).toMatchObject({ value: 0, z: 0 })
  expect(skillOfClasses(ones, mixed)).toMatchObject({ value: 0, z: 0 })
  const random = seeded(3)
  const rare = (): number => Number(random.next() < 0.1)
  const { z } = skillOfClasses(Array.from({ length: 2000 }, rare), Array.from({ length: 2000 }, rare))
  expect(Math.abs(z)).toBeLessThan(3)
})

test('R² of numbers, and how surely it is above the mean of the labels', () => {
  const labels = Array.from({ length: 100 }, (_, i) => [i, -i])
  const perfect = skillOfNumbers(labels, labels)
  expect(perfect.value).toBe(1)
  expect(perfect.z).toBeGreaterThan(5)
  const far = skillOfNumbers(
    labels.map(([v]) => [99 - v!, v! - 99]),
    labels,
  )
  expect(far.value).toBeCloseTo(-3, 10)
  expect(far.z).toBeLessThan(0)
  const constant = labels.map(() => [7, 7])
  expect(skillOfNumbers(constant, constant)).toMatchObject({ value: 0, z: 0 })
})
