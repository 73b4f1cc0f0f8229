/** Fused operators written out, against ONNX Runtime's own kernels. */
import { describe, expect, test } from 'vitest'
import { unfuse, UNFUSINGS } from '../../../src/engine/layers/unfuse'
import type { Known } from '../../../src/engine/layers/unfuse/unfusing'
import { seeded } from '../../../src/engine/math/random'
import { Model, sizeOf, Tensor, type AttributeInput } from '../../../src/engine/onnx'
import { float32, floatsOf, shapesAt, withSession, type Values } from '../../../src/engine/runtime'

interface Given {
  dims: readonly number[]
  /** Whole numbers, flags, or what float values are multiplied by. */
  int32?: readonly number[]
  int64?: readonly number[]
  bool?: readonly number[]
  /** A constant of the model instead of an input. */
  constant?: true
}

interface Case {
  title: string
  op: string
  inputs: readonly (Given | null)[]
  attributes?: Readonly<Record<string, AttributeInput>>
  /** Which outputs the model gives; default the first. */
  outputs?: readonly number[]
  opset?: number
  /** What is said where it stays. */
  stays?: RegExp
}

const f = (...dims: number[]): Given => ({ dims })
const w = (...dims: number[]): Given => ({ dims, constant: true })
const i32 = (dims: number[], int32: number[]): Given => ({ dims, int32 })
const i64 = (dims: number[], int64: number[]): Given => ({ dims, int64 })
const int = (value: number): AttributeInput => ({ int: value })
const float = (value: number): AttributeInput => ({ float: value })
const MS = 'com.microsoft:'

const ids = i32([2, 3], [4, 0, 2, 1, 1, 3])
const heads = { num_heads: int(2) }

