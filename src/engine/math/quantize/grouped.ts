/**
 * Weights in blocks along their inputs: rows are output channels, and each block of a row has a scale and a
 * zero point of its own; x ≈ (code − zero) · scale.
 * Sources: ONNX DequantizeLinear (blocked), com.microsoft MatMulNBits; arXiv:2208.07339 (block-wise).
 */
import { usableScale } from './affine'
import { GRIDS, type GridName } from './grids'
import { codeOf, type BlockGrid } from './grids/grid'
import { toHalf } from './half'

export interface GroupShape {
  rows: number
  cols: number
  /** Values that share a scale; the last block of a row may be shorter. */
  block: number
  bits: number
}

export interface GroupedCodes extends GroupShape {
  /** [rows, cols], 0 … 2^bits − 1. */
  codes: Uint8Array
  /** [rows, blocks]. */
  scales: Float32Array
  /** [rows, blocks]; whole numbers, but where a method moves them or lays zero between two codes. */
  zeros: Float32Array
}

export interface GroupOptions {
  method: GridName
  /** The zero point stays in the middle code. */
  symmetric: boolean
  /** Scales are rounded to float16 before codes are chosen, so that they may be stored so. */
  halfScales: boolean
}

export const blocksOf = ({ cols, block }: GroupShape): number => Math.ceil(cols / block)

/** Quantizes rows [rows, cols]. Values must be finite. */
export function quantizeGroups(values: Float32Array, shape: GroupShape, options: GroupOptions): GroupedCodes {
  const out = emptyCodes(shape)
  const blocks = blocksOf(shape)
  for (let r = 0; r < shape.rows; r++)
    for (let b = 0; b < blocks; b++) {
      const from = r * shape.cols + b * shape.block
      const to = Math.min(from + shape.block, (r + 1) * shape.cols)
      const part = values.subarray(from, to)
      const grid = blockGrid(part, shape.bits, options)
      out.scales[r * blocks + b] = grid.scale
      out.zeros[r * blocks + b] = grid.zero
      const top = topCode(shape.bits, options.method)
      for (let i = from; i < to; i++) out.codes[i] = codeOf(values[i]!, grid, top)
    }
  return out
}

export function emptyCodes(shape: GroupShape): GroupedCodes {
  const groups = shape.rows * blocksOf(shape)
  const codes = new Uint8Array(shape.rows * shape.cols)
  return { ...shape, codes, scales: new Float32Array(groups), zeros: new Float32Array(groups) }
}

/** Highest code in use. */
export const topCode = (bits: number, method: GridName): number => GRIDS[method].top ?? 2 ** bits - 1

/** The grid a block's codes are chosen from. */
export function blockGrid(
  part: Float32Array,
  bits: number,
  { method, symmetric, halfScales }: GroupOptions,
): BlockGrid {
  const scaled = (scale: number): number => (halfScales ? toHalf(usableScale(scale)) : usableScale(scale))
  return GRIDS[method].grid(part, { bits, symmetric, scaled })
}

/** The weights codes stand for, [rows, cols]. */
export function dequantizeGroups({ rows, cols, block, codes, scales, zeros }: GroupedCodes): Float32Array {
  const blocks = Math.ceil(cols / block)
  const out = new Float32Array(rows * cols)
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < cols; c++) {
      const group = r * blocks + Math.floor(c / block)
      out[r * cols + c] = (codes[r * cols + c]! - zeros[group]!) * scales[group]!
    }
  return out
}
