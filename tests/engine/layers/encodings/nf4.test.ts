import { expect, test } from 'vitest'
import { nf4, NF4_LEVELS } from '../../../../src/engine/layers/encodings/nf4'
import { valuesOf } from '../../../../src/engine/layers/encodings/values'
import { seeded } from '../../../../src/engine/math/random'
import { quantizeGroups, dequantizeGroups } from '../../../../src/engine/math/quantize/grouped'
import { sqnr } from '../../../../src/engine/math/quantize/sqnr'

const shape = { rows: 64, cols: 256, block: 64, bits: 4 }
const normal = (): Float32Array => {
  const random = seeded(3)
  return Float32Array.from({ length: shape.rows * shape.cols }, () => random.normal() * 0.02)
}

/** The inverse of the normal distribution function, by bisection of a numeric integral of the density. */
function quantile(p: number): number {
  const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
  const area = (to: number): number => {
    const n = 2000
    const h = to / n
    let sum = density(0) + density(to)
    for (let i = 1; i < n; i++) sum += (i % 2 ? 4 : 2) * density(i * h)
    return 0.5 + (sum * h) / 3
  }
  let [low, high] = [-8, 8]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (area(middle) < p) low = middle
    else high = middle
  }
  return low
}

test('the levels are what the paper says: quantiles of a normal distribution on either side of a zero', () => {
  // The outermost quantile, 1/2 (1/32 + 1/30) from the end. Source: arXiv:2305.14314, 3 and appendix E.
  const end = 1 - (1 / 32 + 1 / 30) / 2
  const side = (count: number): number[] =>
    Array.from({ length: count }, (_, i) => quantile(end + ((0.5 - end) * i) / count))
  const up = side(8)
  const down = side(7).map((q) => -q)
  const levels = [...down, 0, ...up.reverse()].map((q) => q / up.at(-1)!)
  for (const [i, level] of levels.entries()) expect(NF4_LEVELS[i]).toBeCloseTo(level, 3)
})

test('every weight takes the nearest level', () => {
  const values = normal()
  const found = nf4.method!.quantize(values, shape)
  const restored = valuesOf(found)
  for (let i = 0; i < values.length; i += 97) {
    const scale = found.scaled!.scales[Math.floor(i / 64)]!
    const best = Math.min(...Array.from(NF4_LEVELS, (level) => Math.abs(level * scale - values[i]!)))
    expect(Math.abs(restored[i]! - values[i]!)).toBeCloseTo(best, 8)
  }
})

test('normal weights come out closer than with evenly spaced codes over the same range', () => {
  const values = normal()
  const even = quantizeGroups(values, shape, { method: 'rtn', symmetric: true, halfScales: true })
  const gain =
    sqnr(values, valuesOf(nf4.method!.quantize(values, shape))) - sqnr(values, dequantizeGroups(even))
  expect(gain).toBeGreaterThan(0.5)
})

test('a block of zeros stays zeros', () => {
  const values = new Float32Array(shape.rows * shape.cols)
  expect(valuesOf(nf4.method!.quantize(values, shape)).every((value) => value === 0)).toBe(true)
})
