import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seeded } from '../../../src/engine/math/random'
import {
  decodeModel,
  encodedLength,
  encodeModel,
  Graph,
  Model,
  Node,
  readModel,
  Tensor,
} from '../../../src/engine/onnx'
import { float16 } from '../../../src/engine/passes/float16'
import type { PassContext, PassResult } from '../../../src/engine/passes/pass'
import { compareOutputs } from '../../../src/engine/evaluate/comparison/outputs'
import { float32, withSession, workingFeeds } from '../../../src/engine/runtime'
import { hasReference, reference, REFERENCE_MODELS } from '../../reference'
import { findTarget } from '../../../src/engine/targets'

let scratch: string
beforeAll(() => void (scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'float16-'))))
afterAll(() => fs.rmSync(scratch, { recursive: true }))

function halve(model: Model, params: unknown = {}): Promise<PassResult> {
  const context: PassContext = {
    original: model,
    progress: () => undefined,
    signal: new AbortController().signal,
    random: seeded(0),
    scratch,
    providers: ['cpu'],
    target: findTarget('any'),
  }
  return float16.run(model, params, context)
}

const random = seeded(3)
const noise = (...dims: number[]): Tensor =>
  Tensor.float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal() / 8),
  )

function build(...x: (number | string)[]): Model {
  const model = new Model()
  model.opsets.set('', 18)
  model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: x }]
  model.graph.outputs = [{ name: 'y', dtype: 'float32' }]
  return model
}

/** Nodes in an order in which each reads only what is there, as the ONNX checker asks. */
function expectSorted(graph: Graph): void {
  const there = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()])
  for (const node of graph.nodes) {
    for (const input of node.inputs) if (input) expect(there.has(input), input).toBe(true)
    for (const output of node.outputs) there.add(output)
  }
}

async function expectClose(model: Model, after: Model, within: number): Promise<void> {
  const saved = decodeModel(encodeModel(after))
  expectSorted(saved.graph)
  expect((await compareOutputs(model, saved, await workingFeeds(model, { batch: 2 }))).relative).toBeLessThan(
    within,
  )
}

describe('casts that do nothing in float16', () => {
  /** As exporters write scaled attention: sizes as floats, roots of them, all cast to the type they have. */
  function attention(width: number, last: 'float32' | 'float16'): Model {
    const model = build('n', 6, width)
    const { graph } = model
    for (const name of ['wq', 'wk', 'wv', 'wo']) graph.initializers.set(name, noise(width, width))
    graph.initializers.set('one', Tensor.float32([1], [1]))
    graph.initializers.set('from', Tensor.int64([-1]))
    graph.initializers.set('to', Tensor.int64([2 ** 31]))
    const cast = (from: string, to: string, dtype: 'float32' | 'float16'): void =>
      void graph.addNode({
        opType: 'Cast',
        inputs: [from],
        outputs: [to],
        attributes: { to: { int: dtype === 'float32' ? 1 : 10 } },
      })
    const op = (opType: string, inputs: string[], output: string, attributes = {}): void =>
      void graph.addNode({ opType, inputs, outputs: [output], attributes })
    for (const part of ['q', 'k', 'v']) op('MatMul', ['x', `w${part}`], part)
    op('Shape', ['q'], 'shape')
    op('Slice', ['shape', 'from', 'to'], 'width')
    cast('width', 'float', 'float32')
    op('Sqrt', ['float'], 'root')
    op('Div', ['one', 'root'], 'inverse')
    cast('inverse', 'again', last)
    if (last === 'float16') cast('again', 'back', 'float32')
    op('Sqrt', [last === 'float16' ? 'back' : 'again'], 'scale')
    op('Transpose', ['k'], 'kt', { perm: { ints: [0, 2, 1] } })
    op('Mul', ['q', 'scale'], 'qs')
    op('Mul', ['kt', 'scale'], 'ks')
    op('MatMul', ['qs', 'ks'], 'scores')
    op('Softmax', ['scores'], 'p', { axis: { int: -1 } })
    op('MatMul', ['p', 'v'], 'o')
    op('MatMul', ['o', 'wo'], 'y')
    return model
  }

  test.each([
    [16, 'float32'],
    [48, 'float32'],
    [32, 'float16'],
  ] as const)('width %i, cast to %s', async (width, last) => {
    const model = attention(width, last)
    const { model: after, skipped } = await halve(model)
    expect(skipped).toEqual([])
    expect(after.graph.nodes.filter((node) => node.is('Cast') && node.int('to') === 10)).toHaveLength(2)
    await withSession(after, {}, () => Promise.resolve())
    await expectClose(model, after, 0.01)
  })
})

