/** float16 rounding of single numbers. Source: IEEE 754-2019. */
import { fromFloat16, toFloat16 } from '../../onnx/half'

/** Smallest and largest scale that float16 holds with all its bits. */
export const HALF_RANGE = [2 ** -14, 65504] as const

/** The nearest float16; numbers it cannot hold precisely are given back as they are. */
export function toHalf(value: number): number {
  if (value < HALF_RANGE[0] || value > HALF_RANGE[1]) return value
  return fromFloat16(toFloat16([value]))[0]!
}
