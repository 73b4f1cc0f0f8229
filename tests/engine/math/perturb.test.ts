import { Matrix, SingularValueDecomposition } from 'ml-matrix'
import { expect, test } from 'vitest'
import { atRank, roundedTo, sparsified, withoutChannels } from '../../../src/engine/math/perturb'
import { seeded } from '../../../src/engine/math/random'
import { matmul } from '../../../src/engine/runtime/linalg'

const random = seeded(3)
const normal = (size: number): Float32Array => Float32Array.from({ length: size }, () => random.normal())

test.each([
  [6, 20, 0.5, 3],
  [20, 6, 0.5, 3],
  [8, 8, 0.01, 1],
  [5, 7, 1, 5],
])('%i × %i at %f of its rank is the best of rank %i', async (rows, cols, share, rank) => {
  const values = normal(rows * cols)
  const found = await atRank(matmul, share, values, [rows, cols])
  const error = found.reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0)
  // Eckart and Young 1936: the energy of the singular values left out.
  const singular = new SingularValueDecomposition(Matrix.from1DArray(rows, cols, values), {
    autoTranspose: true,
  }).diagonal
  const least = singular.slice(rank).reduce((sum, s) => sum + s ** 2, 0)
  expect(error).toBeCloseTo(least, 4)
})

test('a convolution is seen with its outputs as rows', async () => {
  const values = normal(4 * 3 * 2 * 2)
  expect(await atRank(matmul, 0.5, values, [4, 3, 2, 2])).toEqual(await atRank(matmul, 0.5, values, [4, 12]))
})

test('the share of smallest magnitudes is zero, signs and the rest stay', () => {
  const values = Float32Array.of(3, -1, 0.5, -4, 2)
  expect(Array.from(sparsified(0.4, values))).toEqual([3, 0, 0, -4, 2])
  expect(Array.from(sparsified(0, values))).toEqual(Array.from(values))
  expect(Array.from(sparsified(1, values)), 'the largest always stays').toEqual([0, 0, 0, -4, 0])
  expect(Array.from(sparsified(0.5, Float32Array.of(7)))).toEqual([7])
})

test('channels of the smallest norm go, along whatever axis, and one stays', () => {
  const values = Float32Array.of(1, 5, -1, 2, -5, 1)
  expect(Array.from(withoutChannels(0.5, values, [2, 3], 0))).toEqual([0, 0, 0, 2, -5, 1])
  expect(Array.from(withoutChannels(0.67, values, [2, 3], 1))).toEqual([0, 5, 0, 0, -5, 0])
  expect(Array.from(withoutChannels(1, values, [2, 3], 1))).toEqual([0, 5, 0, 0, -5, 0])
  expect(Array.from(values), 'what was given is left as it was').toEqual([1, 5, -1, 2, -5, 1])
})

test('each bit more quarters the error of rounding', () => {
  const values = normal(64 * 256)
  const error = (bits: number): number =>
    roundedTo(bits, values, [64, 256], 0).reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0)
  // Bennett 1948: 6.02 dB a bit, a little less where clipping takes part of it.
  for (const bits of [5, 6, 7]) {
    const gain = 10 * Math.log10(error(bits) / error(bits + 1))
    expect(gain).toBeGreaterThan(4.8)
    expect(gain).toBeLessThan(6.3)
  }
  const rounded = roundedTo(4, values, [64, 256], 0)
  for (let channel = 0; channel < 64; channel += 21)
    expect(new Set(rounded.subarray(256 * channel, 256 * (channel + 1))).size).toBeLessThanOrEqual(16)
})
