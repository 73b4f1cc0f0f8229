/** Every dtype against ONNX Runtime's Cast, IEEE's definition, or all of its codes. */
import { setFloat16 } from '@petamoriken/float16'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf, DTYPES, Model, packedBytes, Tensor, type DType } from '../../../src/engine/onnx'
import {
  decode,
  encode,
  packBits,
  roundHalfEven,
  unpackBits,
  type NumericArray,
} from '../../../src/engine/onnx/numeric'
import { float32, floatsOf, withSession } from '../../../src/engine/runtime'

const list = (values: NumericArray): (number | bigint)[] => [...(values as Iterable<number | bigint>)]

/** What ONNX Runtime's Cast makes of `values` as `dtype`, back in float32. */
async function castThere(dtype: DType, values: Float32Array): Promise<Float32Array> {
  const model = new Model()
  model.opsets.set('', dtype === 'float4e2m1' || dtype === 'float8e8m0' ? 24 : 21)
  model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: [null] }]
  model.graph.outputs = [{ name: 'y', dtype: 'float32', dims: [null] }]
  model.graph.addNode({
    opType: 'Cast',
    inputs: ['x'],
    outputs: ['c'],
    attributes: { to: { int: codeOf(dtype) } },
  })
  model.graph.addNode({
    opType: 'Cast',
    inputs: ['c'],
    outputs: ['y'],
    attributes: { to: { int: codeOf('float32') } },
  })
  return withSession(model, { optimization: 'disabled' }, async (session) =>
    floatsOf((await session.run({ x: float32([values.length], values) })).y!),
  )
}

const AWKWARD = Float32Array.from([
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  2.5,
  -0.5,
  1e-8,
  3e-8,
  5.96e-8,
  6.1e-5,
  6.097e-5,
  65504,
  1e-45,
  0.1,
  0.3,
  447,
  448,
  3.14159,
  240,
  17,
  19,
  0.001953125,
  0.0029296875,
  1 / 3,
  100.25,
  -100.75,
])

describe('floats', () => {
  test.each([
    'float16',
    'bfloat16',
    'float8e4m3fn',
    'float8e4m3fnuz',
    'float8e5m2',
    'float8e5m2fnuz',
  ] as const)('%s rounds as ONNX Runtime does', async (dtype) => {
    const limits: Partial<Record<DType, number>> = { float8e4m3fnuz: 240, float8e4m3fn: 448 }
    const limit = limits[dtype] ?? 65504
    const values = AWKWARD.filter((v) => Math.abs(v) <= limit)
    const bytes = encode(dtype, values)
    expect(list(decode(dtype, bytes, values.length))).toEqual(Array.from(await castThere(dtype, values)))
  })

  test('float16 of any float32 is the nearest, also next to ties and below the normal range', () => {
    const view = new DataView(new ArrayBuffer(2))
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (word) => {
        const value = new Float32Array(Int32Array.of(word).buffer)
        setFloat16(view, 0, value[0]!, true)
        const bytes = encode('float16', value)
        if (Number.isNaN(value[0])) expect(decode('float16', bytes, 1)[0]).toBeNaN()
        else expect(bytes[0]! | (bytes[1]! << 8)).toBe(view.getUint16(0, true))
      }),
      { numRuns: 3000 },
    )
  })

  test.each(['float16', 'bfloat16'] as const)('all codes of %s survive the way there and back', (dtype) => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const values = decode(dtype, new Uint8Array(bits.buffer), 65536) as Float32Array
    const back = new Uint16Array(encode(dtype, values).buffer)
    for (let i = 0; i < bits.length; i++) if (!Number.isNaN(values[i])) expect(back[i]).toBe(i)
  })

  test.each([
    'float8e4m3fn',
    'float8e4m3fnuz',
    'float8e5m2',
    'float8e5m2fnuz',
    'float8e8m0',
    'float4e2m1',
  ] as const)('all codes of %s survive the way there and back', (dtype) => {
    const count = dtype === 'float4e2m1' ? 16 : 256
    const codes = Uint8Array.from({ length: count }, (_, i) => i)
    const bytes = count === 16 ? packBits(codes, 4) : codes
    const values = decode(dtype, bytes, count) as Float32Array
    const back = encode(dtype, values)
    const seen = count === 16 ? unpackBits(back, count, 4, false) : back
    for (let i = 0; i < count; i++) if (Number.isFinite(values[i])) expect(seen[i]).toBe(i)
  })

  test('known values of the small formats', () => {
    expect(list(decode('float4e2m1', packBits([0, 1, 2, 3, 4, 5, 6, 7], 4), 8))).toEqual([
      0, 0.5, 1, 1.5, 2, 3, 4, 6,
    ])
    expect(list(decode('float8e8m0', Uint8Array.of(127, 128, 0), 3))).toEqual([1, 2, Math.fround(2 ** -127)])
    expect(Array.from(encode('float8e4m3fn', [0, -0, 1000, NaN]))).toEqual([0, 0x80, 0x7e, 0x7f])
    expect(Array.from(encode('float8e4m3fnuz', [-0, NaN]))).toEqual([0, 0x80])
  })
})

