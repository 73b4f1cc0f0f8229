import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assign } from '../../../src/engine/math/assignment'

const permutations = (n: number): number[][] =>
  n === 0
    ? [[]]
    : permutations(n - 1).flatMap((rest) =>
        Array.from({ length: n }, (_, at) => rest.toSpliced(at, 0, n - 1)),
      )

test('no permutation gains more', () => {
  fc.assert(
    fc.property(
      fc
        .integer({ min: 1, max: 6 })
        .chain((n) =>
          fc.tuple(
            fc.constant(n),
            fc.array(fc.integer({ min: -50, max: 50 }), { minLength: n * n, maxLength: n * n }),
          ),
        ),
      ([n, gain]) => {
        const total = (columns: number[]): number =>
          columns.reduce((sum, column, row) => sum + gain[row * n + column]!, 0)
        const found = assign(gain, n)
        expect(found.toSorted((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i))
        expect(total(found)).toBe(Math.max(...permutations(n).map(total)))
      },
    ),
  )
})
