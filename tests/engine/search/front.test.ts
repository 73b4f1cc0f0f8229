import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dominates, front } from '../../../src/engine/search/front'

const points = fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9)), { maxLength: 30 })
const key = (point: number[]): string => point.join()

test('nothing on the front is dominated, and what is off it is dominated or equal to something on it', () => {
  fc.assert(
    fc.property(points, (all) => {
      const kept = front(all, (p) => p, key)
      for (const p of kept) expect(all.some((q) => dominates(q, p))).toBe(false)
      for (const p of all) expect(kept.some((q) => dominates(q, p) || key(q) === key(p))).toBe(true)
    }),
  )
})

test('does not depend on the order of arrival', () => {
  fc.assert(
    fc.property(points, (all) => {
      expect(front([...all].reverse(), (p) => p, key)).toEqual(front(all, (p) => p, key))
    }),
  )
})
