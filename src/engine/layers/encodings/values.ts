/** What codes stand for. */
import { blocksOf, dequantizeGroups } from '../../math/quantize/grouped'
import { HALF_RANGE } from '../../math/quantize/half'
import type { WeightCodes } from './encoding'

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

/** Scales that float16 holds with all its bits are stored as halves. */
export const fitsHalf = (scales: Float32Array): boolean =>
  scales.every((scale) => scale >= HALF_RANGE[0] && scale <= HALF_RANGE[1])

export const scaleBytes = (scales: Float32Array): number => (fitsHalf(scales) ? 2 : 4) * scales.length
