/** Every dtype in every field that may hold it, as onnx.proto3 states; what ONNX Runtime can load must agree. */
import { describe, expect, test } from 'vitest'
import { codeOf, decodeModel, DTYPES, encodeModel, type DType } from '../../../src/engine/onnx'
import { ort } from '../../../src/engine/runtime/ort'
import { bytes, fixed32, int, model, packed, port, tensor, text } from './build'

const asBytes = (array: { buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(array.buffer)

interface Row {
  dtype: DType
  field:
    'raw_data' | 'float_data' | 'int32_data' | 'int64_data' | 'double_data' | 'uint64_data' | 'string_data'
  data: number[]
  dims: number[]
  values: (number | bigint | string)[]
}

const FLOAT = 4
const INT32 = 5
const STRING = 6
const INT64 = 7
const RAW = 9
const DOUBLE = 10
const UINT64 = 11

const ROWS: readonly Row[] = [
  {
    dtype: 'float32',
    field: 'float_data',
    dims: [2],
    data: bytes(FLOAT, asBytes(Float32Array.of(1.5, -2))),
    values: [1.5, -2],
  },
  {
    dtype: 'float32',
    field: 'float_data',
    dims: [2],
    data: [...fixed32(FLOAT, 1.5), ...fixed32(FLOAT, -2)],
    values: [1.5, -2],
  },
  {
    dtype: 'complex64',
    field: 'float_data',
    dims: [1],
    data: bytes(FLOAT, asBytes(Float32Array.of(1.5, -2))),
    values: [1.5, -2],
  },
  {
    dtype: 'float64',
    field: 'double_data',
    dims: [2],
    data: bytes(DOUBLE, asBytes(Float64Array.of(0.1, -2))),
    values: [0.1, -2],
  },
  {
    dtype: 'complex128',
    field: 'double_data',
    dims: [1],
    data: bytes(DOUBLE, asBytes(Float64Array.of(0.1, -2))),
    values: [0.1, -2],
  },
  {
    dtype: 'int64',
    field: 'int64_data',
    dims: [3],
    data: packed(INT64, [1, -1, 2n ** 62n]),
    values: [1n, -1n, 2n ** 62n],
  },
  {
    dtype: 'int64',
    field: 'int64_data',
    dims: [2],
    data: [...int(INT64, 7), ...int(INT64, -7)],
    values: [7n, -7n],
  },
  {
    dtype: 'uint64',
    field: 'uint64_data',
    dims: [2],
    data: packed(UINT64, [1, 2n ** 63n]),
    values: [1n, 2n ** 63n],
  },
  {
    dtype: 'uint32',
    field: 'uint64_data',
    dims: [2],
    data: packed(UINT64, [1, 4294967295]),
    values: [1, 4294967295],
  },
  {
    dtype: 'int32',
    field: 'int32_data',
    dims: [3],
    data: packed(INT32, [1, -1, 2147483647]),
    values: [1, -1, 2147483647],
  },
  { dtype: 'int16', field: 'int32_data', dims: [2], data: packed(INT32, [-300, 300]), values: [-300, 300] },
  { dtype: 'uint16', field: 'int32_data', dims: [2], data: packed(INT32, [1, 65535]), values: [1, 65535] },
  { dtype: 'int8', field: 'int32_data', dims: [2], data: packed(INT32, [-128, 127]), values: [-128, 127] },
  { dtype: 'uint8', field: 'int32_data', dims: [2], data: packed(INT32, [0, 255]), values: [0, 255] },
  { dtype: 'bool', field: 'int32_data', dims: [3], data: packed(INT32, [1, 0, 1]), values: [1, 0, 1] },
  {
    dtype: 'float16',
    field: 'int32_data',
    dims: [2],
    data: packed(INT32, [0x3c00, 0xc000]),
    values: [1, -2],
  },
  {
    dtype: 'bfloat16',
    field: 'int32_data',
    dims: [2],
    data: packed(INT32, [0x3f80, 0xc000]),
    values: [1, -2],
  },
  {
    dtype: 'float8e4m3fn',
    field: 'int32_data',
    dims: [2],
    data: packed(INT32, [0x38, 0xc0]),
    values: [1, -2],
  },
  { dtype: 'float8e5m2', field: 'int32_data', dims: [2], data: packed(INT32, [0x3c, 0xc0]), values: [1, -2] },
  {
    dtype: 'float8e4m3fnuz',
    field: 'int32_data',
    dims: [2],
    data: packed(INT32, [0x40, 0xc8]),
    values: [1, -2],
  },
  {
    dtype: 'float8e5m2fnuz',
    field: 'int32_data',
    dims: [2],
    data: packed(INT32, [0x40, 0xc4]),
    values: [1, -2],
  },
  { dtype: 'float8e8m0', field: 'int32_data', dims: [2], data: packed(INT32, [127, 129]), values: [1, 4] },
  { dtype: 'int4', field: 'int32_data', dims: [3], data: packed(INT32, [0xf8, 0x07]), values: [-8, -1, 7] },
  { dtype: 'uint4', field: 'int32_data', dims: [3], data: packed(INT32, [0xf8, 0x07]), values: [8, 15, 7] },
  { dtype: 'float4e2m1', field: 'int32_data', dims: [2], data: packed(INT32, [0xc2]), values: [1, -2] },
  {
    dtype: 'int2',
    field: 'int32_data',
    dims: [5],
    data: packed(INT32, [0b11100100, 1]),
    values: [0, 1, -2, -1, 1],
  },
  {
    dtype: 'uint2',
    field: 'int32_data',
    dims: [5],
    data: packed(INT32, [0b11100100, 1]),
    values: [0, 1, 2, 3, 1],
  },
  {
    dtype: 'string',
    field: 'string_data',
    dims: [2],
    data: [...text(STRING, 'α'), ...text(STRING, '')],
    values: ['α', ''],
  },
  {
    dtype: 'float32',
    field: 'raw_data',
    dims: [2],
    data: bytes(RAW, asBytes(Float32Array.of(1.5, -2))),
    values: [1.5, -2],
  },
  {
    dtype: 'float64',
    field: 'raw_data',
    dims: [1],
    data: bytes(RAW, asBytes(Float64Array.of(0.1))),
    values: [0.1],
  },
  {
    dtype: 'int64',
    field: 'raw_data',
    dims: [2],
    data: bytes(RAW, asBytes(BigInt64Array.of(5n, -5n))),
    values: [5n, -5n],
  },
  { dtype: 'int8', field: 'raw_data', dims: [2], data: bytes(RAW, [0x80, 0x7f]), values: [-128, 127] },
  { dtype: 'bool', field: 'raw_data', dims: [2], data: bytes(RAW, [1, 0]), values: [1, 0] },
  { dtype: 'float16', field: 'raw_data', dims: [2], data: bytes(RAW, [0, 0x3c, 0, 0xc0]), values: [1, -2] },
  {
    dtype: 'bfloat16',
    field: 'raw_data',
    dims: [2],
    data: bytes(RAW, [0x80, 0x3f, 0, 0xc0]),
    values: [1, -2],
  },
  { dtype: 'int4', field: 'raw_data', dims: [3], data: bytes(RAW, [0xf8, 0x07]), values: [-8, -1, 7] },
  { dtype: 'uint4', field: 'raw_data', dims: [3], data: bytes(RAW, [0xf8, 0x07]), values: [8, 15, 7] },
  {
    dtype: 'int2',
    field: 'raw_data',
    dims: [5],
    data: bytes(RAW, [0b11100100, 1]),
    values: [0, 1, -2, -1, 1],
  },
  { dtype: 'uint16', field: 'raw_data', dims: [1], data: bytes(RAW, [0xff, 0xff]), values: [65535] },
  { dtype: 'float32', field: 'raw_data', dims: [0], data: bytes(RAW, []), values: [] },
  { dtype: 'int64', field: 'int64_data', dims: [0, 3], data: [], values: [] },
]

const graphOf = ({ dtype, dims, data }: Row): number[] => [
  ...bytes(1, [...text(1, 'w'), ...text(2, 'y'), ...text(4, 'Identity')]),
  ...text(2, 'g'),
  ...bytes(5, tensor('w', codeOf(dtype), dims, data)),
  ...bytes(12, port('y', codeOf(dtype), dims)),
]

const valuesOf = (source: Uint8Array): unknown[] => {
  const w = decodeModel(source).graph.initializers.get('w')!
  return w.dtype === 'string' ? [...w.strings()] : [...(w.values() as Iterable<number | bigint>)]
}

describe('tensors', () => {
  test('the table has every dtype', () => {
    expect(new Set(ROWS.map(({ dtype }) => dtype))).toEqual(new Set(DTYPES))
  })

  test.each(ROWS)('$dtype in $field $dims', (row) => {
    const source = model(graphOf(row))
    expect(valuesOf(source)).toEqual(row.values)
    expect(valuesOf(encodeModel(decodeModel(source)))).toEqual(row.values)
  })

  const LOADABLE: readonly DType[] = [
    'float32',
    'float64',
    'int64',
    'uint64',
    'uint32',
    'int32',
    'int16',
    'uint16',
    'int8',
    'uint8',
    'bool',
    'string',
  ]
  test.each(ROWS.filter(({ dtype }) => LOADABLE.includes(dtype)))(
    'ONNX Runtime sees the same: $dtype in $field $dims',
    async (row) => {
      const source = model(graphOf(row))
      for (const version of [source, encodeModel(decodeModel(source))]) {
        const session = await ort.InferenceSession.create(version, {
          graphOptimizationLevel: 'disabled',
          logSeverityLevel: 4,
        })
        const { y } = await session.run({})
        await session.release()
        expect(y!.dims).toEqual(row.dims)
        expect(Array.from(y!.data as ArrayLike<unknown>)).toEqual(row.values)
      }
    },
  )

  test.each<[string, number[]]>([
    ['raw data of another length', tensor('w', 1, [3], bytes(RAW, [0, 0]))],
    ['too few typed elements', tensor('w', 7, [3], packed(INT64, [1]))],
    ['a shape of billions over nothing', tensor('w', 1, [2 ** 40], [])],
    ['a shape beyond counting', tensor('w', 1, [2 ** 40, 2 ** 40], [])],
    ['a negative dimension', tensor('w', 1, [-1], bytes(RAW, []))],
    ['an unknown element type', tensor('w', 99, [1], bytes(RAW, [0]))],
  ])('%s is refused', (_, initializer) => {
    expect(() => decodeModel(model(bytes(5, initializer)))).toThrow(
      expect.objectContaining({ code: 'model/not-onnx' }),
    )
  })
})
