import { expect, test } from 'vitest'
import { PareError } from '../../../src/contract/errors'
import { NumericalFailure } from '../../../src/engine/math/numerical-failure'
import { partFailure } from '../../../src/engine/passes/part-failure'

test.each([
  [new PareError('model/not-loadable', { file: '', reason: 'no kernel' }), 'no kernel'],
  [new NumericalFailure('not positive definite at pivot 3'), 'not positive definite at pivot 3'],
])('what a layer cannot do is its reason: %s', (thrown, reason) => {
  expect(partFailure(thrown)).toBe(reason)
})

test.each([
  new TypeError("cannot read properties of undefined (reading 'dims')"),
  new RangeError('Invalid array length'),
  new PareError('disk/full', { path: 'x', needed: 1 }),
  new PareError('cancelled', { during: 'pruning' }),
])('what is no layer’s is thrown on: %s', (thrown) => {
  expect(() => partFailure(thrown)).toThrow(thrown)
})
