import { expect, test } from 'vitest'
import { Regression, ridge } from '../../../../src/engine/math/pruning/ridge'
import { eliminationOrder, type ObsLayer } from '../../../../src/engine/math/pruning/obs'
import { matrix } from '../../../../src/engine/math/matrix'
import { seeded } from '../../../../src/engine/math/random'
import { matmul } from '../../../../src/engine/runtime'

const K = 8
const M = 3
const ROWS = 200

/** Rows of correlated inputs with the outputs of random weights. */
function samples(seed: number): { x: number[][]; w: Float64Array; layer: ObsLayer } {
  const random = seeded(seed)
  const mix = Array.from({ length: K * K }, () => random.normal())
  const x = Array.from({ length: ROWS }, () => {
    const z = Array.from({ length: K }, () => random.normal())
    return Array.from({ length: K }, (_, i) => z.reduce((sum, value, j) => sum + value * mix[i * K + j]!, 1))
  })
  const w = Float64Array.from({ length: K * M }, () => random.normal())
  const sums = sumsOf(x, w, range(K))
  const layer = {
    covariance: sums.centred().xx,
    weights: matrix(K, M, w),
    inputs: [[0, 1], [2], [3, 4], [5], [6, 7]],
  }
  return { x, w, layer }
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** Sums for fitting what all inputs give by some of them. */
function sumsOf(x: readonly number[][], w: Float64Array, kept: readonly number[]): Regression {
  const sums = new Regression(kept.length, M)
  for (const row of x) {
    const y = range(M).map((j) => row.reduce((sum, value, i) => sum + value * w[i * M + j]!, 0))
    const own = kept.map((i) => row[i]!)
    sums.add({
      xx: own.flatMap((a) => own.map((b) => a * b)),
      xy: own.flatMap((a) => y.map((b) => a * b)),
      x: own,
      y,
      yy: y.map((value) => value ** 2),
      samples: 1,
    })
  }
  return sums
}

/** Error left after fitting again without some inputs, by another way than elimination. */
async function refitError(x: number[][], w: Float64Array, gone: readonly number[]): Promise<number> {
  const kept = range(K).filter((i) => !gone.includes(i))
  const sums = sumsOf(x, w, kept)
  return sums.errorOf(
    matmul,
    await ridge(matmul, sums, matrix(kept.length, M, new Float64Array(kept.length * M)), 1e-12),
  )
}

test('every error is what a new regression without the unit adds, and the least there is', async () => {
  const { x, w, layer } = samples(1)
  const order = await eliminationOrder(matmul, [layer], { damping: 1e-12 })
  expect(order).toHaveLength(layer.inputs.length - 1)
  const gone: number[] = []
  let before = 0
  for (const { unit, error } of order) {
    const left = layer.inputs.filter((inputs) => !inputs.some((input) => gone.includes(input)))
    const candidates = await Promise.all(left.map((inputs) => refitError(x, w, [...gone, ...inputs])))
    gone.push(...layer.inputs[unit]!)
    const after = await refitError(x, w, gone)
    expect(after).toBeCloseTo(Math.min(...candidates), 6)
    expect(error).toBeCloseTo(after - before, 6)
    before = after
  }
})

test('of several layers the errors add up', async () => {
  const [a, b] = [samples(2), samples(3)]
  const [first] = await eliminationOrder(matmul, [a.layer, b.layer], { damping: 1e-12 })
  const inputs = a.layer.inputs[first!.unit]!
  expect(first!.error).toBeCloseTo(
    (await refitError(a.x, a.w, inputs)) + (await refitError(b.x, b.w, inputs)),
    6,
  )
})

test('what another can stand in for goes before what is weak but alone', async () => {
  // Inputs 0 and 1 are the same and strong; input 2 is weak.
  const covariance = matrix(3, 3, Float64Array.from([9, 9, 0, 9, 9, 0, 0, 0, 1]))
  const weights = matrix(3, 1, Float64Array.from([1, 1, 0.5]))
  const order = await eliminationOrder(matmul, [{ covariance, weights, inputs: [[0], [1], [2]] }], {
    damping: 1e-6,
  })
  expect(order[0]!.unit).toBe(0)
  expect(order[0]!.error).toBeLessThan(1e-3)
  expect(order[1]!.unit).toBe(2)
  expect(order[1]!.error).toBeCloseTo(0.25, 4)
})

test('several at once are the ones that cost least, and all but one unit goes', async () => {
  const { layer } = samples(4)
  const one = await eliminationOrder(matmul, [layer], { damping: 1e-12 })
  const two = await eliminationOrder(matmul, [layer], { damping: 1e-12, atOnce: 0.4 })
  expect(two).toHaveLength(4)
  expect(two[0]).toEqual(one[0])
  expect(new Set(two.map(({ unit }) => unit)).size).toBe(4)
})

test('progress rises, and what it throws ends the work', async () => {
  const { layer } = samples(5)
  const seen: number[] = []
  await eliminationOrder(matmul, [layer], { progress: (done) => seen.push(done) })
  expect(seen).toEqual([0, 0.2, 0.4, 0.6])
  const stop = new Error('cancelled')
  await expect(
    eliminationOrder(matmul, [layer], {
      progress() {
        throw stop
      },
    }),
  ).rejects.toBe(stop)
})