describe('integers', () => {
  test.each([
    ['int8', -128, 127],
    ['uint8', 0, 255],
    ['int16', -32768, 32767],
    ['uint16', 0, 65535],
    ['int32', -(2 ** 31), 2 ** 31 - 1],
    ['uint32', 0, 2 ** 32 - 1],
    ['int4', -8, 7],
    ['uint4', 0, 15],
    ['int2', -2, 1],
    ['uint2', 0, 3],
    ['bool', 0, 1],
  ] as const)('%s saturates at %d and %d and rounds half to even', (dtype, low, high) => {
    const values = [1e12, -1e12, Infinity, -Infinity, 0.5, -0.5, NaN, 1]
    const seen = list(decode(dtype, encode(dtype, values), values.length)).map(Number)
    expect(seen.map((v) => v + 0)).toEqual([high, low, high, low, 0, 0, 0, 1])
  })

  test.each(['int64', 'uint64'] as const)('%s agrees with BigInt over its range', (dtype) => {
    const values = [
      0,
      1,
      4294967295,
      4294967296,
      2 ** 53,
      2 ** 62,
      ...(dtype === 'int64' ? [-1, -4294967297, -(2 ** 63)] : [2 ** 63]),
    ]
    expect(list(decode(dtype, encode(dtype, values), values.length))).toEqual(values.map(BigInt))
    const edges = decode(dtype, encode(dtype, [Infinity, -Infinity, NaN, 0.5, 1.5, 1e30, -1.5e19]), 7)
    const [high, low] = dtype === 'int64' ? [2n ** 63n - 1n, -(2n ** 63n)] : [2n ** 64n - 1n, 0n]
    expect(list(edges)).toEqual([high, low, 0n, 0n, 2n, high, low])
  })

  test('roundHalfEven', () => {
    expect(
      [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994, 2 ** 52].map((v) => roundHalfEven(v) + 0),
    ).toEqual([0, 2, 2, 0, -2, -2, 0, 2 ** 52])
  })

  test('packing and unpacking are inverse for any count', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 4),
        fc.boolean(),
        fc.array(fc.nat(255), { maxLength: 40 }),
        (bits, signed, raw) => {
          const half = 2 ** (bits - 1)
          const codes = raw.map((v) => (v % 2 ** bits) - (signed ? half : 0))
          expect(
            Array.from(
              unpackBits(packBits(codes, bits as 1 | 2 | 4), codes.length, bits as 1 | 2 | 4, signed),
            ),
          ).toEqual(codes)
        },
      ),
    )
  })
})

test.each(DTYPES.filter((d) => d !== 'string' && !d.startsWith('complex')))(
  '%s: encoded length is the packed length',
  (dtype) => {
    for (const count of [0, 1, 3, 5]) {
      const tensor = Tensor.of(dtype, [count], new Array<number>(count).fill(1))
      expect(tensor.byteLength).toBe(packedBytes(dtype, count))
      expect(tensor.numbers()).toEqual(new Array<number>(count).fill(1))
    }
  },
)
