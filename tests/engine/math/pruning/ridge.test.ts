import { expect, test } from 'vitest'
import { fitRidge, Regression, ridge } from '../../../../src/engine/math/pruning/ridge'
import { matrix } from '../../../../src/engine/math/matrix'
import { seeded } from '../../../../src/engine/math/random'
import { matmul } from '../../../../src/engine/runtime'

/** Sums over samples of y = x·W + b with noise, done the slow way. */
function regression(
  rows: number,
  w: readonly (readonly number[])[],
  b: readonly number[],
  noise: number,
  seed: number,
): Regression {
  const random = seeded(seed)
  const [k, m] = [w.length, b.length]
  const sums = new Regression(k, m)
  for (let r = 0; r < rows; r++) {
    const x = Array.from({ length: k }, () => random.normal() + 2)
    const y = b.map(
      (bias, j) => x.reduce((sum, value, i) => sum + value * w[i]![j]!, bias) + noise * random.normal(),
    )
    sums.add({
      xx: x.flatMap((a) => x.map((c) => a * c)),
      xy: x.flatMap((a) => y.map((c) => a * c)),
      x,
      y,
      yy: y.map((value) => value ** 2),
      samples: 1,
    })
  }
  return sums
}

const W = [
  [1, -2],
  [0.5, 3],
  [-1, 0],
]

test('exact data give back the weights and the constant term', async () => {
  const sums = regression(40, W, [0.7, -0.3], 0, 1)
  const w = await ridge(matmul, sums, matrix(3, 2, new Float64Array(6)), 1e-10)
  W.flat().forEach((value, i) => expect(w.data[i]).toBeCloseTo(value, 5))
  const bias = sums.biasFor(w.data)
  expect(bias[0]).toBeCloseTo(0.7, 4)
  expect(bias[1]).toBeCloseTo(-0.3, 4)
  expect(await sums.errorOf(matmul, w)).toBeLessThan(1e-8)
})

test('a large damping stays with the weights given', async () => {
  const start = matrix(3, 2, Float64Array.from([1, 1, 1, 1, 1, 1]))
  const w = await ridge(matmul, regression(40, W, [0, 0], 0, 2), start, 1e4)
  w.data.forEach((value) => expect(value).toBeCloseTo(1, 2))
})

test('weights that already are right are not made worse by noise', async () => {
  const right = matrix(3, 2, Float64Array.from(W.flat()))
  const fitted = await fitRidge(
    matmul,
    regression(5, W, [0, 0], 1, 3),
    regression(400, W, [0, 0], 1, 4),
    right,
  )
  expect(fitted.after).toBeLessThanOrEqual(fitted.before)
  const wrong = matrix(3, 2, new Float64Array(6))
  const mended = await fitRidge(
    matmul,
    regression(60, W, [0, 0], 0.1, 5),
    regression(60, W, [0, 0], 0.1, 6),
    wrong,
  )
  expect(mended.damping).toBeDefined()
  expect(mended.after).toBeLessThan(0.05 * mended.before)
})

test('fewer samples than inputs still give finite weights', async () => {
  const sums = regression(2, W, [0, 0], 0, 7)
  const { w } = await fitRidge(
    matmul,
    sums,
    regression(10, W, [0, 0], 0, 8),
    matrix(3, 2, Float64Array.from([0.9, -1.9, 0.4, 2.8, -1, 0.1])),
  )
  expect([...w.data].every(Number.isFinite)).toBe(true)
})