describe('in float16', () => {
  test('weights and nodes are float16, inputs and outputs float32', async () => {
    const model = build('n', 32)
    model.graph.initializers.set('w', noise(32, 32))
    model.graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] })
    model.graph.addNode({ opType: 'Relu', inputs: ['h'], outputs: ['y'] })
    const { model: after, summary } = await halve(model)
    expect(after.graph.initializers.get('w')!.dtype).toBe('float16')
    expect(after.graph.inputs[0]!.dtype).toBe('float32')
    expect(after.graph.nodes.map(({ opType }) => opType)).toEqual(['Cast', 'MatMul', 'Relu', 'Cast'])
    expect(after.graph.nodes[1]!.outputs).toEqual(['h'])
    expect(summary).toMatch(
      /^1 weight in float16, with 2 casts to and from float32: [\d.]+ kB → [\d.]+ kB\.$/,
    )
    await expectClose(model, after, 2e-3)
  })

  test('what float16 cannot hold stays in float32 with the reason; masks are clamped', async () => {
    const model = build('n', 4)
    const { graph } = model
    graph.initializers.set('big', Tensor.float32([4], [1e6, 1, 1, 1]))
    graph.initializers.set('mask', Tensor.float32([4], [0, 0, -3.4e38, 0]))
    graph.initializers.set('w', noise(4, 4))
    graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] })
    graph.addNode({ opType: 'Mul', inputs: ['h', 'big'], outputs: ['i'] })
    graph.addNode({ opType: 'Div', inputs: ['i', 'big'], outputs: ['j'] })
    graph.addNode({ opType: 'Add', inputs: ['j', 'mask'], outputs: ['k'] })
    graph.addNode({ opType: 'Softmax', inputs: ['k'], outputs: ['y'] })
    const { model: after, skipped } = await halve(model)
    expect(skipped!.map(({ layer }) => layer)).toEqual(['i', 'j'])
    expect(skipped![0]!.reason).toBe('Mul: its numbers reach 1.00e+6, and float16 ends at 65504')
    expect(after.graph.initializers.get('big')!.dtype).toBe('float32')
    expect(after.graph.initializers.get('mask')!.numbers()).toEqual([0, 0, -32752, 0])
    await expectClose(model, after, 5e-3)
  })

  test('Resize, inner graphs with captures, shared weights and outputs read by others', async () => {
    const model = build('n', 2, 4, 4)
    const { graph } = model
    graph.outputs.push({ name: 'mid', dtype: 'float32' }, { name: 'z', dtype: 'float32' })
    graph.initializers.set('w', noise(2, 2, 1, 1))
    graph.initializers.set('scales', Tensor.float32([4], [1, 1, 2, 2]))
    graph.initializers.set('yes', Tensor.of('bool', [], [1]))
    graph.addNode({ opType: 'Conv', inputs: ['x', 'w'], outputs: ['mid'] })
    graph.addNode({ opType: 'Resize', inputs: ['mid', '', 'scales'], outputs: ['up'] })
    graph.addNode({ opType: 'Sigmoid', inputs: ['up'], outputs: ['s'] })
    const branch = (op: string): Graph => {
      const inner = new Graph()
      inner.nodes = [new Node({ opType: op, inputs: ['s'], outputs: [`${op}_out`] })]
      inner.outputs = [{ name: `${op}_out`, dtype: 'float32' }]
      return inner
    }
    graph.addNode({
      opType: 'If',
      inputs: ['yes'],
      outputs: ['y'],
      attributes: {
        then_branch: { type: 'graph', value: branch('Neg') },
        else_branch: { type: 'graph', value: branch('Abs') },
      },
    })
    graph.addNode({ opType: 'Neg', inputs: ['mid'], outputs: ['z'] })
    const { model: after, skipped } = await halve(model)
    expect(skipped!.map(({ layer }) => layer)).toEqual(['up', 'y'])
    expect(after.graph.initializers.get('scales')!.dtype).toBe('float32')
    await expectClose(model, after, 5e-3)
  })

  test('Casts to float and constants of a shape follow; named layers are kept', async () => {
    const model = build('n', 300)
    const { graph } = model
    graph.initializers.set('w', noise(300, 8))
    graph.initializers.set('two', Tensor.int64([8]))
    graph.addNode({ opType: 'ConstantOfShape', inputs: ['two'], outputs: ['zeros'] })
    graph.addNode({ opType: 'Shape', inputs: ['x'], outputs: ['n'] })
    graph.addNode({ opType: 'Cast', inputs: ['n'], outputs: ['f'], attributes: { to: { int: 1 } } })
    graph.addNode({ opType: 'ReduceMean', inputs: ['f'], outputs: ['m'] })
    graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] })
    graph.addNode({ opType: 'Add', inputs: ['h', 'zeros'], outputs: ['i'] })
    graph.addNode({ opType: 'Mul', inputs: ['i', 'm'], outputs: ['j'] })
    graph.addNode({ opType: 'Softmax', inputs: ['j'], outputs: ['y'] })
    const { model: after, skipped } = await halve(model, { exclude: ['Softmax', 'i'] })
    expect(skipped).toEqual([
      { layer: 'i', reason: 'Add: left alone as asked' },
      { layer: 'y', reason: 'Softmax: left alone as asked' },
    ])
    await expectClose(model, after, 1e-2)
  })

  test('an operator that ONNX Runtime refuses in float16 is found and kept', async () => {
    const model = build('n', 16)
    model.opsets.set('', 18)
    const { graph } = model
    graph.initializers.set('w', noise(16, 16))
    graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] })
    graph.addNode({ opType: 'Det', inputs: ['w'], outputs: ['d'] })
    graph.addNode({ opType: 'Mul', inputs: ['h', 'd'], outputs: ['y'] })
    await expectClose(model, (await halve(model)).model, 1e-2)
  })

  test.each(['add', 'mul', 'max', 'min'])(
    'scattering by %s, which loads and does not run, is kept',
    async (reduction) => {
      const model = build(4, 32)
      model.graph.initializers.set('w', noise(32, 32))
      model.graph.initializers.set('rows', Tensor.int64([1, 1, 3], [3, 1]))
      model.graph.initializers.set('updates', noise(3, 32))
      model.graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['product'] })
      model.graph.addNode({
        opType: 'ScatterND',
        inputs: ['product', 'rows', 'updates'],
        outputs: ['y'],
        attributes: { reduction },
      })
      const { model: after, skipped } = await halve(model)
      expect(after.graph.initializers.get('w')!.dtype).toBe('float16')
      expect(skipped?.map(({ layer }) => layer)).toContain('y')
      await expectClose(model, after, 1e-2)
    },
  )

  test('nothing to do is said', async () => {
    const model = build('n', 4)
    model.graph.addNode({ opType: 'Relu', inputs: ['x'], outputs: ['y'] })
    expect(() => float16.check(model, {})).toThrow(/nothing-to-do/)
  })

  test.runIf(hasReference).each(REFERENCE_MODELS)(
    '%s: half the size, answers to three digits',
    async (name) => {
      const model = readModel(reference('models', `${name}.onnx`))
      for (const compute of ['float16', 'float32']) {
        const { model: after } = await halve(model, { compute })
        expect(encodedLength(after) / encodedLength(model)).toBeLessThan(0.57)
        await expectClose(model, after, 5e-3)
      }
    },
  )
})

