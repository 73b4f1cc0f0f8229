/** float16 rounding of single numbers. Source: IEEE 754-2019. */

/** Smallest and largest scale that float16 holds with all its bits. */
export const HALF_RANGE = [2 ** -14, 65504] as const

const single = new Float32Array(1)
const bits = new Uint32Array(single.buffer)

/** The float16 nearest to a float32, ties to even; numbers it cannot hold precisely are given back as they are. */
export function toHalf(value: number): number {
  const size = Math.abs(value)
  if (size < HALF_RANGE[0] || size > HALF_RANGE[1]) return value
  single[0] = value
  // The lower 13 of a float32's 23 bits of fraction go.
  bits[0] = (bits[0]! + 0xfff + ((bits[0]! >>> 13) & 1)) & ~0x1fff
  return single[0]
}
