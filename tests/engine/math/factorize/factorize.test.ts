import { describe, expect, test } from 'vitest'
import { lowRank, outputError } from '../../../../src/engine/math/factorize/low-rank'
import { rankForEnergy, rankForShare, tuckerShare } from '../../../../src/engine/math/factorize/rank'
import { spatial, spatialKernel } from '../../../../src/engine/math/factorize/spatial'
import { tucker2, tuckerBack, tuckerFront } from '../../../../src/engine/math/factorize/tucker'
import { matrix, type F64Matrix } from '../../../../src/engine/math/matrix'
import { matmul } from '../../../../src/engine/runtime/linalg'
import { seeded } from '../../../../src/engine/math/random'

const normal = (rows: number, cols: number, seed: number): F64Matrix => {
  const random = seeded(seed)
  return matrix(
    rows,
    cols,
    Float64Array.from({ length: rows * cols }, () => random.normal()),
  )
}

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = 0
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most
}

/** Covariance with variances from 1 down to 1e-6, as activations of real layers have. */
async function uneven(n: number, seed: number): Promise<F64Matrix> {
  const x = normal(4 * n, n, seed)
  for (let r = 0; r < x.rows; r++) for (let c = 0; c < n; c++) x.data[r * n + c]! *= 10 ** ((-3 * c) / n)
  const c = await matmul(x, x, { transA: true })
  return matrix(
    n,
    n,
    c.data.map((value) => value / x.rows),
  )
}

describe('low rank', () => {
  test('a matrix of rank 3 is given back by rank 3', async () => {
    const w = await matmul(normal(12, 3, 1), normal(3, 9, 2))
    for (const covariance of [undefined, await uneven(12, 3)]) {
      const { a, b, error } = await lowRank(matmul, w, 3, covariance)
      expect(worst((await matmul(a, b)).data, w.data)).toBeLessThan(1e-6)
      expect(error).toBeLessThan(1e-10)
    }
  })

  test('the error without data is that of Eckart and Young', async () => {
    // Singular values 3, 2, 1: dropping the last leaves 1/14 of the energy.
    const w = matrix(3, 3, Float64Array.from([3, 0, 0, 0, 0, 2, 0, -1, 0]))
    const { a, b, error } = await lowRank(matmul, w, 2)
    expect(error).toBeCloseTo(1 / 14, 9)
    expect(await outputError(matmul, w, await matmul(a, b))).toBeCloseTo(1 / 14, 9)
  })

  test('whitened, no factorization of the same rank errs less on those inputs', async () => {
    const covariance = await uneven(16, 4)
    const w = normal(16, 10, 5)
    const at = async (c?: F64Matrix): Promise<number> => {
      const { a, b } = await lowRank(matmul, w, 4, c)
      return outputError(matmul, w, await matmul(a, b), covariance)
    }
    const [whitened, plain] = [await at(covariance), await at()]
    expect(whitened).toBeLessThan(0.7 * plain)
    // Nearby factors are worse: it is a minimum up to the damping.
    const { a, b } = await lowRank(matmul, w, 4, covariance)
    for (let i = 0; i < 5; i++) {
      const shifted = matrix(
        16,
        4,
        a.data.map((value, k) => value + 0.02 * normal(16, 4, 20 + i).data[k]!),
      )
      expect(await outputError(matmul, w, await matmul(shifted, b), covariance)).toBeGreaterThan(
        whitened * 0.999,
      )
    }
  })

  test('ranks by share and by energy', () => {
    expect(rankForShare(100, 300, 0.5)).toBe(37)
    expect(rankForShare(10, 10, 0.1)).toBe(0)
    expect(rankForEnergy([3, 2, 1], 13 / 14)).toBe(2)
    expect(rankForEnergy([3, 2, 1], 1)).toBe(3)
    const share = tuckerShare(64, 96, 9, 0.4)
    expect(64 * 64 * share + 64 * 96 * 9 * share ** 2 + 96 * 96 * share).toBeCloseTo(0.4 * 64 * 96 * 9, 6)
  })
})

/** How far Tucker-2 of that kernel at those ranks is off, and the factors. */
async function tuckerError(
  kernel: Float64Array,
  [outputs, inputs, taps]: readonly [number, number, number],
  ranks: readonly [number, number],
): Promise<{ error: number; factors: Awaited<ReturnType<typeof tucker2>> }> {
  const w = matrix(inputs * taps, outputs, new Float64Array(kernel.length))
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs * taps; i++) w.data[i * outputs + o] = kernel[o * inputs * taps + i]!
  const factors = await tucker2(matmul, kernel, [outputs, inputs, taps], ranks)
  const back = await matmul(await tuckerFront(matmul, factors, taps), tuckerBack(factors))
  return { error: await outputError(matmul, w, back), factors }
}

test('Tucker-2 at full rank is the kernel; at less, errors grow as ranks fall', async () => {
  const errors: number[] = []
  for (const ranks of [
    [6, 5],
    [5, 4],
    [3, 3],
    [2, 1],
  ] as const)
    errors.push((await tuckerError(normal(6 * 5, 4, 6).data, [6, 5, 4], ranks)).error)
  expect(errors[0]).toBeLessThan(1e-10)
  expect([...errors].sort((a, b) => a - b)).toEqual(errors)
})

test.each([
  { dims: [4, 40, 3], ranks: [1, 20], cut: [1, 3] },
  { dims: [40, 4, 3], ranks: [20, 1], cut: [3, 1] },
] as const)('of $dims, ranks $ranks are cut to what the core can carry', async ({ dims, ranks, cut }) => {
  const kernel = normal(dims[0] * dims[1], dims[2], 8).data
  const asked = await tuckerError(kernel, dims, ranks)
  expect([asked.factors.rankOut, asked.factors.rankIn]).toEqual(cut)
  expect(asked.error).toBeCloseTo((await tuckerError(kernel, dims, cut)).error, 12)
  expect(asked.error).toBeLessThan(1)
})

test('Tucker-2 of a kernel with channels of nothing', async () => {
  const kernel = normal(6 * 5, 4, 6).data.map((value, at) => (at < 80 ? 0 : value))
  expect((await tuckerError(kernel, [6, 5, 4], [4, 5])).error).toBeLessThan(1e-10)
})

test('height and width apart: exact at full rank and for separable kernels', async () => {
  const dims = [4, 3, 3, 5] as const
  const kernel = normal(12, 15, 7).data
  const w = matrix(45, 4, new Float64Array(kernel.length))
  for (let o = 0; o < 4; o++) for (let i = 0; i < 45; i++) w.data[i * 4 + o] = kernel[o * 45 + i]!
  expect(
    worst((await spatialKernel(matmul, await spatial(matmul, kernel, dims, 9), dims)).data, w.data),
  ).toBeLessThan(1e-9)
  // Sobel is (1 2 1)ᵀ·(−1 0 1).
  const sobel = Float64Array.from([-1, 0, 1, -2, 0, 2, -1, 0, 1])
  const one = await spatial(matmul, sobel, [1, 1, 3, 3], 1)
  expect(worst((await spatialKernel(matmul, one, [1, 1, 3, 3])).data, sobel)).toBeLessThan(1e-9)
})
