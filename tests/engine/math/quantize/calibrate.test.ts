import fc from 'fast-check'
import { expect, test } from 'vitest'
import { calibratedRange, CALIBRATORS } from '../../../../src/engine/math/quantize/calibrate'
import { Histogram } from '../../../../src/engine/math/quantize/histogram'
import { seeded } from '../../../../src/engine/math/random'

const UINT8 = { bits: 8, signed: false, symmetric: false }
const normals = (count: number, spread = 1, seed = 1): Float32Array => {
  const random = seeded(seed)
  return Float32Array.from({ length: count }, () => random.normal() * spread)
}
const histogramOf = (...batches: Float32Array[]): Histogram => {
  const histogram = new Histogram()
  for (const batch of batches) histogram.add(batch)
  return histogram
}

test('a histogram does not depend on the order or the batching of its values', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), { minLength: 1 }),
        { minLength: 1, maxLength: 8 },
      ),
      (batches) => {
        const arrays = batches.map((batch) => Float32Array.from(batch))
        const one = histogramOf(...arrays)
        const other = histogramOf(Float32Array.from(batches.flat().reverse()))
        expect(other.bins()).toEqual(one.bins())
        expect([other.min, other.max, other.count]).toEqual([one.min, one.max, one.count])
      },
    ),
    { numRuns: 60 },
  )
})

test('it counts every finite value once and the others apart', () => {
  const histogram = histogramOf(Float32Array.of(1, NaN, -Infinity, 2), Float32Array.of(-1000, 0))
  expect(histogram.bins().reduce((sum, { count }) => sum + count, 0)).toBe(4)
  expect([histogram.count, histogram.infinite, histogram.notANumber]).toEqual([4, 1, 1])
  expect([histogram.min, histogram.max]).toEqual([-1000, 2])
})

test('only values of which some are −inf and none +inf may be those of a mask', () => {
  expect(histogramOf(Float32Array.of(0, -Infinity)).unfit).toContain('attention mask')
  expect(histogramOf(Float32Array.of(-Infinity, 0), Float32Array.of(1, Infinity)).unfit).toBe(
    'some of its values are infinite: no 8-bit range can hold them',
  )
})

test('quantiles are right to the width of a bin', () => {
  const values = normals(50_000)
  const histogram = histogramOf(values.subarray(0, 100), values.subarray(100))
  const sorted = values.slice().sort()
  for (const share of [0.001, 0.1, 0.5, 0.9, 0.9999])
    expect(Math.abs(histogram.quantile(share) - sorted[Math.ceil(share * 50_000) - 1]!)).toBeLessThan(
      3 * histogram.width,
    )
})

test('the widest gap tells an attention mask from activations', () => {
  const scores = normals(5000, 4)
  expect(histogramOf(scores).widestGap()).toBeLessThan(0.3)
  expect(
    histogramOf(
      scores,
      Float32Array.from(scores, (s) => s - 1e4),
    ).widestGap(),
  ).toBeGreaterThan(0.9)
})

test('mean squared error: the clip of a Gaussian at 4 bits is the one of the literature', () => {
  // arXiv:1810.05723, table 1: the optimal clip of a unit Gaussian at 4 bits is 2.55.
  const [min, max] = calibratedRange(histogramOf(normals(400_000)), 'mse', {
    type: { bits: 4, signed: true, symmetric: true },
  })
  expect(max).toBeGreaterThan(2.3)
  expect(max).toBeLessThan(2.8)
  expect(min).toBeLessThan(-2.3)
})

test.each(CALIBRATORS)('%s: inside the values seen, zero included, one-sided stays one-sided', (method) => {
  const relu = normals(20_000).map((v) => Math.max(0, v))
  const [min, max] = calibratedRange(histogramOf(relu), method, { type: UINT8 })
  expect(min).toBe(0)
  expect(max).toBeGreaterThan(1)
  expect(max).toBeLessThanOrEqual(Math.max(...relu))
})

test.each(CALIBRATORS)('%s: a constant or an absent activation has a range too', (method) => {
  expect(calibratedRange(histogramOf(new Float32Array(8).fill(3)), method, { type: UINT8 })).toEqual([3, 3])
  expect(calibratedRange(new Histogram(), method, { type: UINT8 })).toEqual([0, 0])
})

test('percentile and entropy cut a far outlier off, min-max keeps it', () => {
  const values = normals(100_000)
  values[5] = 500
  const top = (method: (typeof CALIBRATORS)[number]): number =>
    calibratedRange(histogramOf(values), method, { type: UINT8, percentile: 0.9999 })[1]
  expect(top('min-max')).toBe(500)
  expect(top('percentile')).toBeLessThan(6)
  expect(top('entropy')).toBeLessThan(60)
  expect(top('mse')).toBeGreaterThan(100)
})
