/** Element types of ONNX in C99, and their values as literals. Source: ISO/IEC 9899:1999, 6.4.4 and 7.18. */
import type { DType } from '../../onnx'

const C_TYPES: Partial<Record<DType, string>> = {
  float32: 'float',
  float64: 'double',
  int8: 'int8_t',
  uint8: 'uint8_t',
  int16: 'int16_t',
  uint16: 'uint16_t',
  int32: 'int32_t',
  uint32: 'uint32_t',
  int64: 'int64_t',
  uint64: 'uint64_t',
  // 0 or 1: <stdbool.h> is none of the headers that the code asks for.
  bool: 'uint8_t',
}

/** Bytes of an element as it lies in the arena. */
export const elementBytes = (dtype: DType): number =>
  dtype === 'float64' || dtype.endsWith('64') ? 8 : /32$/.test(dtype) ? 4 : /16$/.test(dtype) ? 2 : 1

/** Undefined for what C99 has no type for: halves, text, complex numbers. */
export const cType = (dtype: DType): string | undefined => C_TYPES[dtype]

export const isFloating = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64'
export const isSigned = (dtype: DType): boolean => isFloating(dtype) || dtype.startsWith('int')

/** Digits after which every float32 is told from its neighbours, and up to which no other has the same. C99, 5.2.4.2.2. */
const FLOAT_DIGITS = 9
const SURE_DIGITS = 6

/** Those that float64 holds exactly. */
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent)

/** Fewest digits that give a float32 back: what six hold is written by as many as it has, most weights need eight. */
function shortestFloat(value: number): string {
  const exponent = Math.floor(Math.log10(Math.abs(value)))
  for (let digits = SURE_DIGITS; digits <= FLOAT_DIGITS; digits++) {
    const power = POWERS_OF_TEN[digits - 1 - exponent]
    // The quotient of two exact numbers is the decimal's float64: in less than half the time that its text takes.
    const rounded = power ? Math.round(value * power) / power : Number(value.toPrecision(digits))
    if (Math.fround(rounded) === value) return String(rounded)
  }
  return String(value)
}

function floatLiteral(value: number, isDouble: boolean): string {
  if (Number.isNaN(value)) return 'NAN'
  if (!Number.isFinite(value)) return value > 0 ? 'INFINITY' : '(-INFINITY)'
  const text = Object.is(value, -0) ? '-0' : isDouble ? String(value) : shortestFloat(value)
  const full = /[.e]/.test(text) ? text : `${text}.0`
  const literal = isDouble ? full : `${full}f`
  return value < 0 || Object.is(value, -0) ? `(${literal})` : literal
}

function integerLiteral(value: bigint, dtype: DType): string {
  // The smallest number of a type is no literal: its sign is an operator.
  if (value === -(2n ** 63n)) return '(-INT64_C(9223372036854775807) - 1)'
  if (value === -(2n ** 31n) && dtype === 'int32') return '(-INT32_C(2147483647) - 1)'
  const macro: Partial<Record<DType, string>> = { int64: 'INT64_C', uint64: 'UINT64_C', uint32: 'UINT32_C' }
  const text = macro[dtype]
    ? `${macro[dtype]}(${value < 0n ? -value : value})`
    : String(value < 0n ? -value : value)
  return value < 0n ? `(-${text})` : text
}

/** A value of the type as C writes it. Integers are exact; float32 comes back bit by bit. */
export function literal(dtype: DType, value: number | bigint): string {
  if (isFloating(dtype)) {
    const isDouble = dtype === 'float64'
    return floatLiteral(isDouble ? Number(value) : Math.fround(Number(value)), isDouble)
  }
  return integerLiteral(BigInt(value), dtype)
}

/** `f` behind the name of a function of <math.h> where it is for float. */
export const mathFunction = (dtype: DType, name: string): string => (dtype === 'float64' ? name : `${name}f`)