const CASES: Case[] = [
  {
    title: 'both turned and scaled',
    op: `${MS}FusedMatMul`,
    inputs: [f(2, 4, 3), f(2, 5, 4)],
    attributes: { transA: int(1), transB: int(1), alpha: float(0.37) },
  },
  { title: 'as it is', op: `${MS}FusedMatMul`, inputs: [f(2, 3, 4), f(4, 5)] },
  {
    title: 'first axes turned',
    op: `${MS}FusedMatMul`,
    inputs: [f(3, 2, 4), f(2, 4, 5)],
    attributes: { transBatchA: int(1) },
    stays: /first axes/,
  },
  ...[
    ['Relu', []],
    ['LeakyRelu', [0.2]],
    ['Clip', [-0.4, 0.9]],
    ['HardSigmoid', [0.3, 0.4]],
    ['Tanh', []],
  ].map(([activation, params]): Case => ({
    title: `with a sum and ${activation as string}`,
    op: `${MS}FusedConv`,
    inputs: [f(2, 3, 5, 5), w(4, 3, 3, 3), w(4), f(2, 4, 3, 3)],
    attributes: {
      activation: activation as string,
      strides: { ints: [2, 2] },
      pads: { ints: [1, 1, 1, 1] },
      ...((params as number[]).length > 0 && { activation_params: { floats: params as number[] } }),
    },
  })),
  { title: '', op: `${MS}BiasGelu`, inputs: [f(2, 3, 8), w(8)] },
  { title: 'with a bias', op: `${MS}FastGelu`, inputs: [f(2, 3, 8), w(8)] },
  { title: 'without', op: `${MS}FastGelu`, inputs: [f(2, 3, 8)] },
  {
    title: 'with a bias, and its sum handed out',
    op: `${MS}SkipLayerNormalization`,
    inputs: [f(2, 3, 8), f(2, 3, 8), w(8), w(8), w(8)],
    attributes: { epsilon: float(1e-5) },
    outputs: [0, 3],
  },
  {
    title: 'without beta, a sum of one sample for all',
    op: `${MS}SkipLayerNormalization`,
    inputs: [f(2, 3, 8), f(1, 3, 8), w(8)],
  },
  {
    title: 'with a bias',
    op: `${MS}SkipSimplifiedLayerNormalization`,
    inputs: [f(2, 3, 8), f(2, 3, 8), w(8), w(8)],
    outputs: [0, 3],
  },
  {
    title: 'with segments, a mask and the sum',
    op: `${MS}EmbedLayerNormalization`,
    inputs: [
      ids,
      i32([2, 3], [0, 1, 1, 0, 0, 1]),
      w(5, 8),
      w(6, 8),
      w(2, 8),
      w(8),
      w(8),
      i32([2, 3], [1, 1, 0, 1, 1, 1]),
    ],
    outputs: [0, 1, 2],
  },
  {
    title: 'without segments, with places',
    op: `${MS}EmbedLayerNormalization`,
    inputs: [ids, null, w(5, 8), w(6, 8), null, w(8), w(8), null, i32([2, 3], [3, 4, 5, 0, 1, 2])],
    outputs: [0, 2],
  },
  ...[0, 1].flatMap((interleaved): Case[] => [
    {
      title: `interleaved ${interleaved}, places from a number`,
      op: `${MS}RotaryEmbedding`,
      inputs: [f(2, 3, 16), i64([1], [2]), w(8, 4), w(8, 4)],
      attributes: { interleaved: int(interleaved) },
    },
    {
      title: `interleaved ${interleaved}, heads apart`,
      op: `${MS}RotaryEmbedding`,
      inputs: [f(2, 2, 3, 8), i64([2, 3], [0, 1, 2, 4, 5, 6]), w(8, 4), w(8, 4)],
      attributes: { interleaved: int(interleaved) },
    },
    {
      title: `interleaved ${interleaved}, some features`,
      op: `${MS}RotaryEmbedding`,
      inputs: [f(2, 3, 16), i64([2, 3], [0, 1, 2, 4, 5, 6]), w(8, 2), w(8, 2)],
      attributes: { interleaved: int(interleaved), rotary_embedding_dim: int(4), ...heads },
    },
  ]),
  { title: 'without a mask', op: `${MS}Attention`, inputs: [f(2, 3, 8), w(8, 24), w(24)], attributes: heads },
  {
    title: 'with a mask of keys',
    op: `${MS}Attention`,
    inputs: [f(2, 3, 8), w(8, 24), w(24), i32([2, 3], [1, 1, 0, 1, 1, 1])],
    attributes: heads,
  },
  {
    title: 'with lengths, values of another size',
    op: `${MS}Attention`,
    inputs: [f(2, 3, 8), w(8, 20), w(20), i32([2], [2, 3])],
    attributes: { ...heads, qkv_hidden_sizes: { ints: [8, 8, 4] } },
  },
  {
    title: 'with a mask and a bias of scores',
    op: `${MS}Attention`,
    inputs: [f(2, 3, 8), w(8, 24), w(24), i32([2, 3], [1, 1, 0, 1, 1, 1]), null, f(2, 2, 3, 3)],
    attributes: heads,
  },
  {
    title: 'looking back only, with what came before',
    op: `${MS}Attention`,
    inputs: [f(2, 3, 8), w(8, 24), w(24), null, f(2, 2, 2, 2, 4)],
    attributes: { ...heads, unidirectional: int(1), scale: float(0.4) },
    outputs: [0, 1],
  },
  {
    title: 'with biases and a mask',
    op: `${MS}MultiHeadAttention`,
    inputs: [f(2, 3, 8), f(2, 4, 8), f(2, 4, 8), w(24), i32([2, 4], [1, 1, 1, 0, 1, 1, 1, 1])],
    attributes: heads,
  },
  {
    title: 'with what came before, a bias of scores, looking back only',
    op: `${MS}MultiHeadAttention`,
    inputs: [f(2, 3, 8), f(2, 3, 8), f(2, 3, 8), null, null, f(1, 2, 3, 5), f(2, 2, 2, 4), f(2, 2, 2, 4)],
    attributes: { ...heads, unidirectional: int(1) },
    outputs: [0, 1, 2],
  },
  {
    title: 'packed',
    op: `${MS}MultiHeadAttention`,
    inputs: [f(2, 3, 2, 3, 4)],
    attributes: heads,
    stays: /packed/,
  },
  ...[0, 1].map((interleaved): Case => ({
    title: `turned, interleaved ${interleaved}`,
    op: `${MS}GroupQueryAttention`,
    inputs: [
      f(2, 3, 64),
      f(2, 3, 32),
      f(2, 3, 32),
      null,
      null,
      i32([2], [2, 2]),
      i32([1], [3]),
      w(8, 8),
      w(8, 8),
    ],
    attributes: {
      num_heads: int(4),
      kv_num_heads: int(2),
      do_rotary: int(1),
      rotary_interleaved: int(interleaved),
    },
    outputs: [0, 1, 2],
  })),
  {
    title: 'of three axes, fewer heads of keys, looking back only',
    op: 'Attention',
    opset: 23,
    inputs: [f(2, 3, 16), f(2, 3, 8), f(2, 3, 8)],
    attributes: { q_num_heads: int(4), kv_num_heads: int(2), is_causal: int(1), scale: float(0.6) },
  },
  {
    title: 'of four axes, with a mask and what came before',
    op: 'Attention',
    opset: 23,
    inputs: [f(2, 2, 3, 4), f(2, 2, 3, 4), f(2, 2, 3, 4), f(3, 5), f(2, 2, 2, 4), f(2, 2, 2, 4)],
    outputs: [0, 1, 2],
  },
  {
    title: 'of flags and a bent scale',
    op: 'Attention',
    opset: 23,
    inputs: [
      f(2, 2, 3, 4),
      f(2, 2, 3, 4),
      f(2, 2, 3, 4),
      { dims: [3, 3], bool: [1, 0, 1, 1, 1, 0, 1, 1, 1] },
    ],
    attributes: { softcap: float(1.5) },
  },
]

