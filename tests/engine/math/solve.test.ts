import { expect, test } from 'vitest'
import { solveDamped } from '../../../src/engine/math/solve'

test('a system of equations, with pivots in another order', () => {
  const a = Float64Array.of(0.1, 2, 1, 2, 5, 0, 1, 0, 7)
  const x = [1, -2, 3]
  const b = Float64Array.from([0, 1, 2], (r) => x.reduce((sum, v, c) => sum + a[3 * r + c]! * v, 0))
  for (const [i, value] of solveDamped(a, b, 0).entries()) expect(value).toBeCloseTo(x[i]!, 8)
})

test('damping shortens the step, and a direction nothing is known of is left', () => {
  expect([...solveDamped(Float64Array.of(2, 0, 0, 4), Float64Array.of(2, 4), 1)]).toEqual([
    expect.closeTo(0.5, 9) as number,
    expect.closeTo(0.5, 9) as number,
  ])
  expect([...solveDamped(Float64Array.of(2, 0, 0, 0), Float64Array.of(2, 0), 0)]).toEqual([
    expect.closeTo(1, 9) as number,
    0,
  ])
})
