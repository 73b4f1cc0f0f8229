/** Checked against ml-matrix, which is slow and right, and against the definitions. */
import { EigenvalueDecomposition, Matrix as Reference, SingularValueDecomposition } from 'ml-matrix'
import { describe, expect, test } from 'vitest'
import {
  cholesky,
  choleskyDamped,
  choleskyInverse,
  choleskyOfInverse,
  choleskySolve,
  identity,
} from '../../../src/engine/math/cholesky'
import { eigSymmetric } from '../../../src/engine/math/eigen'
import { seeded } from '../../../src/engine/math/random'
import { orthonormal, svd, type Svd } from '../../../src/engine/math/svd'
import { matrix, transpose, type Matrix, type F64Matrix } from '../../../src/engine/math/matrix'
import { matmul } from '../../../src/engine/runtime/linalg'

const toF32 = (m: Matrix): Matrix<Float32Array> => ({ ...m, data: Float32Array.from(m.data) })

function randomMatrix(rows: number, cols: number, seed: number): F64Matrix {
  const random = seeded(seed)
  return matrix(
    rows,
    cols,
    Float64Array.from({ length: rows * cols }, () => random.normal()),
  )
}

const toReference = (m: Matrix): Reference => Reference.from1DArray(m.rows, m.cols, Array.from(m.data))

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length)
  let worst = 0
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i]! - b[i]!))
  return worst
}

async function positive(n: number, seed: number): Promise<F64Matrix> {
  const x = randomMatrix(n + 5, n, seed)
  return matmul(x, x, { transA: true })
}

describe('matmul', () => {
  const sizes = [
    [3, 4, 5],
    [1, 100, 1],
    [70, 33, 41],
  ] as const
  test.each(sizes.flatMap((size) => [0, 1, 2, 3].map((bits) => [...size, bits] as const)))(
    '%i×%i×%i, transposes %i, both precisions',
    async (rows, inner, cols, bits) => {
      const [transA, transB] = [(bits & 1) === 1, (bits & 2) === 2]
      const a = transA ? randomMatrix(inner, rows, 1) : randomMatrix(rows, inner, 1)
      const b = transB ? randomMatrix(cols, inner, 2) : randomMatrix(inner, cols, 2)
      const ra = transA ? toReference(a).transpose() : toReference(a)
      const rb = transB ? toReference(b).transpose() : toReference(b)
      const expected = ra.mmul(rb).to1DArray()
      expect(distance((await matmul(a, b, { transA, transB })).data, expected)).toBeLessThan(1e-12)
      expect(distance((await matmul(toF32(a), toF32(b), { transA, transB })).data, expected)).toBeLessThan(
        1e-4,
      )
    },
  )

  test('inner dimensions that differ are refused', async () => {
    await expect(matmul(randomMatrix(2, 3, 1), randomMatrix(2, 3, 1))).rejects.toThrow(/2×3 with 2×3/)
  })
})

describe('cholesky', () => {
  test.each([1, 5, 96, 97, 230])('order %i: L·Lᵀ = A, inverse and solutions hold', async (n) => {
    const a = await positive(n, n)
    const l = await cholesky(matmul, a)
    for (let r = 0; r < n; r++) for (let c = r + 1; c < n; c++) expect(l.data[r * n + c]).toBe(0)
    const scale = Math.max(...a.data)
    expect(distance((await matmul(l, l, { transB: true })).data, a.data)).toBeLessThan(1e-12 * scale * n)
    const b = randomMatrix(n, 7, 3)
    expect(distance((await matmul(a, await choleskySolve(matmul, l, b))).data, b.data)).toBeLessThan(1e-5)
    const inverse = await choleskyInverse(matmul, l)
    expect(distance((await matmul(a, inverse)).data, identity(n).data)).toBeLessThan(1e-5)
    const u = await choleskyOfInverse(matmul, l)
    expect(distance((await matmul(u, u, { transA: true })).data, inverse.data)).toBeLessThan(
      1e-8 * Math.max(1, ...inverse.data),
    )
  })

  test('what is not positive definite is refused by its pivot, and damping lets it through', async () => {
    const a = matrix(3, 3, Float64Array.of(4, 2, 2, 2, 1, 1, 2, 1, 1))
    await expect(cholesky(matmul, a)).rejects.toThrow('pivot 1')
    const { l, damping } = await choleskyDamped(matmul, a, 0.01)
    expect(damping).toBeCloseTo(0.02)
    const back = await matmul(l, l, { transB: true })
    expect(distance(back.data, [4.02, 2, 2, 2, 1.02, 1, 2, 1, 1.02])).toBeLessThan(1e-12)
    await expect(choleskyDamped(matmul, matrix(1, 1, Float64Array.of(NaN)))).rejects.toThrow(RangeError)
  })
})

