import { expect, test } from 'vitest'
import { applyAffine, castData, convertRows, fitRows, pixelFit } from '../../../src/engine/data/convert'
import { Model, Tensor, type DType } from '../../../src/engine/onnx'
import { withSession } from '../../../src/engine/runtime'
import { float32, int64, type Value } from '../../../src/engine/runtime/value'

const RAW = [
  0, -0, 0.5, 1.5, 2.5, -0.5, -1.5, 126.5, 127.5, 128, 254.5, 255.5, 256, -127.5, -128.5, -129, 1e9,
]

const PLAIN = { scale: 1, mean: [0], std: [1] }

/** ONNX Runtime's QuantizeLinear with scale 1 and zero point 0. */
async function quantized(dtype: 'int8' | 'uint8'): Promise<number[]> {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: [RAW.length] }]
  model.graph.outputs = [{ name: 'y', dtype, dims: [RAW.length] }]
  model.graph.initializers.set('scale', Tensor.float32([], [1]))
  model.graph.initializers.set('zero', Tensor.of(dtype, [], [0]))
  model.graph.addNode({ opType: 'QuantizeLinear', inputs: ['x', 'scale', 'zero'], outputs: ['y'] })
  return withSession(model, {}, async (session) => {
    const { y } = await session.run({ x: float32([RAW.length], Float32Array.from(RAW)) })
    return Array.from(y!.data as Int8Array)
  })
}

test.each(['int8', 'uint8'] as const)(
  'numbers become %s as ONNX Runtime rounds and saturates',
  async (dtype) => {
    const found = castData(float32([RAW.length], Float32Array.from(RAW)), dtype)
    expect(Array.from(found as Int8Array)).toEqual(await quantized(dtype))
  },
)

test.each<[DType, unknown]>([
  ['float64', Float64Array.of(1, -2, 250)],
  ['int64', BigInt64Array.of(1n, -2n, 250n)],
  ['int32', Int32Array.of(1, -2, 250)],
  ['int16', Int16Array.of(1, -2, 250)],
  // 1 = 0x3c00, −2 = 0xc000, 250 = 1.953125 · 2⁷.
  ['float16', Uint16Array.of(0x3c00, 0xc000, 0x5bd0)],
  // The upper half of float32.
  ['bfloat16', Uint16Array.of(0x3f80, 0xc000, 0x437a)],
  ['uint64', BigUint64Array.of(1n, 0n, 250n)],
  ['uint32', Uint32Array.of(1, 0, 250)],
  ['uint16', Uint16Array.of(1, 0, 250)],
])('whole numbers as %s', (dtype, expected) => {
  const values: Value = { dtype: 'int32', dims: [3], data: Int32Array.of(1, -2, 250) }
  expect(castData(values, dtype)).toEqual(expected)
})

test('integers beyond the 24 digits of a float stay exact, and text is refused', () => {
  const ids = [2 ** 24 + 1, 2 ** 31 - 1]
  expect(castData({ dtype: 'int64', dims: [2], data: BigInt64Array.from(ids, BigInt) }, 'int32')).toEqual(
    Int32Array.from(ids),
  )
  expect(castData({ dtype: 'uint64', dims: [2], data: BigUint64Array.from(ids, BigInt) }, 'int64')).toEqual(
    BigInt64Array.from(ids, BigInt),
  )
  expect(castData({ dtype: 'int32', dims: [2], data: Int32Array.from(ids) }, 'uint32')).toEqual(
    Uint32Array.from(ids),
  )
  const whole: Value = { dtype: 'float64', dims: [1], data: Float64Array.of(2 ** 40 + 1) }
  expect(castData(whole, 'int64')).toEqual(BigInt64Array.of(2n ** 40n + 1n))
  expect(() => castData({ dtype: 'string', dims: [1], data: ['a'] }, 'float32')).toThrow(
    expect.objectContaining({ code: 'data/shape-mismatch' }) as Error,
  )
})

test.each<[number[], (number | string | null)[], number[] | undefined]>([
  [[3], [3], [3]],
  [[], [], []],
  [[3], ['n'], [3]],
  [[6], [2, 3], [2, 3]],
  [[6], [2, 'n'], [2, 3]],
  [[7], [2, 'n'], undefined],
  [[6], ['a', 'b'], undefined],
  [[6], [7], undefined],
  [[], [1], [1]],
  [[1], [], []],
  [
    [4, 5, 3],
    [3, 4, 5],
    [3, 4, 5],
  ],
  [
    [3, 4, 5],
    [4, 5, 3],
    [4, 5, 3],
  ],
])('rows of %j for a model of %j are %j', (have, want, dims) => {
  expect(fitRows(have, want)?.dims).toEqual(dims)
})

