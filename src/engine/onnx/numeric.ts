/**
 * Element values of every numeric ONNX dtype to and from plain numbers.
 * Sources: onnx.proto3 (packing), IEEE 754 (float16, bfloat16), arXiv:2209.05433 and arXiv:2206.02915 (float8),
 * OCP Microscaling v1.0 (float4e2m1, float8e8m0).
 */
import { getFloat16, setFloat16 } from '@petamoriken/float16'
import { bitsOf, packedBytes, type DType } from './dtype'

interface SmallFloat {
  exponentBits: number
  mantissaBits: number
  bias: number
  /** 'ieee': top exponent is inf/NaN; 'fn': only all ones is NaN; 'uz': 0x80 is NaN, no negative zero; 'none'. */
  special: 'ieee' | 'fn' | 'uz' | 'none'
}

const SMALL: Partial<Record<DType, SmallFloat>> = {
  float8e4m3fn: { exponentBits: 4, mantissaBits: 3, bias: 7, special: 'fn' },
  float8e4m3fnuz: { exponentBits: 4, mantissaBits: 3, bias: 8, special: 'uz' },
  float8e5m2: { exponentBits: 5, mantissaBits: 2, bias: 15, special: 'ieee' },
  float8e5m2fnuz: { exponentBits: 5, mantissaBits: 2, bias: 16, special: 'uz' },
  float4e2m1: { exponentBits: 2, mantissaBits: 1, bias: 1, special: 'none' },
}

function smallFloatValue(code: number, format: SmallFloat): number {
  const { exponentBits, mantissaBits, bias, special } = format
  const sign = code >> (exponentBits + mantissaBits) ? -1 : 1
  const exponent = (code >> mantissaBits) & ((1 << exponentBits) - 1)
  const mantissa = code & ((1 << mantissaBits) - 1)
  const top = exponent === (1 << exponentBits) - 1
  if (special === 'uz' && sign < 0 && exponent === 0 && mantissa === 0) return NaN
  if (special === 'ieee' && top) return mantissa === 0 ? sign * Infinity : NaN
  if (special === 'fn' && top && mantissa === (1 << mantissaBits) - 1) return NaN
  const fraction = mantissa / (1 << mantissaBits)
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias)
}

const tables = new Map<DType, Float32Array>()

/** All values of a float of at most 8 bits, by code. */
function smallFloatTable(dtype: DType): Float32Array {
  let table = tables.get(dtype)
  if (!table) {
    const codes = 2 ** bitsOf(dtype)
    table = Float32Array.from({ length: codes }, (_, code) =>
      dtype === 'float8e8m0'
        ? code === 255
          ? NaN
          : 2 ** (code - 127)
        : smallFloatValue(code, SMALL[dtype]!),
    )
    tables.set(dtype, table)
  }
  return table
}

/** Code of the nearest finite value, ties to the even code; saturates. */
function nearestCode(value: number, table: Float32Array): number {
  let best = 0
  let distance = Infinity
  for (let code = 0; code < table.length; code++) {
    const candidate = table[code]!
    if (Number.isNaN(value) && Number.isNaN(candidate)) return code
    if (!Number.isFinite(candidate)) continue
    const d = Math.abs(candidate - value)
    if (d < distance || (d === distance && code % 2 === 0)) {
      best = code
      distance = d
    }
  }
  return best
}

/** Codes of elements narrower than a byte, first element in the low bits; sign-extended when `signed`. */
export function unpackBits(bytes: Uint8Array, count: number, bits: 1 | 2 | 4, signed: boolean): Int8Array {
  const out = new Int8Array(count)
  const perByte = 8 / bits
  const mask = (1 << bits) - 1
  const half = 1 << (bits - 1)
  for (let i = 0; i < count; i++) {
    const code = (bytes[Math.floor(i / perByte)]! >> ((i % perByte) * bits)) & mask
    out[i] = signed && code >= half ? code - 2 * half : code
  }
  return out
}

export function packBits(codes: ArrayLike<number>, bits: 1 | 2 | 4): Uint8Array {
  const perByte = 8 / bits
  const mask = (1 << bits) - 1
  const out = new Uint8Array(Math.ceil(codes.length / perByte))
  for (let i = 0; i < codes.length; i++) {
    out[Math.floor(i / perByte)]! |= (codes[i]! & mask) << ((i % perByte) * bits)
  }
  return out
}

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