describe('eigSymmetric', () => {
  test.each([1, 2, 3, 30, 120])('order %i agrees with ml-matrix', async (n) => {
    const x = randomMatrix(n, n, n)
    const a = matrix(
      n,
      n,
      x.data.map((v, i) => v + transpose(x).data[i]!),
    )
    const { values, vectors } = await eigSymmetric(matmul, a)
    const truth = [...new EigenvalueDecomposition(toReference(a)).realEigenvalues].sort((p, q) => q - p)
    expect(distance(values, truth)).toBeLessThan(1e-10 * n)
    const left = await matmul(a, vectors)
    const right = vectors.data.map((v, i) => v * values[i % n]!)
    expect(distance(left.data, right)).toBeLessThan(1e-10 * n)
    expect(distance((await matmul(vectors, vectors, { transA: true })).data, identity(n).data)).toBeLessThan(
      1e-11 * n,
    )
  })

  test('multiple eigenvalues and zeros are no trouble', async () => {
    const { values } = await eigSymmetric(matmul, identity(9))
    expect(distance(values, new Array(9).fill(1))).toBeLessThan(1e-14)
    expect(
      distance((await eigSymmetric(matmul, matrix(4, 4, new Float64Array(16)))).values, [0, 0, 0, 0]),
    ).toBe(0)
  })
})

async function product({ u, s, v }: Svd): Promise<F64Matrix> {
  return matmul({ ...u, data: u.data.map((x, i) => x * s[i % s.length]!) }, v, { transB: true })
}

describe('svd', () => {
  test.each([
    [6, 6],
    [40, 7],
    [7, 40],
    [130, 90],
  ])('%i×%i agrees with ml-matrix and rebuilds the matrix', async (rows, cols) => {
    const a = randomMatrix(rows, cols, rows)
    const found = await svd(matmul, a)
    const truth = new SingularValueDecomposition(toReference(a), { autoTranspose: true })
    expect(distance(found.s, truth.diagonal)).toBeLessThan(1e-10)
    expect(distance((await product(found)).data, a.data)).toBeLessThan(1e-10)
    for (const side of [found.u, found.v])
      expect(
        distance((await matmul(side, side, { transA: true })).data, identity(side.cols).data),
      ).toBeLessThan(1e-10)
  })

  test('small singular values keep their digits and null directions are completed', async () => {
    const u = await orthonormal(matmul, randomMatrix(20, 5, 1))
    const v = await orthonormal(matmul, randomMatrix(5, 5, 2))
    const s = Float64Array.of(1, 1e-3, 1e-7, 1e-10, 0)
    const found = await svd(matmul, await product({ u, s, v }))
    expect(found.s[3]! / 1e-10).toBeCloseTo(1, 4)
    expect(found.s[4]!).toBeLessThan(1e-14)
    expect(distance((await matmul(found.u, found.u, { transA: true })).data, identity(5).data)).toBeLessThan(
      1e-6,
    )
  })

  test('a low rank of a large matrix by projection: as good as the best to a thousandth', async () => {
    const rows = 400
    const cols = 360
    const u = await orthonormal(matmul, randomMatrix(rows, 60, 1))
    const v = await orthonormal(matmul, randomMatrix(cols, 60, 2))
    const s = Float64Array.from({ length: 60 }, (_, i) => 0.9 ** i)
    const a = await product({ u, s, v })
    const found = await svd(matmul, a, { rank: 20 })
    expect(distance(found.s, s.slice(0, 20))).toBeLessThan(1e-4)
    const error = (await product(found)).data.reduce((sum, x, i) => sum + (x - a.data[i]!) ** 2, 0)
    const least = s.slice(20).reduce((sum, x) => sum + x * x, 0)
    expect(error / least).toBeLessThan(1.001)
  })
})