function build({ op, inputs, attributes, outputs = [0], opset = 18 }: Case): { model: Model; feeds: Values } {
  const random = seeded(5)
  const model = new Model()
  model.irVersion = 10
  model.importOpset('', opset)
  model.importOpset('com.microsoft', 1)
  const feeds: Values = {}
  const names = inputs.map((given, i) => {
    if (!given) return ''
    const name = `in${i}`
    const { dims, int32, int64, bool } = given
    if (int32) feeds[name] = { dtype: 'int32', dims, data: Int32Array.from(int32) }
    else if (int64) feeds[name] = { dtype: 'int64', dims, data: BigInt64Array.from(int64, BigInt) }
    else if (bool) feeds[name] = { dtype: 'bool', dims, data: Uint8Array.from(bool) }
    else {
      const data = Float32Array.from(
        { length: sizeOf(dims) },
        () => random.normal() * (given.constant ? 0.5 : 1),
      )
      if (given.constant) model.graph.initializers.set(name, Tensor.float32(dims, data))
      else feeds[name] = float32(dims, data)
    }
    const feed = feeds[name]
    if (feed) model.graph.inputs.push({ name, dtype: feed.dtype as 'float32', dims })
    return name
  })
  const [domain, opType] = op.includes(':') ? (op.split(':') as [string, string]) : ['', op]
  const last = Math.max(...outputs)
  const made = Array.from({ length: last + 1 }, (_, i) => (outputs.includes(i) ? `y${i}` : ''))
  model.graph.addNode({ opType, domain, inputs: names, outputs: made, attributes })
  for (const i of outputs)
    model.graph.outputs.push({
      name: `y${i}`,
      ...(opType.startsWith('Embed') && i === 1 ? { dtype: 'int32' } : { dtype: 'float32' }),
    })
  return { model, feeds }
}

describe('operators written out give what ONNX Runtime computes in one', () => {
  test.each(CASES)('$op $title', async (one) => {
    const { model, feeds } = build(one)
    const names = model.graph.outputs.map(({ name }) => name)
    const made = one.stays
      ? names.map((name) => [name, { dtype: 'float32', dims: [] }] as const)
      : await shapesAt(model, names, feeds)
    const known = new Map<string, Known>([...made, ...Object.entries(feeds)])
    const { model: plain, done, left } = unfuse(model, known)
    if (one.stays) {
      expect(left[0]!.reason).toMatch(one.stays)
      expect(plain.graph.nodes).toHaveLength(1)
      return
    }
    expect(left).toEqual([])
    expect([...done.values()]).toEqual([1])
    expect(plain.graph.nodes.every(({ domain, opType }) => domain === '' && opType !== 'Attention')).toBe(
      true,
    )
    const run = (of: Model): Promise<Values> =>
      withSession(of, { optimization: 'disabled' }, (session) => session.run(feeds))
    const [fused, written] = [await run(model), await run(plain)]
    for (const name of names) {
      const [a, b] = [fused[name]!, written[name]!]
      expect(b.dims).toEqual(a.dims)
      const [x, y] = [floatsOf(a), floatsOf(b)]
      const size = Math.max(...x.map(Math.abs))
      x.forEach((value, i) => expect(Math.abs(value - y[i]!) / size, `${name} ${i}`).toBeLessThan(2e-6))
    }
  })

  test('every operator has a case', () => {
    const plain = UNFUSINGS.map(({ op }) => op)
    expect(plain.filter((op) => !CASES.some((one) => one.op === op && !one.stays))).toEqual([])
  })
})
