/** Functions of steps that differ in sizes, rests and limits alone: one, where that takes less flash; the same answers. */
import { describe, expect, test } from 'vitest'
import { generate } from '../../../../src/engine/export/c/generate'
import type { Model } from '../../../../src/engine/onnx'
import type { Values } from '../../../../src/engine/runtime'
import { Net } from '../../passes/pruning/build'
import { noise } from '../../passes/quantization/support'
import { apart, compiler, WITHOUT } from './support'

/** Two convolutions with pools and three products of other sizes: 50 and 7 are no multiples of rows at once. */
function net(): Model {
  const made = new Net(3)
  const pooled = (x: string, from: number, to: number): string =>
    made.op('MaxPool', [made.op('Conv', [x, made.weight([to, from, 3, 3]), made.weight([to])])], {
      kernel_shape: { ints: [2, 2] },
      strides: { ints: [2, 2] },
    })
  const image = pooled(pooled(made.input('x', ['batch', 1, 22, 22]), 1, 4), 4, 8)
  const first = made.relu(made.gemm(made.op('Flatten', [image]), 8 * 4 * 4, 50))
  return made.output(made.gemm(made.relu(made.gemm(first, 50, 20)), 20, 7), 2).model
}

const SAMPLES: Values[] = [1, 2].map((seed) => ({ x: noise([1, 1, 22, 22], seed) }))
const functions = (code: string): string[] =>
  Array.from(code.matchAll(/^static void (\w+)\(/gm), ([, name]) => name!)

test('sizes become parameters, and limits are written where some call has them', async () => {
  const { code } = await generate(net(), 'model')
  expect(functions(code)).toEqual(['conv_pool_0', 'product_1'])
  expect(code).toContain('t < lo ? lo : t;')
  expect(code).not.toContain('hi')
  expect(code).not.toMatch(/[«»]|limited\(/)
})

test('no rest and no limit is written where none is needed', async () => {
  const made = new Net(1)
  const { code } = await generate(
    made.output(made.gemm(made.input('x', ['batch', 8]), 8, 16), 2).model,
    'model',
  )
  expect(code).not.toMatch(/outputs -|\blo\b|\bhi\b/)
})

test('what a call with more sizes takes more than is saved stays a function each', async () => {
  const made = new Net(1)
  const turned = (x: string): string => made.op('Transpose', [x], { perm: { ints: [0, 2, 1] } })
  const a = made.op('Pad', [turned(made.input('x', [1, 3, 5])), made.ints([0, 0, 1, 0, 0, 2])])
  const { code } = await generate(made.output(turned(a), 3).model, 'model')
  expect(functions(code).filter((name) => name.startsWith('transpose'))).toHaveLength(2)
})

describe.skipIf(!compiler)(`compiled and run${WITHOUT}`, () => {
  test('one function gives each its own answers', async () => {
    expect((await apart(net(), SAMPLES)).most).toBeLessThan(1e-5)
  })
})
