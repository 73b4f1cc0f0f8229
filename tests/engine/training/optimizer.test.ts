import { describe, expect, test } from 'vitest'
import { clipNorm, createOptimizer, rateAt } from '../../../src/engine/training/optimizer'

const ALL = Uint8Array.of(1, 1)

describe('AdamW', () => {
  test('three steps as computed by hand from the paper', () => {
    const optimizer = createOptimizer('adamw', 1, { momentum: 0.9, weightDecay: 0.1 })
    const values = Float32Array.of(1)
    let [w, m, v] = [1, 0, 0]
    for (const [t, g] of [0.5, -0.25, 1].entries()) {
      optimizer.step(values, Float32Array.of(g), 0.01, Uint8Array.of(1))
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
    optimizer.step(values, new Float32Array(2), 0.1, Uint8Array.of(1, 0))
    expect(values[0]).toBeCloseTo(0.95)
    expect(values[1]).toBe(1)
  })
})

test('SGD gathers momentum: v = μv + g', () => {
  const optimizer = createOptimizer('sgd', 2, { momentum: 0.5, weightDecay: 0 })
  const values = Float32Array.of(0, 0)
  optimizer.step(values, Float32Array.of(1, 2), 0.1, ALL)
  optimizer.step(values, Float32Array.of(1, 0), 0.1, ALL)
  expect(values[0]).toBeCloseTo(-0.1 - 0.15)
  expect(values[1]).toBeCloseTo(-0.2 - 0.1)
})

test('gradients are scaled down to the norm, never up', () => {
  const long = Float32Array.of(3, 4)
  expect(clipNorm(long, 1)).toBeCloseTo(5)
  expect(Math.hypot(...long)).toBeCloseTo(1)
  const short = Float32Array.of(0.3, 0.4)
  clipNorm(short, 1)
  expect([...short].map((x) => x.toFixed(2))).toEqual(['0.30', '0.40'])
  expect(clipNorm(Float32Array.of(NaN), 1)).toBeNaN()
})

test('the rate rises over the warm-up and falls to a hundredth', () => {
  const rates = Array.from({ length: 100 }, (_, step) => rateAt(step, 100, 1, 0.1))
  expect(rates[0]).toBeLessThan(0.2)
  expect(Math.max(...rates)).toBeCloseTo(1, 2)
  expect(rates.indexOf(Math.max(...rates))).toBe(10)
  expect(rates[99]).toBeLessThan(0.02)
  for (let i = 11; i < 100; i++) expect(rates[i]!).toBeLessThan(rates[i - 1]!)
})
