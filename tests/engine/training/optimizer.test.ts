import { describe, expect, test } from 'vitest'
import { seeded } from '../../../src/engine/math/random'
import { clipScale, createOptimizer, rateAt, type Span } from '../../../src/engine/training/optimizer'

const all = (length: number): Span[] => [{ from: 0, to: length, decays: true }]

describe('AdamW', () => {
  test('three steps as computed by hand from the paper', () => {
    const optimizer = createOptimizer('adamw', 1, { momentum: 0.9, weightDecay: 0.1 })
    const values = Float32Array.of(1)
    let [w, m, v] = [1, 0, 0]
    for (const [t, g] of [0.5, -0.25, 1].entries()) {
      optimizer.step(values, Float32Array.of(g), 0.01, all(1))
      m = 0.9 * m + 0.1 * g
      v = 0.999 * v + 0.001 * g * g
      const [mHat, vHat] = [m / (1 - 0.9 ** (t + 1)), v / (1 - 0.999 ** (t + 1))]
      w -= 0.01 * 0.1 * w + (0.01 * mHat) / (Math.sqrt(vHat) + 1e-8)
      expect(values[0]).toBeCloseTo(w, 5)
    }
  })

  test('decay leaves biases alone', () => {
    const optimizer = createOptimizer('adamw', 2, { momentum: 0.9, weightDecay: 0.5 })
    const values = Float32Array.of(1, 1)
    optimizer.step(values, new Float32Array(2), 0.1, [
      { from: 0, to: 1, decays: true },
      { from: 1, to: 2, decays: false },
    ])
    expect(values[0]).toBeCloseTo(0.95)
    expect(values[1]).toBe(1)
  })
})

test('SGD gathers momentum: v = μv + g', () => {
  const optimizer = createOptimizer('sgd', 2, { momentum: 0.5, weightDecay: 0 })
  const values = Float32Array.of(0, 0)
  optimizer.step(values, Float32Array.of(1, 2), 0.1, all(2))
  optimizer.step(values, Float32Array.of(1, 0), 0.1, all(2))
  expect(values[0]).toBeCloseTo(-0.1 - 0.15)
  expect(values[1]).toBeCloseTo(-0.2 - 0.1)
})

test('gradients are scaled down to the norm, never up', () => {
  expect(clipScale(Float32Array.of(3, 4), 1)).toBeCloseTo(1 / 5)
  expect(clipScale(Float32Array.of(0.3, 0.4), 1)).toBe(1)
  expect(clipScale(Float32Array.of(3, 4), 0)).toBe(1)
  expect(clipScale(Float32Array.of(1, NaN), 1)).toBeNaN()
  expect(clipScale(Float32Array.of(1, Infinity), 1)).toBeNaN()
})

test.each(['adamw', 'sgd'] as const)('%s with a scale takes the step of scaled gradients', (name) => {
  const random = seeded(1)
  const start = Float32Array.from({ length: 50 }, () => random.normal())
  const [given, scaled] = [0.25, 1].map((scale) => {
    const optimizer = createOptimizer(name, start.length, { momentum: 0.9, weightDecay: 0.1 })
    const values = start.slice()
    const draws = seeded(2)
    for (let step = 0; step < 3; step++) {
      const gradients = start.map(() => (0.25 / scale) * draws.normal())
      optimizer.step(values, gradients, 0.01, all(start.length), scale)
    }
    return values
  })
  given!.forEach((value, i) => expect(value).toBeCloseTo(scaled![i]!, 6))
  expect(given).not.toEqual(start)
})

test('the rate rises over the warm-up and falls to a hundredth', () => {
  const rates = Array.from({ length: 100 }, (_, step) => rateAt(step, 100, 1, 0.1))
  expect(rates[0]).toBeLessThan(0.2)
  expect(Math.max(...rates)).toBeCloseTo(1, 2)
  expect(rates.indexOf(Math.max(...rates))).toBe(10)
  expect(rates[99]).toBeLessThan(0.02)
  for (let i = 11; i < 100; i++) expect(rates[i]!).toBeLessThan(rates[i - 1]!)
})
