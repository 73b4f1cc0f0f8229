import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  clearlyFaster,
  dominates,
  front,
  TIME_MARGIN,
  timeMargin,
  type Timed,
} from '../../src/contract/front'

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

describe('with time as an axis', () => {
  interface Point {
    id: string
    costs: [number, number]
    time?: Timed
  }
  const some: fc.Arbitrary<Point[]> = fc
    .array(
      fc.record({
        costs: fc.tuple(fc.nat(4), fc.nat(4)),
        ratio: fc.option(fc.integer({ min: 10, max: 30 }), { nil: undefined }),
      }),
      { maxLength: 25 },
    )
    .map((all) =>
      all.map(({ costs, ratio }, i) => ({
        id: String(i),
        costs,
        ...(ratio !== undefined && { time: { value: ratio / 20 } }),
      })),
    )
  const frontOf = (all: readonly Point[]): Point[] =>
    front(
      all,
      (p) => p.costs,
      (p) => p.id,
      (p) => p.time,
    )
  const noWorse = (a: Point, b: Point): boolean => a.costs.every((cost, i) => cost <= b.costs[i]!)

  test('none of it beats another of it, and what is off it is beaten by something on it', () => {
    fc.assert(
      fc.property(some, (all) => {
        const kept = frontOf(all)
        const beats = (a: Point, b: Point): boolean =>
          a !== b && noWorse(a, b) && !clearlyFaster(b.time, a.time, TIME_MARGIN)
        for (const p of kept) expect(kept.filter((q) => beats(q, p))).toEqual([])
        for (const p of all) expect(kept.some((q) => q === p || beats(q, p))).toBe(true)
      }),
    )
  })

  test('nothing on it is beaten in every figure at once, however narrowly in time', () => {
    fc.assert(
      fc.property(some, (all) => {
        const timed = all.filter((p) => p.time)
        for (const p of frontOf(timed))
          for (const q of timed)
            if (dominates(q.costs, p.costs)) expect(q.time!.value).toBeGreaterThan(p.time!.value)
      }),
    )
  })

  test('does not depend on the order of arrival', () => {
    fc.assert(
      fc.property(some, (all) => {
        expect(frontOf([...all].reverse())).toEqual(frontOf(all))
      }),
    )
  })

  const place = (id: string, size: number, lost: number, value?: number, half = 0): Point => ({
    id,
    costs: [size, lost],
    ...(value !== undefined && { time: { value, interval: [value - half, value + half] } }),
  })
  const ids = (all: Point[]): string =>
    frontOf(all)
      .map((p) => p.id)
      .join()

  test('a larger point stays only where it is clearly faster', () => {
    expect(ids([place('small', 1, 0, 1), place('noise', 2, 0, 0.95), place('fast', 3, 0, 0.5)])).toBe(
      'small,fast',
    )
  })

  test('what only looks faster than something that was not timed does not stay', () => {
    expect(ids([place('small', 1, 0), place('fast', 2, 0, 0.1)])).toBe('small')
  })

  test('a chain of small gains keeps its ends', () => {
    expect(ids([place('a', 1, 0, 1), place('b', 2, 0, 0.93), place('c', 3, 0, 0.87)])).toBe('a,c')
  })

  test('of equal costs the clearly faster one stays', () => {
    expect(ids([place('a', 1, 0, 1), place('b', 1, 0, 0.5)])).toBe('b')
    expect(ids([place('a', 1, 0, 1), place('b', 1, 0, 0.95)])).toBe('a')
  })

  test('a machine too noisy to tell widens the margin for all', () => {
    expect(ids([place('small', 1, 0, 1), place('fast', 2, 0, 0.8)])).toBe('small,fast')
    expect(ids([place('small', 1, 0, 1), place('fast', 2, 0, 0.8, 0.24)])).toBe('small')
    expect(timeMargin([{ value: 0.8, interval: [0.56, 1.04] }, undefined])).toBeCloseTo(0.3)
  })
})
