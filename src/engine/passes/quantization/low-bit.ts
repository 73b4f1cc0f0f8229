/** Codes for the weights of one layer, by any of the methods. */
import type { Double } from '../../math/cholesky'
import { inputScaling } from '../../math/quantize/awq'
import { gptq } from '../../math/quantize/gptq'
import {
  dequantizeGroups,
  emptyCodes,
  quantizeGroups,
  type GroupedCodes,
  type GroupMethod,
  type GroupShape,
} from '../../math/quantize/grouped'
import { sharedValues } from '../../math/quantize/kmeans'
import { transposed } from '../../math/quantize/rows'
import { sqnr } from '../../math/quantize/sqnr'
import { finiteWeights, type WeightedLayer } from './layers'
import { fitsMatMulNBits, rowShape, type Storage } from './readers'

export const METHODS = ['gptq', 'awq', 'hqq', 'mse', 'rtn', 'kmeans', 'ternary', 'binary'] as const
export type Method = (typeof METHODS)[number]

export interface LowBitOptions {
  bits: number
  method: Method
  /** Values that share a scale; 0 for a scale per row. */
  block: number
  symmetric: boolean
  codebook: 'tensor' | 'channel'
  storage: Storage
  by: string
}

export interface LowBit extends GroupShape {
  codes: Uint8Array
  /** Scales and zero points, or … */
  grouped?: GroupedCodes
  /** … the values codes stand for: one list, or one a row. */
  codebook?: Float32Array
  /** Inputs are divided by it before the product. */
  inputScale?: Float32Array
  weightSqnr: number
  /** How it was done in the end. */
  method: Method
}

/** Scales are stored as float16: half the bytes, and rounded before the codes are chosen. */
const HALF_SCALES = true
const DAMPING = 0.01

/** The layer's weights as rows of output channels. */
export function rowsOf(layer: WeightedLayer, by: string): Float32Array {
  const values = finiteWeights(layer.weight, layer.tensor, by)
  const { rows, cols, turned } = rowShape(layer)
  return turned ? transposed(values, cols, rows) : values
}

/**
 * Blocks no longer than the row, and the row itself where a block would hardly divide it. MatMulNBits wants a
 * power of two from 16 up.
 */
export function blockFor(cols: number, block: number, powerOfTwo: boolean): number {
  if (!powerOfTwo) return block === 0 || cols <= block * 1.5 ? cols : block
  return cols > block ? block : Math.max(16, 2 ** Math.ceil(Math.log2(cols)))
}

export async function quantizeLayer(
  layer: WeightedLayer,
  options: LowBitOptions,
  hessians: readonly Double[] | undefined,
): Promise<LowBit> {
  const values = rowsOf(layer, options.by)
  const { rows, cols } = rowShape(layer)
  if (options.method === 'kmeans') return codebookOf(values, rows, cols, options)
  const bits = options.method === 'ternary' ? 2 : options.bits
  const packed = options.storage !== 'plain' && fitsMatMulNBits(layer, bits, options.block)
  const shape: GroupShape = { rows, cols, block: blockFor(cols, options.block, packed), bits }
  const base = { symmetric: options.symmetric, halfScales: HALF_SCALES }
  const groupMethod = gridMethod(options)
  if (options.method === 'awq' && hessians && layer.node.is('MatMul', 'Gemm')) {
    const found = await inputScaling(values, shape, hessians[0]!, { ...base, method: groupMethod })
    if (found) {
      const { scale } = found
      const grouped = quantizeGroups(
        values.map((w, i) => w * scale[i % cols]!),
        shape,
        { ...base, method: groupMethod },
      )
      const restored = dequantizeGroups(grouped).map((w, i) => w / scale[i % cols]!)
      return {
        ...shape,
        codes: grouped.codes,
        grouped,
        inputScale: scale,
        weightSqnr: sqnr(values, restored),
        method: 'awq',
      }
    }
  }
  const compensated = options.method === 'gptq' && hessians !== undefined
  const grouped = compensated
    ? await byGroups(values, shape, hessians, groupMethod, base)
    : quantizeGroups(values, shape, { ...base, method: groupMethod })
  const method = compensated ? 'gptq' : groupMethod
  return {
    ...shape,
    codes: grouped.codes,
    grouped,
    weightSqnr: sqnr(values, dequantizeGroups(grouped)),
    method,
  }
}

/** How the grid of a block is found; one bit is always the sign times a scale. */
function gridMethod({ method, bits }: LowBitOptions): GroupMethod {
  if (method === 'ternary') return 'ternary'
  if (method === 'binary' || bits === 1) return 'binary'
  return method === 'hqq' || method === 'rtn' ? method : 'mse'
}

/** Each group of a convolution has inputs, and so a Hessian, of its own. */
async function byGroups(
  values: Float32Array,
  shape: GroupShape,
  hessians: readonly Double[],
  method: GroupMethod,
  base: { symmetric: boolean; halfScales: boolean },
): Promise<GroupedCodes> {
  const options = { ...base, method, damping: DAMPING, sweeps: 2 }
  if (hessians.length === 1) return gptq(values, shape, hessians[0]!, options)
  const out = emptyCodes(shape)
  const rows = shape.rows / hessians.length
  const blocks = out.scales.length / shape.rows
  for (const [g, hessian] of hessians.entries()) {
    const from = g * rows
    const part = await gptq(
      values.subarray(from * shape.cols, (from + rows) * shape.cols),
      { ...shape, rows },
      hessian,
      options,
    )
    out.codes.set(part.codes, from * shape.cols)
    out.scales.set(part.scales, from * blocks)
    out.zeros.set(part.zeros, from * blocks)
  }
  return out
}

function codebookOf(values: Float32Array, rows: number, cols: number, options: LowBitOptions): LowBit {
  const size = 2 ** options.bits
  const shape = { rows, cols, block: cols, bits: options.bits }
  if (options.codebook === 'tensor') {
    const { centroids, codes } = sharedValues(values, size, { keepZeros: false })
    const restored = Float32Array.from(codes, (code) => centroids[code]!)
    return {
      ...shape,
      codes,
      codebook: filled(centroids, size),
      weightSqnr: sqnr(values, restored),
      method: 'kmeans',
    }
  }
  const codes = new Uint8Array(values.length)
  const books = new Float32Array(rows * size)
  const restored = new Float32Array(values.length)
  for (let r = 0; r < rows; r++) {
    const row = sharedValues(values.subarray(r * cols, (r + 1) * cols), size, { keepZeros: false })
    codes.set(row.codes, r * cols)
    books.set(filled(row.centroids, size), r * size)
    for (let c = 0; c < cols; c++) restored[r * cols + c] = row.centroids[row.codes[c]!]!
  }
  return { ...shape, codes, codebook: books, weightSqnr: sqnr(values, restored), method: 'kmeans' }
}

function filled(centroids: Float32Array, size: number): Float32Array {
  const out = new Float32Array(size)
  out.set(centroids)
  return out
}
