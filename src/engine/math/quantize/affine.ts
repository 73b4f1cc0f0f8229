/**
 * Affine integer quantization: x ≈ (code − zeroPoint) · scale.
 * Sources: ONNX QuantizeLinear / DequantizeLinear; arXiv:1712.05877 (Jacob et al.); arXiv:2004.09602 (Wu et al.).
 */
import { roundHalfEven } from '../../onnx'

/** What integers a tensor is stored in. */
export interface IntegerType {
  bits: number
  signed: boolean
  /** The zero point lies in the middle, and codes are mirrored around it. */
  symmetric: boolean
}

export interface Affine {
  /** A float32 number, greater than zero. */
  scale: number
  zeroPoint: number
  /** Smallest and largest code in use. */
  low: number
  high: number
}

/** Below this a scale would lose bits as a subnormal float32 once multiplied with another. */
const SMALLEST_SCALE = 2 ** -60

/** Codes a type can hold; a symmetric signed type leaves out its lowest one so that −x and x are both exact. */
export function codeRange({ bits, signed, symmetric }: IntegerType): readonly [number, number] {
  if (!signed) return [0, 2 ** bits - 1]
  const half = 2 ** (bits - 1)
  return [symmetric && bits > 1 ? 1 - half : -half, half - 1]
}

/**
 * Scale and zero point for values in [min, max]. The range is widened to hold zero, which is then exact
 * (padding and Relu rely on that). A range of zero width, as of a constant-zero tensor, gives scale 1.
 */
export function affineOf(min: number, max: number, type: IntegerType): Affine {
  const [low, high] = codeRange(type)
  const from = Math.min(0, min)
  const to = Math.max(0, max)
  if (type.symmetric) {
    const zeroPoint = type.signed ? 0 : 2 ** (type.bits - 1)
    const scale = usableScale(Math.max(-from, to) / (high - zeroPoint))
    return { scale, zeroPoint, low, high }
  }
  const scale = usableScale((to - from) / (high - low))
  const zeroPoint = Math.min(high, Math.max(low, roundHalfEven(low - from / scale)))
  return { scale, zeroPoint, low, high }
}

/** A positive float32; 1 for an empty range. */
export function usableScale(scale: number): number {
  if (!(scale > 0)) return 1
  return Math.fround(Math.min(3e38, Math.max(SMALLEST_SCALE, scale)))
}

export function quantize(value: number, { scale, zeroPoint, low, high }: Affine): number {
  // The division is done in float32, as the operator does it: a double would round ties differently.
  const code = roundHalfEven(Math.fround(value / scale)) + zeroPoint
  return code < low ? low : code > high ? high : code
}
