/**
 * Codes of 1, 2, 3, 4 or 8 bits as bytes, a block of a row behind the other; first code in the low bits.
 * 3 bits lie as a plane of two bits and a plane of one, so that plain operators can take them apart.
 * Source: com.microsoft MatMulNBits (layout of B: [N, blocks, bytes of a block]).
 */
import { packBits } from '../../onnx'
import { blocksOf, type GroupedCodes, type GroupShape } from './grouped'

export type PlaneBits = 1 | 2 | 4 | 8

/** Bits of each plane codes are stored in, low plane first: 3 = 2 + 1, 5 = 4 + 1, 7 = 4 + 2 + 1. */
export function planesOf(bits: number): PlaneBits[] {
  return ([8, 4, 2, 1] as const).filter((plane) => (bits & plane) !== 0)
}

interface PackedPlane {
  bits: PlaneBits
  /** [rows, blocks, bytesPerBlock]. */
  bytes: Uint8Array
  bytesPerBlock: number
}

/** Blocks are filled up with zeros to whole bytes of every plane. */
export function packPlanes(grouped: GroupShape & { codes: Uint8Array }): PackedPlane[] {
  const { rows, cols, codes, bits } = grouped
  const blocks = blocksOf(grouped)
  const block = paddedBlock(grouped.block, bits)
  const filled = new Uint8Array(rows * blocks * block)
  for (let r = 0; r < rows; r++)
    for (let b = 0; b < blocks; b++) {
      const from = r * cols + b * grouped.block
      const to = Math.min(from + grouped.block, (r + 1) * cols)
      filled.set(codes.subarray(from, to), (r * blocks + b) * block)
    }
  let shift = 0
  return planesOf(bits).map((plane) => {
    const part =
      shift === 0 && plane === bits ? filled : filled.map((code) => (code >> shift) & (2 ** plane - 1))
    shift += plane
    return {
      bits: plane,
      bytes: plane === 8 ? part : packBits(part, plane),
      bytesPerBlock: (block * plane) / 8,
    }
  })
}

/** Values of a block once it fills whole bytes. */
export const paddedBlock = (block: number, bits: number): number => {
  const values = 8 / Math.min(...planesOf(bits))
  return Math.ceil(block / values) * values
}

/** Whole-number zero points of each row, packed like codes: [rows, ⌈blocks · bits / 8⌉]. */
export function packZeros({ rows, zeros, ...shape }: GroupedCodes, bits: PlaneBits): Uint8Array {
  const blocks = blocksOf({ rows, ...shape })
  if (bits === 8) return Uint8Array.from(zeros)
  const perRow = Math.ceil((blocks * bits) / 8)
  const out = new Uint8Array(rows * perRow)
  for (let r = 0; r < rows; r++)
    out.set(packBits(zeros.subarray(r * blocks, (r + 1) * blocks), bits), r * perRow)
  return out
}

/** The codes a byte holds: [256, codes of a byte]. */
export function byteTable(bits: PlaneBits): Uint8Array {
  const perByte = 8 / bits
  const mask = 2 ** bits - 1
  return Uint8Array.from(
    { length: 256 * perByte },
    (_, i) => (Math.floor(i / perByte) >> ((i % perByte) * bits)) & mask,
  )
}
