import { expect, test } from 'vitest'
import type { Batch } from '../../../src/engine/data/dataset'
import { seeded } from '../../../src/engine/math/random'
import { float32, int64, type Value } from '../../../src/engine/runtime'
import { canMix, mixup } from '../../../src/engine/training/mixup'

const batchOf = (inputs: Record<string, Value>, labels?: Value): Batch => ({
  indices: [0, 1],
  inputs,
  ...(labels && { labels }),
})

test('numbers are blended with one share for the whole batch; other inputs stay', () => {
  const kinds = int64([2, 1], BigInt64Array.of(1n, 2n))
  const x = float32([2, 2], Float32Array.of(0, 0, 1, 1))
  const shares = [1, 2, 3, 4, 5, 6].map((seed) => {
    const { inputs } = mixup(batchOf({ x, kinds }), seeded(0).fork(`${seed}`))
    expect(inputs.kinds).toBe(kinds)
    const [a, b, c, d] = inputs.x!.data as Float32Array
    expect(b).toBe(a)
    expect(d).toBe(c)
    // Each row is with itself or with the other, by the same share.
    expect(a === 0 ? c : a! + c!).toBeCloseTo(1, 6)
    return a
  })
  expect(shares.some((share) => share! > 0 && share! < 1)).toBe(true)
  expect(x.data).toEqual(Float32Array.of(0, 0, 1, 1))
})

test('labels stay, and only floats of samples can be blended', () => {
  const labels = int64([2], BigInt64Array.of(3n, 4n))
  const x = float32([2, 1], Float32Array.of(1, 2))
  expect(mixup(batchOf({ x }, labels), seeded(1)).labels).toBe(labels)
  expect(canMix(batchOf({ x }))).toBe(true)
  expect(canMix(batchOf({ ids: int64([2, 1], BigInt64Array.of(1n, 2n)) }))).toBe(false)
})
