import { expect, test } from 'vitest'
import { z } from 'zod'
import { PareError } from '../../../src/contract/errors'
import { NumericalFailure } from '../../../src/engine/math/numerical-failure'
import { Model } from '../../../src/engine/onnx'
import { definePass, type PassContext } from '../../../src/engine/passes/pass'
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

test('what the numbers of a model do not allow is told of the model, whichever pass it was', async () => {
  const pass = definePass({
    id: 'some-pass',
    title: '',
    family: 'quantization',
    role: 'encodes',
    summary: '',
    sources: [],
    params: z.object({}),
    run: () => Promise.reject(new NumericalFailure('the eigenvalues do not converge')),
  })
  await expect(pass.run(new Model(), {}, {} as PassContext)).rejects.toMatchObject({
    data: { code: 'model/non-finite', by: 'some-pass' },
  })
})