describe('stored as float16', () => {
  test('a weight is rounded to float16 and nothing else changes; too large ones stay', async () => {
    const model = build('n', 20)
    model.graph.initializers.set('w', noise(20, 20))
    model.graph.initializers.set('v', Tensor.float32([20, 20], new Float32Array(400).fill(1e5)))
    model.graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] })
    model.graph.addNode({ opType: 'MatMul', inputs: ['h', 'v'], outputs: ['y'] })
    const { model: after, skipped } = await halve(model, { compute: 'float32' })
    expect(skipped).toEqual([{ layer: 'v', reason: 'its weights reach 1.00e+5, and float16 ends at 65504' }])
    const rounded = model.clone()
    rounded.graph.initializers.set(
      'w',
      Tensor.float32([20, 20], after.graph.initializers.get('w_f16')!.floats()),
    )
    const x = float32(
      [1, 20],
      Float32Array.from({ length: 20 }, (_, i) => i),
    )
    const run = (m: Model): Promise<unknown> =>
      withSession(m, {}, async (session) => (await session.run({ x })).y!.data)
    expect(await run(after)).toEqual(await run(rounded))
  })
})

describe('tables of whole numbers', () => {
  test.each([
    [-128, 127, 'int8'],
    [0, 255, 'uint8'],
    [-300, 5, 'int32'],
    [0, 2 ** 40, 'int64'],
  ] as const)('from %d to %d are stored as %s, exactly', async (least, most, dtype) => {
    const model = build('n', 150)
    const table = Array.from({ length: 150 }, (_, i) => (i === 0 ? least : i === 1 ? most : i % 5))
    model.graph.initializers.set('w', noise(150))
    model.graph.initializers.set('t', Tensor.int64(table))
    model.graph.addNode({
      opType: 'Cast',
      inputs: ['t'],
      outputs: ['f'],
      attributes: { to: { int: 1 } },
    })
    model.graph.addNode({ opType: 'Mul', inputs: ['x', 'f'], outputs: ['y'] })
    model.graph.addNode({ opType: 'Mul', inputs: ['x', 'w'], outputs: ['z'] })
    model.graph.outputs.push({ name: 'z' })
    const { model: after, summary } = await halve(model, { compute: 'float32' })
    const stored = [...after.graph.initializers.values()].filter((tensor) => tensor.dtype !== 'float16')
    expect(stored.map((tensor) => tensor.dtype)).toEqual([dtype])
    expect(stored[0]!.numbers()).toEqual(table)
    expect(summary.includes('1 table of whole numbers')).toBe(dtype !== 'int64')
    const x = float32([1, 150], new Float32Array(150).fill(1))
    const run = (m: Model): Promise<unknown> =>
      withSession(m, {}, async (session) => (await session.run({ x })).y!.data)
    expect(await run(after)).toEqual(await run(model))
  })
})

