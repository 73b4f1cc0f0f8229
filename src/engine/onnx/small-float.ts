/**
 * Floats of at most 8 bits. Sources: arXiv:2209.05433 and arXiv:2206.02915 (float8), OCP Microscaling v1.0
 * (float4e2m1, float8e8m0).
 */
import { bitsOf, type DType } from './dtype'

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

interface Grid {
  /** Finite values without sign, smallest first; their place is their code. */
  values: Float32Array
  nan: number
  /** Added to a code for a negative value; 0 where there are none. */
  sign: number
  negativeZero: boolean
}

const grids = new Map<DType, Grid>()

function gridOf(dtype: DType): Grid {
  let grid = grids.get(dtype)
  if (!grid) {
    const table = smallFloatTable(dtype)
    const signed = dtype !== 'float8e8m0'
    const positive = signed ? table.subarray(0, table.length / 2) : table
    const nan = table.findIndex((value) => Number.isNaN(value))
    grid = {
      values: positive.filter((value) => Number.isFinite(value)),
      nan: Math.max(0, nan),
      sign: signed ? table.length / 2 : 0,
      negativeZero: SMALL[dtype]?.special !== 'uz',
    }
    grids.set(dtype, grid)
  }
  return grid
}

/** Codes of the nearest finite values, ties to the even code; saturates. NaN becomes NaN where there is one. */
export function toSmallFloat(dtype: DType, values: ArrayLike<number>): Uint8Array {
  const grid = gridOf(dtype)
  const out = new Uint8Array(values.length)
  for (let i = 0; i < values.length; i++) out[i] = nearestCode(values[i]!, grid)
  return out
}

function nearestCode(value: number, { values, nan, sign, negativeZero }: Grid): number {
  if (Number.isNaN(value)) return nan
  const negative = value < 0 || Object.is(value, -0)
  const size = negative && sign === 0 ? 0 : Math.abs(value)
  let low = 0
  let high = values.length - 1
  if (size >= values[high]!) low = high
  else {
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (values[middle]! <= size) low = middle
      else high = middle
    }
    const below = size - values[low]!
    const above = values[high]! - size
    if (above < below || (above === below && low % 2 === 1)) low = high
  }
  return low + (negative && (low > 0 || negativeZero) ? sign : 0)
}

export function fromSmallFloat(dtype: DType, codes: Uint8Array | Int8Array): Float32Array {
  const table = smallFloatTable(dtype)
  const out = new Float32Array(codes.length)
  for (let i = 0; i < codes.length; i++) out[i] = table[codes[i]!]!
  return out
}
