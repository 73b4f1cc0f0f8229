/** What codes stand for, held against what ONNX Runtime makes of them. */
import { expect, test } from 'vitest'
import { codeOperator } from '../../../../src/engine/layers/encodings'
import { restoredInput } from '../../../../src/engine/layers/encodings/restore'
import { Model, Tensor, type AttributeInput, type Node } from '../../../../src/engine/onnx'
import { floatsOf, withSession, type Value } from '../../../../src/engine/runtime'

const ints = (count: number, below: number): number[] =>
  Array.from({ length: count }, (_, i) => (i * 7 + Math.floor(i / 3)) % below)
const scales = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => 0.5 + (i % 5) / 8)

interface Coded {
  op: string
  domain?: string
  /** In the order of the inputs; empty for what is left out or computed. */
  inputs: (Tensor | undefined)[]
  attributes?: Record<string, AttributeInput>
}

function modelOf({ op, domain = '', inputs, attributes = {} }: Coded): { model: Model; node: Node } {
  const model = new Model()
  model.irVersion = 10
  model.opsets.set('', 21)
  model.opsets.set('com.microsoft', 1)
  const names = inputs.map((tensor, i) => (tensor ? model.graph.addInitializer(`c${i}`, tensor) : ''))
  model.graph.outputs = [{ name: 'y' }]
  const node = model.graph.addNode({ opType: op, domain, inputs: names, outputs: ['y'], attributes })
  return { model, node }
}

async function restored(coded: Coded, slot: number): Promise<number[] | undefined> {
  const { model, node } = modelOf(coded)
  const isConstant = (value: string): boolean => model.graph.initializers.has(value)
  const pieces = await restoredInput(model, node, slot, { operator: codeOperator(node)!, isConstant })
  return pieces && [...pieces].flatMap((piece) => [...piece])
}

/** The operator's answer, fed by its first input where that is left out. */
async function answered(coded: Coded, input: number, fed: Value): Promise<number[]> {
  const { model, node } = modelOf(coded)
  model.graph.inputs = [{ name: 'x', dtype: fed.dtype, dims: fed.dims }]
  node.inputs[input] = 'x'
  return withSession(model, { optimization: 'disabled' }, async (session) => [
    ...floatsOf((await session.run({ x: fed }))['y']!),
  ])
}

const K = 20
const identity: Value = {
  dtype: 'float32',
  dims: [K, K],
  data: Float32Array.from({ length: K * K }, (_, i) => (i % (K + 1) === 0 ? 1 : 0)),
}
const turned = (values: readonly number[], rows: number): number[] =>
  values.map((_, i) => values[(i % rows) * (values.length / rows) + Math.floor(i / rows)]!)

const bytes = (dims: number[]): Tensor =>
  Tensor.fromBytes(
    'uint8',
    dims,
    Uint8Array.from(
      ints(
        dims.reduce((a, b) => a * b, 1),
        251,
      ),
    ),
  )

test.each<[string, number, Tensor | undefined]>([
  ['4 bits', 4, undefined],
  ['4 bits, packed zero points', 4, bytes([3, 1])],
  ['4 bits, fractions as zero points', 4, Tensor.float32([3, 2], scales(6))],
  ['8 bits, zero points', 8, bytes([3, 2])],
])('MatMulNBits: %s', async (_, bits, zeros) => {
  const coded: Coded = {
    op: 'MatMulNBits',
    domain: 'com.microsoft',
    inputs: [undefined, bytes([3, 2, 2 * bits]), Tensor.float32([3, 2], scales(6)), zeros],
    attributes: { K: { int: K }, N: { int: 3 }, bits: { int: bits }, block_size: { int: 16 } },
  }
  const got = turned((await restored(coded, 1))!, 3)
  const expected = await answered(coded, 0, identity)
  expect(got).toHaveLength(3 * K)
  for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 5)
})

test('MatMulBnb4 of normal floats; others are not told', async () => {
  const coded = (type: number): Coded => ({
    op: 'MatMulBnb4',
    domain: 'com.microsoft',
    inputs: [undefined, bytes([(4 * K) / 2]), Tensor.float32([5], scales(5))],
    attributes: { K: { int: K }, N: { int: 4 }, block_size: { int: 16 }, quant_type: { int: type } },
  })
  const got = turned((await restored(coded(1), 1))!, 4)
  const expected = await answered(coded(1), 0, identity)
  for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 5)
  expect(await restored(coded(0), 1)).toBeUndefined()
})

test.each([
  ['without', undefined],
  ['with', bytes([5, 1])],
])('GatherBlockQuantized of bytes, %s zero points', async (_, zeros) => {
  const coded: Coded = {
    op: 'GatherBlockQuantized',
    domain: 'com.microsoft',
    inputs: [bytes([5, 16]), undefined, Tensor.float32([5, 2], scales(10)), zeros],
    attributes: { bits: { int: 4 }, block_size: { int: 16 } },
  }
  const ids: Value = { dtype: 'int64', dims: [5], data: BigInt64Array.of(0n, 1n, 2n, 3n, 4n) }
  expect(await restored(coded, 0)).toEqual(await answered(coded, 1, ids))
})

test.each<[string, Coded, number, number, number]>([
  ['QLinearConv by output channel', { op: 'QLinearConv', inputs: [] }, 3, 4, 0],
  ['QLinearMatMul by column', { op: 'QLinearMatMul', inputs: [] }, 3, 4, 2],
  [
    'QGemm by row',
    { op: 'QGemm', domain: 'com.microsoft', inputs: [], attributes: { transB: { int: 1 } } },
    3,
    4,
    0,
  ],
  ['QAttention by column', { op: 'QAttention', domain: 'com.microsoft', inputs: [] }, 1, 4, 2],
])('%s is what DequantizeLinear makes of it', async (_, coded, slot, scale, axis) => {
  const dims = [3, 4, 5]
  const codes = Tensor.of('int8', dims, ints(60, 100))
  const count = dims[axis]!
  const [by, zeros] = [Tensor.float32([count], scales(count)), Tensor.of('int8', [count], ints(count, 9))]
  const inputs = Array.from({ length: 8 }, (): Tensor | undefined => undefined)
  inputs[slot] = codes
  inputs[scale] = by
  inputs[slot === 1 ? 7 : 5] = zeros
  const plain: Coded = {
    op: 'DequantizeLinear',
    inputs: [undefined, by, zeros],
    attributes: { axis: { int: axis } },
  }
  const value: Value = { dtype: 'int8', dims, data: Int8Array.from(ints(60, 100)) }
  expect(await restored({ ...coded, inputs }, slot)).toEqual(await answered(plain, 0, value))
})

test('a scale for each direction and gate, or for each direction', async () => {
  const codes = Tensor.of('int8', [2, 2, 3], ints(12, 50))
  const values = ints(12, 50)
  const lstm = (by: Tensor): Coded => ({
    op: 'DynamicQuantizeLSTM',
    domain: 'com.microsoft',
    inputs: [undefined, codes, undefined, undefined, undefined, undefined, undefined, undefined, by],
  })
  const [gates, directions] = [scales(6), scales(2)]
  expect(await restored(lstm(Tensor.float32([2, 3], gates)), 1)).toEqual(
    values.map((v, i) => v * gates[Math.floor(i / 6) * 3 + (i % 3)]!),
  )
  expect(await restored(lstm(Tensor.float32([2], directions)), 1)).toEqual(
    values.map((v, i) => v * directions[Math.floor(i / 6)]!),
  )
})
