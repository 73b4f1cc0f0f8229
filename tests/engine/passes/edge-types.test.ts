/** Other types at the edge: each result is fed by hand in its own types, and ONNX Runtime answers as the original did. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorData } from '../../../src/contract/errors'
import { seeded } from '../../../src/engine/math/random'
import { decodeModel, encodeModel, Tensor, type DType, type Model } from '../../../src/engine/onnx'
import { decode, encode } from '../../../src/engine/onnx/numeric'
import { findPass } from '../../../src/engine/passes'
import type { PassResult } from '../../../src/engine/passes/pass'
import { signatureOf, withSession, type Value, type Values } from '../../../src/engine/runtime'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { openRandom } from '../../../src/engine/data/random'
import { findTarget } from '../../../src/engine/targets'
import { OWN_MODELS } from '../../suite/graphs'
import { Net } from './pruning/build'

let scratch: string
beforeAll(() => void (scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'edge-'))))
afterAll(() => fs.rmSync(scratch, { recursive: true }))

const retyped = (model: Model, params: unknown = {}): Promise<PassResult> =>
  findPass('edge-types').run(model, findPass('edge-types').parse(params), {
    original: model,
    progress: () => undefined,
    signal: new AbortController().signal,
    random: seeded(0),
    scratch,
    providers: ['cpu'],
    target: findTarget('any'),
  })

const ask = (model: Model, feeds: Values): Promise<Values> =>
  withSession(decodeModel(encodeModel(model)), { optimization: 'disabled' }, (session) => session.run(feeds))

function value(dtype: DType, dims: readonly number[], numbers: readonly number[]): Value {
  const bytes = encode(dtype, numbers)
  const data = decode(dtype === 'float16' ? 'uint16' : dtype, bytes, numbers.length)
  return { dtype, dims, data: data as Float32Array }
}

const X = [0.5, -1.25, 2, 0.75, -3, 1.5, 0.25, -0.5]

const typesOf = ({ graph }: Model): (DType | undefined)[] =>
  [...graph.requiredInputs, ...graph.outputs].map(({ dtype }) => dtype)

/** x → Gemm → y, computing in `inside`. */
function plain(inside: DType = 'float32', dims: (string | number)[] = ['N', 4]): Model {
  const net = new Net()
  const typed = (name: string): string => {
    const { graph } = net.model
    const tensor = graph.initializers.get(name)!
    graph.initializers.set(name, Tensor.of(inside, tensor.dims, tensor.floats()))
    return name
  }
  const x = net.input('x', dims)
  const y = net.op('MatMul', [x, typed(net.weight([4, 3]))])
  net.output(y, 2)
  const { graph } = net.model
  graph.inputs = graph.inputs.map((info) => ({ ...info, dtype: inside }))
  graph.outputs = graph.outputs.map((info) => ({ ...info, dtype: inside, dims: [dims[0]!, 3] }))
  return net.done()
}

/** Quantized by one scale at both ends, as static quantization leaves it. */
function quantized(dtype: 'uint8' | 'int8' = 'uint8'): Model {
  const net = new Net()
  const x = net.input('x', ['N', 4])
  const pair = (scale: number, zero: number): string[] => [
    net.constant('s', Tensor.scalar('float32', scale)),
    net.constant('z', Tensor.scalar(dtype, zero)),
  ]
  const at = dtype === 'uint8' ? 120 : -8
  const [a, b] = [pair(0.03, at), pair(0.05, at)]
  const xq = net.op('QuantizeLinear', [x, ...a])
  const h = net.gemm(net.op('DequantizeLinear', [xq, ...a]), 4, 3)
  const y = net.op('DequantizeLinear', [net.op('QuantizeLinear', [h, ...b]), ...b])
  return net.output(y, 2).done()
}

