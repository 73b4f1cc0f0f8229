/** Codes of weights and what they stand for. */
import { blocksOf, dequantizeGroups, type GroupedCodes, type GroupShape } from '../../math/quantize/grouped'
import type { ChannelCodes } from '../../math/quantize/channels'
import { HALF_RANGE } from '../../math/quantize/half'

/** Codes of a weight [rows, cols], and what they stand for: one of the three. */
export interface WeightCodes extends GroupShape {
  /** [rows, cols], 0 … 2^bits − 1. */
  codes: Uint8Array
  /** (code − zero) · scale, by blocks. */
  grouped?: GroupedCodes
  /** One list of values, or one a row. */
  codebook?: Float32Array
  /** levels[code] · scale, by blocks; scales are float32 [rows, blocks]. */
  scaled?: { levels: Float32Array; scales: Float32Array }
}

/** The weights [rows, cols]. */
export function valuesOf(weight: WeightCodes): Float32Array {
  const { rows, cols, block, bits, codes, grouped, codebook, scaled } = weight
  if (grouped) return dequantizeGroups(grouped)
  if (codebook) {
    const perRow = codebook.length > 2 ** bits ? 2 ** bits : 0
    return Float32Array.from(codes, (code, i) => codebook[Math.floor(i / cols) * perRow + code]!)
  }
  const { levels, scales } = scaled!
  const blocks = blocksOf(weight)
  const out = new Float32Array(rows * cols)
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < cols; c++)
      out[r * cols + c] = levels[codes[r * cols + c]!]! * scales[r * blocks + Math.floor(c / block)]!
  return out
}

/** Bytes of codes of so many bits. */
export const codeBytes = ({ rows, cols, bits }: WeightCodes): number => Math.ceil((rows * cols * bits) / 8)

/** Bytes of int8 codes as DequantizeLinear and integer operators read them: scales are float32, zero points int8. */
export const channelBytes = ({ codes, scales, zeroPoints }: ChannelCodes): number =>
  codes.length + 4 * scales.length + zeroPoints.length

/** Fewer halves than this save less than the Cast behind them takes. */
const LEAST_HALVES = 64

/** Scales that float16 holds with all its bits are stored as halves, where there are enough of them. */
export const storedAsHalves = (scales: Float32Array): boolean =>
  scales.length >= LEAST_HALVES && scales.every((scale) => scale >= HALF_RANGE[0] && scale <= HALF_RANGE[1])

export const scaleBytes = (scales: Float32Array): number => (storedAsHalves(scales) ? 2 : 4) * scales.length
