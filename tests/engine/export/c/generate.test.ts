/** Models as C: the same answers, clean under every warning and sanitizer, for names of any kind. */
import { describe, expect, test } from 'vitest'
import { generate } from '../../../../src/engine/export/c/generate'
import { Unsupported } from '../../../../src/engine/export/c/unsupported'
import { literal } from '../../../../src/engine/export/c/types'
import { comment } from '../../../../src/engine/export/c/emit'
import { seeded } from '../../../../src/engine/math/random'
import { Tensor, type Model } from '../../../../src/engine/onnx'
import { float32, type Values } from '../../../../src/engine/runtime'
import { Net } from '../../passes/pruning/build'
import { coded, separable } from './nets'
import { apart, compiler, linked, WITHOUT } from './support'

const noise = (dims: number[], seed: number): ReturnType<typeof float32> => {
  const random = seeded(seed)
  return float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
  )
}

const samples = (name: string, dims: number[]): Values[] =>
  [1, 2, 3].map((seed) => ({ [name]: noise(dims, seed) }))

describe.skipIf(!compiler)(`compiled and run${WITHOUT}`, () => {
  test.each([
    ['float32', (model: Model) => model],
    ['8 bits', (model: Model) => coded(model, (value) => Math.round(value * 100) / 64)],
    [
      '4 bits',
      (model: Model) => coded(model, (value) => Math.max(-7, Math.min(7, Math.round(value * 10))) / 8),
    ],
    [
      '4 bits with a zero point a row',
      (model: Model) => coded(model, (_, i, cols) => (((i * 7) % 16) - (Math.floor(i / cols) % 5) * 3) / 64),
    ],
    [
      '16 shared values',
      (model: Model) => coded(model, (value) => Math.fround(Math.tanh(Math.round(value * 6) / 6))),
    ],
    [
      'pruned and shared',
      (model: Model) =>
        coded(model, (value, i) => (i % 7 ? 0 : Math.fround(Math.sin(Math.round(value * 5))))),
    ],
  ])('a net of depthwise and pointwise convolutions, weights as %s', async (_, change) => {
    const { most, made } = await apart(change(separable()), samples('x', [1, 3, 16, 16]))
    expect(most).toBeLessThan(1e-5)
    expect(made.arenaBytes).toBeLessThanOrEqual(made.plan.lowerBound)
  })

  test('a normalization leaves shared weights shared: their products are multiplied by it', async () => {
    const shared = coded(separable(), (value, i) =>
      i % 7 ? 0 : Math.fround(Math.sin(Math.round(value * 5))),
    )
    const dense = coded(separable(), (value) => Math.fround(Math.tanh(Math.round(value * 6) / 6)))
    for (const model of [shared, dense]) {
      const made = await generate(model, 'model')
      expect(made.program.steps.map(({ op }) => op)).not.toContain('BatchNormalization')
      expect(made.constantBytes).toBeLessThan(1000)
    }
  })

  test.each(['LSTM', 'GRU'] as const)('%s of both directions, in one run', async (op) => {
    const gates = { LSTM: 4, GRU: 3 }[op]
    const net = new Net(3)
    const x = net.input('x', [6, 1, 5])
    const weights = [net.weight([2, gates * 4, 5]), net.weight([2, gates * 4, 4]), net.weight([2, gates * 8])]
    const [y, last] = net.ops(op, [x, ...weights], { hidden_size: { int: 4 }, direction: 'bidirectional' }, 2)
    const { most } = await apart(net.output(y!, 4).output(last!, 3).model, samples('x', [6, 1, 5]))
    expect(most).toBeLessThan(1e-5)
  })

  test('a state is kept by the caller from one run to the next', async () => {
    const net = new Net(4)
    const x = net.input('x', [1, 1, 5])
    const h = net.input('h_in', [1, 1, 4])
    const [, last] = net.ops(
      'GRU',
      [x, net.weight([1, 12, 5]), net.weight([1, 12, 4]), '', '', h],
      { hidden_size: { int: 4 } },
      2,
    )
    net.model.graph.nodes.at(-1)!.outputs[1] = 'h_out'
    net.output(net.op('Mul', ['h_out', net.weight([1])]), 3).output('h_out', 3)
    expect(last).toBeDefined()
    const feeds = { x: noise([1, 1, 5], 1), h_in: noise([1, 1, 4], 2) }
    const { most, made } = await apart(net.model, [feeds])
    expect(most).toBeLessThan(1e-5)
    expect(made.header).toContain('model_state *state')
    expect(made.header).not.toContain('h_out')
    expect(made.stateBytes).toBe(16)
  })

  test('names of any kind, twice the same letters and words of C among them', async () => {
    const net = new Net(1)
    const names = ['int', 'a b', 'a_b', '*/ system("x") /*', '日本', 'x\\\n#error', '??/', 'arena']
    for (const name of names) net.input(name, [3])
    for (const [i, name] of names.entries()) {
      const y = net.op('Relu', [name])
      net.model.graph.nodes.at(-1)!.name = name
      net.output(y, 1)
      expect(i).toBeLessThan(names.length)
    }
    const feeds = Object.fromEntries(names.map((name, i) => [name, noise([3], i)]))
    expect((await apart(net.model, [feeds])).most).toBe(0)
  })

  test.skipIf(linked(compiler, ['-m32']).length === 0)('on a machine of 32 bits', async () => {
    expect((await apart(separable(), samples('x', [1, 3, 16, 16]), ['-m32', '-O2'])).most).toBeLessThan(1e-5)
  })
})