describe('floats', () => {
  test.each(['float16', 'float64'] as const)('%s inside, float32 outside', async (inside) => {
    const original = plain(inside)
    const { model, summary } = await retyped(original)
    expect(typesOf(model)).toEqual(['float32', 'float32'])
    expect(summary).toContain(`x (${inside} → float32)`)
    const y = original.graph.outputs[0]!.name
    const before = (await ask(original, { x: value(inside, [2, 4], X) }))[y]!
    const after = (await ask(model, { x: value('float32', [2, 4], X) }))[y]!
    const expected =
      inside === 'float16'
        ? decode('float16', new Uint8Array((before.data as Uint16Array).buffer), 6)
        : before.data
    // ONNX Runtime may leave out a Cast to half precision and back.
    for (const [i, y] of Array.from(expected as Float64Array).entries())
      expect((after.data as Float32Array)[i]).toBeCloseTo(y, inside === 'float16' ? 2 : 6)
  })

  test('half precision outside, and back: nothing is noted any more', async () => {
    const original = plain()
    const { model: half } = await retyped(original, { inputs: 'float16', outputs: 'float16' })
    expect(typesOf(half)).toEqual(['float16', 'float16'])
    // Samples stay float32: whoever measures compares it with the original on the same ones.
    expect(signatureOf(half).inputs[0]).toMatchObject({ dtype: 'float32', edge: { dtype: 'float16' } })
    const { model: back } = await retyped(half)
    expect([...back.metadata.keys()]).toEqual([])
    expect(signatureOf(back).inputs[0]).not.toHaveProperty('edge')
  })

  test('only what is named, and bytes as whole numbers', async () => {
    const original = plain()
    const { model } = await retyped(original, { inputs: 'uint8', names: ['x'] })
    expect(typesOf(model)).toEqual(['uint8', 'float32'])
    const y = original.graph.outputs[0]!.name
    const bytes = [0, 255, 3, 17]
    const [before, after] = [
      await ask(original, { x: value('float32', [1, 4], bytes) }),
      await ask(model, { x: value('uint8', [1, 4], bytes) }),
    ]
    expect(after[y]!.data).toEqual(before[y]!.data)
  })

  test('numbers beyond half precision are refused by the output', async () => {
    const net = new Net()
    const x = net.input('x', ['N', 4])
    const y = net.op('Add', [x, net.constant('most', Tensor.float32([1], [1e6]))])
    await expect(retyped(net.output(y, 2).done(), { outputs: 'float16' })).rejects.toMatchObject({
      data: { code: 'pass/failed', reason: expect.stringContaining('float16 does not hold') as string },
    })
  })
})

describe('codes', () => {
  test.each(['uint8', 'int8'] as const)('%s in and out, without an operator at the edge', async (dtype) => {
    const original = quantized(dtype)
    const { model } = await retyped(original, { inputs: 'codes', outputs: 'codes' })
    expect(typesOf(model)).toEqual([dtype, dtype])
    expect(model.graph.nodes.map(({ opType }) => opType)).toEqual([
      'DequantizeLinear',
      'Gemm',
      'QuantizeLinear',
    ])
    const y = original.graph.outputs[0]!.name
    const zero = dtype === 'uint8' ? 120 : -8
    const codes = value(
      dtype,
      [2, 4],
      X.map((x) => x / 0.03 + zero),
    )
    const numbers = (await ask(original, { x: value('float32', [2, 4], X) }))[y]!
    const given = (await ask(model, { x: codes }))[y]!
    expect(
      Array.from(given.data as Uint8Array, (code) => Math.fround((code - zero) * Math.fround(0.05))),
    ).toEqual(Array.from(numbers.data as Float32Array))
    expect(signatureOf(model).inputs[0]!.edge).toMatchObject({ dtype, zeroPoint: zero })
  })

  test('whoever measures reads both models alike', async () => {
    const original = quantized()
    const { model } = await retyped(original, { inputs: 'codes', outputs: 'codes' })
    const dataset = await openRandom(original, 0, 64)
    const { candidates } = await measureQuality(original, [model], { dataset })
    expect(candidates[0]!.fidelity!.cosine).toBeCloseTo(1, 6)
    await dataset.close()
  })

  test('numbers again', async () => {
    const original = quantized()
    const { model } = await retyped(original, { inputs: 'codes', outputs: 'codes' })
    const { model: back } = await retyped(model)
    const y = original.graph.outputs[0]!.name
    const feeds = { x: value('float32', [2, 4], X) }
    expect((await ask(back, feeds))[y]!.data).toEqual((await ask(original, feeds))[y]!.data)
    expect(signatureOf(back).inputs[0]).not.toHaveProperty('edge')
  })

  test('a model that came with codes takes the numbers they stand for', async () => {
    const { model: came } = await retyped(quantized(), { inputs: 'codes', outputs: 'codes' })
    came.metadata.clear()
    const { model } = await retyped(came)
    expect(typesOf(model)).toEqual(['float32', 'float32'])
    const y = came.graph.outputs[0]!.name
    const [codes, numbers] = [
      await ask(came, {
        x: value(
          'uint8',
          [2, 4],
          X.map((x) => x / 0.03 + 120),
        ),
      }),
      await ask(model, { x: value('float32', [2, 4], X) }),
    ]
    expect(Array.from(numbers[y]!.data as Float32Array)).toEqual(
      Array.from(codes[y]!.data as Uint8Array, (code) => Math.fround((code - 120) * Math.fround(0.05))),
    )
    // Samples are codes, as the model that came takes them.
    expect(signatureOf(model).inputs[0]).toMatchObject({ dtype: 'uint8', edge: { dtype: 'float32' } })
  })

  test('what is not quantized at the edge is left and named', async () => {
    await expect(retyped(plain(), { inputs: 'codes', outputs: 'codes' })).rejects.toMatchObject({
      data: { code: 'model/nothing-to-do', reason: '“x” stays: MatMul reads it, and not QuantizeLinear' },
    })
    const net = new Net()
    const x = net.input('x', ['N', 4])
    const pair = [
      net.constant('s', Tensor.scalar('float32', 0.1)),
      net.constant('z', Tensor.scalar('uint8', 9)),
    ]
    const h = net.gemm(net.op('DequantizeLinear', [net.op('QuantizeLinear', [x, ...pair]), ...pair]), 4, 3)
    const { model, skipped } = await retyped(net.output(h, 2).done(), { inputs: 'codes', outputs: 'codes' })
    expect(typesOf(model)).toEqual(['uint8', 'float32'])
    expect(skipped).toEqual([{ layer: h, reason: 'Gemm makes it, and not DequantizeLinear' }])
  })
})

