import { expect, test } from 'vitest'
import { argmax } from '../../../src/engine/math/argmax'

test.each([
  [[3, 1, 2], 0],
  [[1, 2, 2], 1],
  [[-5, -1, -2], 1],
  [[7], 0],
  [[0, NaN, 1], 2],
  [[-Infinity, Infinity], 1],
])('of %j it is at %i', (values, at) => {
  expect(argmax(Float32Array.from(values))).toBe(at)
})

test('of a stretch it is counted from its start', () => {
  expect(argmax([9, 1, 5, 2, 9], 1, 3)).toBe(1)
  expect(argmax([9, 1, 5, 2, 9], 3)).toBe(1)
})
