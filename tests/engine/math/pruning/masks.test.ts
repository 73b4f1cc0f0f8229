import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  kthSmallest,
  maskBlocks,
  maskLowest,
  maskNofM,
  maskRows,
} from '../../../../src/engine/math/pruning/masks'
import { sparsityAt } from '../../../../src/engine/math/pruning/schedule'

const zeros = (mask: Uint8Array): number => mask.reduce((n, stays) => n + (stays ? 0 : 1), 0)

test('the k-th smallest is what sorting gives', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 60 }),
      fc.nat(),
      (values, at) => {
        const k = at % values.length
        expect(kthSmallest(values, k)).toBe([...values].sort((a, b) => a - b)[k])
      },
    ),
  )
})

test('exactly the share asked for goes, ties included, and never a higher score than one that stays', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 50 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (scores, share) => {
        const mask = maskLowest(scores, share)
        expect(zeros(mask)).toBe(Math.round(share * scores.length))
        const gone = scores.filter((_, i) => !mask[i])
        const stays = scores.filter((_, i) => mask[i])
        expect(Math.max(...gone, -1)).toBeLessThanOrEqual(Math.min(...stays, 99))
      },
    ),
  )
})

describe('patterns', () => {
  const scores = Float32Array.from([5, 1, 4, 2, 9, 8, 7, 6, 0, 3])

  test('2 of 4 stay; a rest shorter than 4 stays whole', () => {
    expect([...maskNofM(scores, 10, 2, 4)]).toEqual([1, 0, 1, 0, 1, 1, 0, 0, 1, 1])
    expect([...maskNofM(scores, 5, 2, 4)]).toEqual([1, 0, 1, 0, 1, 1, 1, 0, 0, 1])
  })

  test('rows lose alike', () => {
    expect([...maskRows(scores, 5, 0.4)]).toEqual([1, 0, 1, 0, 1, 1, 1, 1, 0, 0])
  })

  test('blocks go whole, smaller ones at the edge', () => {
    // Two rows of five: blocks of 2×2 with means 4.75, 4.75 and 6.
    expect([...maskBlocks(Float32Array.from([5, 1, 4, 2, 9, 8, 5, 7, 6, 3]), 2, 5, 2, 2, 1 / 3)]).toEqual([
      0, 0, 1, 1, 1, 0, 0, 1, 1, 1,
    ])
  })
})

test('the cubic schedule of Zhu and Gupta', () => {
  // Figure 1 of arXiv:1710.01878: more than half of the final sparsity is reached after a fifth of the steps.
  expect(sparsityAt(0, 10, 0.9)).toBe(0)
  expect(sparsityAt(10, 10, 0.9)).toBe(0.9)
  expect(sparsityAt(2, 10, 0.9)).toBeCloseTo(0.9 * (1 - 0.512), 12)
  expect(sparsityAt(5, 10, 0.8, 0.4)).toBeCloseTo(0.8 - 0.4 * 0.125, 12)
})
