/** float16 and bfloat16 in bulk. Source: IEEE 754; bfloat16 is the upper half of a float32. */
import { getFloat16, setFloat16 } from '@petamoriken/float16'

let halves: Float32Array | undefined

/** All 65,536 values by their bits. */
function halfTable(): Float32Array {
  if (halves) return halves
  const view = new DataView(new ArrayBuffer(2))
  halves = new Float32Array(2 ** 16)
  for (let bits = 0; bits < halves.length; bits++) {
    view.setUint16(0, bits)
    halves[bits] = getFloat16(view, 0)
  }
  return halves
}

export function fromFloat16(bits: Uint16Array): Float32Array {
  const table = halfTable()
  const out = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]!]!
  return out
}

/** Bits of the nearest float16, ties to even; beyond 65,519.99 is infinity. */
export function toFloat16(values: ArrayLike<number>): Uint16Array {
  const out = new Uint16Array(values.length)
  if (values instanceof Float32Array) roundSingles(values, out)
  else {
    // A double is not rounded to float32 on the way: rounding twice may miss the nearest.
    const view = new DataView(out.buffer)
    for (let i = 0; i < values.length; i++) setFloat16(view, i * 2, values[i]!, true)
  }
  return out
}

const SMALLEST_NORMAL = 0x38800000
const TOO_LARGE = 0x47800000
const INFINITE = 0x7f800000

function roundSingles(values: Float32Array, out: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const single = new Float32Array(1)
  const bits = new Uint32Array(single.buffer)
  for (let i = 0; i < out.length; i++) {
    const word = words[i]!
    const sign = (word >>> 16) & 0x8000
    const size = word & 0x7fffffff
    if (size >= TOO_LARGE) out[i] = sign | (size > INFINITE ? 0x7e00 : 0x7c00)
    else if (size >= SMALLEST_NORMAL)
      out[i] = sign | ((size + 0xfff + ((size >>> 13) & 1) - 0x38000000) >>> 13)
    else {
      // Next to 0.5 a float32 counts in steps of 2⁻²⁴, as a float16 does below its normal range.
      single[0] = Math.abs(values[i]!) + 0.5
      out[i] = sign | (bits[0]! - 0x3f000000)
    }
  }
}

export function fromBfloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16
  return new Float32Array(words.buffer)
}

/** Bits of the nearest bfloat16 of the float32 of each value, ties to even; NaN stays NaN. */
export function toBfloat16(values: ArrayLike<number>): Uint16Array {
  const singles = values instanceof Float32Array ? values : Float32Array.from(values)
  const words = new Uint32Array(singles.buffer, singles.byteOffset, singles.length)
  const out = new Uint16Array(singles.length)
  for (let i = 0; i < out.length; i++) {
    const word = words[i]!
    out[i] = (word & 0x7fffffff) > INFINITE ? 0x7fc0 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
  }
  return out
}
