import { expect, test } from 'vitest'
import { climb } from '../../../src/engine/math/pattern-search'

/** A height that counts how often it is asked for. */
function counted(height: (x: number, y: number) => number): {
  asked: () => number
  ask: (at: Float64Array) => Promise<number>
} {
  let asked = 0
  return {
    asked: () => asked,
    ask: (at) => {
      asked++
      return Promise.resolve(height(at[0]!, at[1]!))
    },
  }
}

/** A ridge that rises slowly from (0, 0) to (30, 30) and falls steeply on either side. */
const ridge = (x: number, y: number): number => -20 * (x - y) ** 2 - 0.05 * (x - 30) ** 2

test('the top of a hill, to the smallest step', async () => {
  const { ask } = counted((x, y) => -((x - 1.3) ** 2) - 2 * (y + 0.4) ** 2)
  const [x, y] = await climb(Float64Array.of(0, 0), 2, ask)
  expect(Math.abs(x! - 1.3)).toBeLessThan(0.03)
  expect(Math.abs(y! + 0.4)).toBeLessThan(0.03)
})

test('a narrow ridge is followed in strides, not step by step', async () => {
  const { ask, asked } = counted(ridge)
  const [x] = await climb(Float64Array.of(0, 0), 2, ask)
  // Coordinate by coordinate it takes 933 heights to 24.
  expect(Math.abs(x! - 30)).toBeLessThan(1)
  expect(asked()).toBeLessThan(300)
})

test('coordinates beyond the first stay, and nothing higher leaves all where it is', async () => {
  const { ask } = counted((x, y) => x - y)
  expect((await climb(Float64Array.of(0, 5), 1, ask, 20))[1]).toBe(5)
  const flat = Float64Array.of(1, 2)
  expect(await climb(flat, 2, () => Promise.resolve(0))).toBe(flat)
  expect(await climb(flat, 2, () => Promise.resolve(NaN))).toBe(flat)
})

test('without a top it ends, at the highest place seen', async () => {
  let highest = -Infinity
  const { ask, asked } = counted((x, y) => {
    highest = Math.max(highest, x + y)
    return x + y
  })
  const [x, y] = await climb(Float64Array.of(0, 0), 2, ask, 50)
  expect(asked()).toBeLessThan(60)
  expect(x! + y!).toBe(highest)
})