test('a picture with its channels last is the same picture with its channels first, and back', () => {
  const [height, width, channels] = [2, 4, 3]
  const value = (y: number, x: number, c: number): number => 100 * y + 10 * x + c
  const last = Array.from({ length: 24 }, (_, i) => value(Math.floor(i / 12), Math.floor(i / 3) % 4, i % 3))
  const first = Array.from({ length: 24 }, (_, i) => value(Math.floor((i % 8) / 4), i % 4, Math.floor(i / 8)))
  const plain = { scale: 1, mean: [0], std: [1] }
  // Two samples: the second must not take rows of the first.
  const twice = (values: number[]): Float32Array => Float32Array.from([...values, ...values.map((v) => -v)])
  const toFirst = fitRows([height, width, channels], [channels, height, width])!
  const toLast = fitRows([channels, height, width], [height, width, channels])!
  const moved = convertRows(float32([2, 2, 4, 3], twice(last)), toFirst, 'float32', plain)
  expect(moved).toEqual(float32([2, 3, 2, 4], twice(first)))
  expect(convertRows(moved, toLast, 'float32', plain)).toEqual(float32([2, 2, 4, 3], twice(last)))
})

const applied = (dims: number[], affine: Parameters<typeof applyAffine>[2]): number[] => {
  const data = Float32Array.from({ length: 12 }, (_, i) => i)
  applyAffine(data, dims, affine)
  return Array.from(data)
}

test('scale, mean and deviation belong to all, to the first axis, to the last, or to each element', () => {
  const one = Array.from({ length: 12 }, (_, i) => (i * 2 - 1) / 4)
  expect(applied([12], { scale: 2, mean: [1], std: [4] })).toEqual(one)
  expect(applied([2, 3], { scale: 1, mean: [0, 10], std: [1] })).toEqual([
    0, 1, 2, -7, -6, -5, 6, 7, 8, -1, 0, 1,
  ])
  expect(applied([2, 3], { scale: 1, mean: [0], std: [1, 2, 4] })).toEqual([
    0, 0.5, 0.5, 3, 2, 1.25, 6, 3.5, 2, 9, 5, 2.75,
  ])
  expect(applied([2, 3], { scale: 1, mean: [0, 1, 2, 3, 4, 5], std: [1] })).toEqual([
    0, 0, 0, 0, 0, 0, 6, 6, 6, 6, 6, 6,
  ])
  expect(() => applied([2, 3], { scale: 1, mean: [1, 2, 3, 4], std: [1] })).toThrow(
    expect.objectContaining({ code: 'data/shape-mismatch' }) as Error,
  )
})

test('what is fed as integers is scaled before it is rounded', () => {
  const fit = fitRows([2], [2])!
  const rows = convertRows(int64([1, 2], [10, 25]), fit, 'int32', { scale: 0.1, mean: [0], std: [1] })
  expect(rows).toEqual({ dtype: 'int32', dims: [1, 2], data: Int32Array.of(1, 2) })
})

test('steps and channels that lie the other way round are turned, in two axes and in one', () => {
  const rows = float32([1, 6], Float32Array.of(0, 1, 2, 3, 4, 5))
  // Three steps of two channels.
  const fit = fitRows([3, 2], [2, 3])!
  expect(Array.from(convertRows(rows, fit, 'float32', PLAIN).data as Float32Array)).toEqual([
    0, 2, 4, 1, 3, 5,
  ])
  expect(fit.axes).toEqual([1, 0])
  const flat = fitRows([6], [2, 3])!
  expect(pixelFit([6], flat, { stored: 'chw' }).order).toBeUndefined()
  const turned = pixelFit([6], flat, { stored: 'hwc' })
  expect(Array.from(turned.order!)).toEqual([0, 2, 4, 1, 3, 5])
  expect(turned).toMatchObject({ stored: [3, 2], axes: [1, 0] })
  expect(Array.from(pixelFit([6], fitRows([6], [3, 2])!, { stored: 'chw' }).order!)).toEqual([
    0, 3, 1, 4, 2, 5,
  ])
  // Any number of channels, where it is they that fit.
  expect(fitRows([4, 4, 7], [7, 4, 4])?.axes).toEqual([2, 0, 1])
})