describe('what breaks down in float16', () => {
  /** log10(x² + 1e-10): the smallest float16 is 6e-8, so that silence has the logarithm of zero. */
  function loudness(): Model {
    const model = build('n', 64)
    const { graph } = model
    graph.initializers.set('w', noise(64, 64))
    graph.initializers.set('least', Tensor.float32([], [1e-10]))
    graph.addNode({ opType: 'Mul', inputs: ['x', 'x'], outputs: ['power'] })
    graph.addNode({ opType: 'Add', inputs: ['power', 'least'], outputs: ['floored'] })
    graph.addNode({ opType: 'Log', inputs: ['floored'], outputs: ['loud'] })
    graph.addNode({ opType: 'MatMul', inputs: ['loud', 'w'], outputs: ['y'] })
    return model
  }

  test('stays in float32 by name with what it is computed from, and the rest computes in float16', async () => {
    const model = loudness()
    const { model: after, skipped } = await halve(model)
    expect(skipped?.map(({ layer }) => layer)).toEqual(['floored', 'loud'])
    expect(after.graph.initializers.get('w')!.dtype).toBe('float16')
    const silence = { x: float32([1, 64], new Float32Array(64)) }
    const { relative } = await compareOutputs(model, after, silence)
    expect(relative).toBeLessThan(1e-2)
  })

  test('sums that overflow between the samples looked at and the limit of float16 stay too', async () => {
    const model = build('n', 64)
    const { graph } = model
    graph.initializers.set('w', noise(64, 64))
    graph.initializers.set('much', Tensor.float32([], [30000]))
    graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] })
    graph.addNode({ opType: 'Abs', inputs: ['h'], outputs: ['a'] })
    graph.addNode({ opType: 'Add', inputs: ['a', 'much'], outputs: ['b'] })
    graph.addNode({
      opType: 'ReduceSum',
      inputs: ['b'],
      outputs: ['s'],
      attributes: { keepdims: { int: 1 } },
    })
    graph.addNode({ opType: 'Div', inputs: ['b', 's'], outputs: ['y'] })
    const { model: after } = await halve(model)
    await expectClose(model, after, 1e-2)
  })
})
