/**
 * Element values of every numeric ONNX dtype to and from plain numbers.
 * Source: onnx.proto3 (packing and byte order of TensorProto.raw_data).
 */
import { packBits, unpackBits } from './bits'
import type { DType } from './dtype'
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './half'
import { fromSmallFloat, toSmallFloat } from './small-float'

export { packBits, unpackBits }

/** A typed array over a copy of `bytes` when they are not aligned for it. */
function aligned<T>(
  bytes: Uint8Array,
  type: { new (buffer: ArrayBufferLike, offset: number, length: number): T; BYTES_PER_ELEMENT: number },
): T {
  const source = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice()
  return new type(source.buffer, source.byteOffset, Math.floor(source.byteLength / type.BYTES_PER_ELEMENT))
}

export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

type ArrayType = {
  new (buffer: ArrayBufferLike, offset?: number, length?: number): NumericArray
  BYTES_PER_ELEMENT: number
}

/** Arrays whose elements lie as in a file; halves are their bits. */
export const ELEMENT_ARRAYS: Partial<Record<DType, ArrayType>> = {
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
}

/** Elements in their own width where JavaScript has one; narrower ones unpacked; small floats decoded. */
export function decode(dtype: DType, bytes: Uint8Array, count: number): NumericArray {
  switch (dtype) {
    case 'complex64':
      return aligned(bytes, Float32Array)
    case 'complex128':
      return aligned(bytes, Float64Array)
    case 'float16':
      return fromFloat16(aligned(bytes, Uint16Array))
    case 'bfloat16':
      return fromBfloat16(aligned(bytes, Uint16Array))
    case 'uint4':
      return unpackBits(bytes, count, 4, false)
    case 'int4':
      return unpackBits(bytes, count, 4, true)
    case 'uint2':
      return unpackBits(bytes, count, 2, false)
    case 'int2':
      return unpackBits(bytes, count, 2, true)
    case 'float4e2m1':
      return fromSmallFloat(dtype, unpackBits(bytes, count, 4, false))
    case 'string':
      throw new TypeError('a string tensor has no numbers')
    default: {
      const type = ELEMENT_ARRAYS[dtype]
      return type ? aligned(bytes, type) : fromSmallFloat(dtype, bytes)
    }
  }
}

const LIMITS: Partial<Record<DType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  bool: [0, 1],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int4: [-8, 7],
  uint4: [0, 15],
  int2: [-2, 1],
  uint2: [0, 3],
}

/** Smallest and largest value of an integer dtype of at most 32 bits. Throws TypeError for others. */
export function integerRange(dtype: DType): readonly [number, number] {
  const limits = LIMITS[dtype]
  if (!limits) throw new TypeError(`${dtype} has no integer range`)
  return limits
}

/** Round half to even, as QuantizeLinear does. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value)
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

type IntegerArray = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array

/** Rounds half to even and saturates; NaN becomes 0. */
function roundInto<T extends IntegerArray>(out: T, dtype: DType, values: ArrayLike<number>): T {
  const [low, high] = integerRange(dtype)
  for (let i = 0; i < out.length; i++) {
    const value = values[i]!
    out[i] = value <= low ? low : value >= high ? high : roundHalfEven(value)
  }
  return out
}

/** 64-bit integers from their halves: a BigInt for each element would be thirty times slower. */
function roundTo64(values: ArrayLike<number>, low: number, high: number): Uint8Array {
  const words = new Int32Array(values.length * 2)
  for (let i = 0; i < values.length; i++) {
    const value = Math.max(low, Math.abs(values[i]!) < 2 ** 52 ? roundHalfEven(values[i]!) : values[i]!)
    const upper = Math.floor(value / 2 ** 32)
    words[i * 2] = value >= high ? -1 : value - upper * 2 ** 32
    words[i * 2 + 1] = value >= high ? high / 2 ** 32 - 1 : upper
  }
  return bytesOf(words)
}

const bytesOf = (array: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number }): Uint8Array =>
  new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength)

/** Packed little-endian bytes of numbers; integers are rounded half to even and saturated. Always a copy. */
export function encode(dtype: DType, values: ArrayLike<number>): Uint8Array {
  const count = values.length
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return bytesOf(Float32Array.from(values))
    case 'float64':
    case 'complex128':
      return bytesOf(Float64Array.from(values))
    case 'float16':
      return bytesOf(toFloat16(values))
    case 'bfloat16':
      return bytesOf(toBfloat16(values))
    case 'int64':
      return roundTo64(values, -(2 ** 63), 2 ** 63)
    case 'uint64':
      return roundTo64(values, 0, 2 ** 64)
    case 'int8':
      return bytesOf(roundInto(new Int8Array(count), dtype, values))
    case 'uint8':
    case 'bool':
      return roundInto(new Uint8Array(count), dtype, values)
    case 'int16':
      return bytesOf(roundInto(new Int16Array(count), dtype, values))
    case 'uint16':
      return bytesOf(roundInto(new Uint16Array(count), dtype, values))
    case 'int32':
      return bytesOf(roundInto(new Int32Array(count), dtype, values))
    case 'uint32':
      return bytesOf(roundInto(new Uint32Array(count), dtype, values))
    case 'int4':
    case 'uint4':
      return packBits(roundInto(new Int8Array(count), dtype, values), 4)
    case 'int2':
    case 'uint2':
      return packBits(roundInto(new Int8Array(count), dtype, values), 2)
    case 'string':
      throw new TypeError('a string tensor has no numbers')
    case 'float4e2m1':
      return packBits(toSmallFloat(dtype, values), 4)
    default:
      return toSmallFloat(dtype, values)
  }
}