test('what there is no C for is named before anything is written', async () => {
  const net = new Net(1)
  const y = net.op('Det', [net.op('NonZero', [net.input('x', [3, 3])])])
  const model = net.output(y, 0).model
  model.graph.nodes[0]!.opType = 'Det'
  model.graph.nodes.pop()
  model.graph.outputs[0]!.name = model.graph.nodes[0]!.outputs[0]!
  await expect(generate(model, 'model')).rejects.toThrow(Unsupported)
  await expect(generate(model, 'model')).rejects.toThrow('there is no C for Det.')
})

test('numbers come back from their literals bit by bit', () => {
  const random = seeded(9)
  for (let i = 0; i < 2000; i++) {
    const value = Math.fround(random.normal() * 10 ** (random.below(60) - 30))
    expect(Math.fround(Number(literal('float32', value).replaceAll(/[()f]/g, '')))).toBe(value)
  }
  expect(literal('float32', -Infinity)).toBe('(-INFINITY)')
  expect(literal('float32', 3)).toBe('3.0f')
  expect(literal('float32', -0)).toBe('(-0.0f)')
  expect(literal('int32', -(2 ** 31))).toBe('(-INT32_C(2147483647) - 1)')
  expect(literal('int64', -(2n ** 63n))).toBe('(-INT64_C(9223372036854775807) - 1)')
  expect(literal('uint64', 2n ** 64n - 1n)).toBe('UINT64_C(18446744073709551615)')
})

test.each(['a*/b/*c\\\nd??/e\u202e', 'x*\\ void z(void){} /\\*', '*', '/', '\\'])(
  'no text ends a comment, continues its line or makes a trigraph: %s',
  (name) => expect(comment(name)).toMatch(/^[ -)+->@-[\]-~]*$/),
)

test('ports whose names differ in case alone have sizes of their own', async () => {
  const net = new Net(1)
  const [small, large] = [net.input('a', [1, 4]), net.input('A', [1, 6])]
  const { model } = net.output(net.op('Concat', [small, large], { axis: { int: 1 } }), 2)
  const { header } = await generate(model, 'model')
  const sizes = [...header.matchAll(/#define (\w+_SIZE) (\d+)/g)]
  expect(new Set(sizes.map(([, name]) => name)).size).toBe(3)
  expect(sizes.map(([, , size]) => Number(size)).sort((a, b) => a - b)).toEqual([4, 6, 10])
})

test('a half between the nodes is refused by name', async () => {
  const net = new Net(1)
  const x = net.input('x', [1, 4])
  const half = net.op('Cast', [x], { to: { int: 10 } })
  const twice = net.op('Mul', [half, net.constant('half', Tensor.of('float16', [], [2]))])
  const { model } = net.output(net.op('Cast', [twice], { to: { int: 1 } }), 2)
  await expect(generate(model, 'model')).rejects.toThrow('C99 has no type for float16')
})