/** Elements in their own width where JavaScript has one; narrower ones unpacked; small floats decoded. */
export function decode(dtype: DType, bytes: Uint8Array, count: number): NumericArray {
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return aligned(bytes, Float32Array)
    case 'float64':
    case 'complex128':
      return aligned(bytes, Float64Array)
    case 'int8':
      return aligned(bytes, Int8Array)
    case 'uint8':
    case 'bool':
      return bytes
    case 'int16':
      return aligned(bytes, Int16Array)
    case 'uint16':
      return aligned(bytes, Uint16Array)
    case 'int32':
      return aligned(bytes, Int32Array)
    case 'uint32':
      return aligned(bytes, Uint32Array)
    case 'int64':
      return aligned(bytes, BigInt64Array)
    case 'uint64':
      return aligned(bytes, BigUint64Array)
    case 'float16': {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      return Float32Array.from({ length: count }, (_, i) => getFloat16(view, i * 2, true))
    }
    case 'bfloat16': {
      const halves = aligned(bytes, Uint16Array)
      return new Float32Array(Uint32Array.from(halves, (h) => h << 16).buffer)
    }
    case 'uint4':
      return unpackBits(bytes, count, 4, false)
    case 'int4':
      return unpackBits(bytes, count, 4, true)
    case 'uint2':
      return unpackBits(bytes, count, 2, false)
    case 'int2':
      return unpackBits(bytes, count, 2, true)
    case 'float4e2m1': {
      const table = smallFloatTable(dtype)
      return Float32Array.from(unpackBits(bytes, count, 4, false), (code) => table[code]!)
    }
    case 'string':
      throw new TypeError('a string tensor has no numbers')
    default: {
      const table = smallFloatTable(dtype)
      return Float32Array.from(bytes, (code) => table[code]!)
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

function roundToInteger(dtype: DType, values: ArrayLike<number>): number[] {
  const [low, high] = integerRange(dtype)
  return Array.from(values, (v) => Math.min(high, Math.max(low, roundHalfEven(v))))
}

const bytesOf = (array: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number }): Uint8Array =>
  new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength)

/** bfloat16 bits of a float32, rounded half to even; NaN stays NaN. */
function toBfloat16(values: ArrayLike<number>): Uint16Array {
  const bits = new Uint32Array(Float32Array.from(values).buffer)
  return Uint16Array.from(bits, (b, i) =>
    Number.isNaN(values[i]) ? 0x7fc0 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16,
  )
}

/** Packed little-endian bytes of numbers; integers are rounded half to even and saturated. */
export function encode(dtype: DType, values: ArrayLike<number>): Uint8Array {
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return bytesOf(Float32Array.from(values))
    case 'float64':
    case 'complex128':
      return bytesOf(Float64Array.from(values))
    case 'float16': {
      const view = new DataView(new ArrayBuffer(packedBytes(dtype, values.length)))
      for (let i = 0; i < values.length; i++) setFloat16(view, i * 2, values[i]!, true)
      return bytesOf(view)
    }
    case 'bfloat16':
      return bytesOf(toBfloat16(values))
    case 'int64':
      return bytesOf(BigInt64Array.from(Array.from(values, (v) => BigInt(Math.round(v)))))
    case 'uint64':
      return bytesOf(BigUint64Array.from(Array.from(values, (v) => BigInt(Math.round(v)))))
    case 'int8':
    case 'uint8':
    case 'bool':
      return bytesOf(Uint8Array.from(roundToInteger(dtype, values)))
    case 'int16':
    case 'uint16':
      return bytesOf(Uint16Array.from(roundToInteger(dtype, values)))
    case 'int32':
    case 'uint32':
      return bytesOf(Uint32Array.from(roundToInteger(dtype, values)))
    case 'int4':
    case 'uint4':
      return packBits(roundToInteger(dtype, values), 4)
    case 'int2':
    case 'uint2':
      return packBits(roundToInteger(dtype, values), 2)
    case 'string':
      throw new TypeError('a string tensor has no numbers')
    default: {
      const table = smallFloatTable(dtype)
      const codes = Array.from(values, (v) => nearestCode(v, table))
      return dtype === 'float4e2m1' ? packBits(codes, 4) : Uint8Array.from(codes)
    }
  }
}