test('a state keeps one type on its way round', async () => {
  const net = new Net()
  const [x, state] = [net.input('x', [1, 4]), net.input('state_in', [1, 4])]
  const next = net.op('Add', [x, state])
  net.model.graph.addNode({ opType: 'Tanh', inputs: [next], outputs: ['state_out'] })
  const original = net
    .output(net.op('Relu', [next]), 2)
    .output('state_out', 2)
    .done()
  original.graph.outputs = original.graph.outputs.map((info) => ({ ...info, dims: [1, 4] }))
  expect(signatureOf(original).inputs[1]!.state).toBe('state_out')
  const { model, skipped } = await retyped(original, { inputs: 'float16', outputs: 'keep' })
  expect(typesOf(model)).toEqual(['float16', 'float32', 'float32', 'float32'])
  expect(skipped?.map(({ layer }) => layer)).toEqual(['state_in'])
  const both = await retyped(original, { inputs: 'float16', outputs: 'float16' })
  expect(typesOf(both.model)).toEqual(['float16', 'float16', 'float16', 'float16'])
  expect(signatureOf(both.model).inputs[1]!.state).toBe('state_out')
})

test('what is asked already, what is no number, and names that are none', async () => {
  await expect(retyped(plain())).rejects.toMatchObject({
    data: {
      code: 'model/nothing-to-do',
      reason: 'its inputs and outputs of numbers have these types already',
    },
  })
  await expect(retyped(plain(), { names: ['z'] })).rejects.toMatchObject({
    data: { code: 'pass/bad-parameter', parameter: 'names' },
  })
  const net = new Net()
  const ids = net.input('ids', ['N', 4], 'int64')
  const model = net.output(net.op('Cast', [ids], { to: { int: 1 } }), 2).done()
  await expect(retyped(model, { inputs: 'float16', outputs: 'keep', names: ['ids'] })).rejects.toMatchObject({
    data: { reason: '“ids” stays: it is int64' },
  })
})

test('a note that says nothing sensible is left unread', () => {
  const model = plain()
  for (const text of ['{', '{"of":"text"}', '{"of":"float32","scale":-1}']) {
    model.metadata.set('pare.edge.x', text)
    expect(signatureOf(model).inputs[0]).not.toHaveProperty('edge')
  }
})

/** Numbers that another type may be asked for. */
const isNumbers = (dtype: DType | undefined): boolean => /float|^u?int8$/.test(dtype ?? '')

describe('models of every kind', () => {
  test.each(OWN_MODELS.map(({ name, model }) => [name, model] as const))('%s', async (_, model) => {
    const numbers = [...model.graph.requiredInputs, ...model.graph.outputs].filter(({ dtype }) =>
      isNumbers(dtype),
    )
    const outcome = await retyped(model).catch((thrown: unknown) => errorData(thrown).code)
    if (typeof outcome === 'string') {
      expect(outcome).toBe('model/nothing-to-do')
      expect(numbers.every(({ dtype }) => dtype === 'float32')).toBe(true)
    } else {
      expect(typesOf(outcome.model).filter((dtype) => isNumbers(dtype) && dtype !== 'float32')).toEqual([])
      expect(outcome.skipped).toEqual([])
    }
  })
})
