/** Codes for the weights of one layer, by any of the methods. */
import { IN_THREAD, type Pool } from '../../math/pool'
import { inputScaling } from '../../math/quantize/awq'
import { gptq, withDrift } from '../../math/quantize/gptq'
import {
  dequantizeGroups,
  emptyCodes,
  quantizeGroups,
  type GroupedCodes,
  type GroupShape,
} from '../../math/quantize/grouped'
import { GRID_NAMES, GRIDS, isGrid, type GridName } from '../../math/quantize/grids'
import { HALF_SCALES } from '../../math/quantize/low-bit'
import { sqnr } from '../../math/quantize/sqnr'
import { ownMethods } from '../../layers/encodings'
import type { WeightCodes } from '../../layers/encodings/values'
import { fitsPackedProduct } from '../../layers/encodings/matmul-nbits'
import { valuesOf } from '../../layers/encodings/values'
import { NumericalFailure } from '../../math/numerical-failure'
import { matmul } from '../../runtime'
import type { Layer } from '../../layers/layer'
import type { Looked } from '../../layers/statistics/drift'

/** Ways of choosing codes that take any number of bits. */
export const WIDE_METHODS: readonly string[] = [
  'gptq',
  'awq',
  'kmeans',
  ...GRID_NAMES.filter((name) => !GRIDS[name].bits),
]

/** Ways of choosing codes; some encodings bring their own. */
export const methods = (): string[] => [...new Set([...WIDE_METHODS, ...GRID_NAMES, ...ownMethods().keys()])]

/** What declared methods do, as help says it. */
export const methodWords = (): string =>
  [...GRID_NAMES.map((name) => [name, GRIDS[name]] as const), ...ownMethods()]
    .map(([name, { words }]) => `"${name}" ${words}`)
    .join('; ')

export interface LowBitOptions {
  bits: number
  /** One of `methods`. */
  method: string
  /** Values that share a scale; 0 for a scale per row. */
  block: number
  symmetric: boolean
  codebook: 'tensor' | 'channel'
  /** One of `storages`. */
  storage: string
  by: string
}

export interface LowBit extends WeightCodes {
  /** Inputs are divided by it before the product. */
  inputScale?: Float32Array
  /** Decibel of the weights over their rounding. */
  weightSqnr: number
  /** How it was done in the end. */
  method: string
}

/** Bits that a method takes whatever was asked for. */
export const bitsOf = ({ method, bits }: Pick<LowBitOptions, 'method' | 'bits'>): number =>
  (isGrid(method) ? GRIDS[method].bits : ownMethods().get(method)?.bits) ?? bits

const DAMPING = 0.01

/**
 * Blocks no longer than the row, and the row itself where a block would hardly divide it. MatMulNBits wants a
 * power of two from 16 up.
 */
function blockFor(cols: number, block: number, powerOfTwo: boolean): number {
  if (!powerOfTwo) return block === 0 || cols <= block * 1.5 ? cols : block
  return cols > block ? block : Math.max(16, 2 ** Math.ceil(Math.log2(cols)))
}

/** GPTQ and AWQ with Hessians work in this thread, where ONNX Runtime is; all else in one of `pool`. */
export async function quantizeLayer(
  layer: Layer,
  options: LowBitOptions,
  looked: readonly Looked[] | undefined,
  pool: Pool = IN_THREAD,
): Promise<LowBit> {
  const values = layer.rows(options.by)
  const { rows, cols } = layer.geometry
  const bits = bitsOf(options)
  const packed = options.storage !== 'plain' && fitsPackedProduct(layer, bits, options.block)
  const shape: GroupShape = { rows, cols, block: blockFor(cols, options.block, packed), bits }
  const own = ownMethods().get(options.method)
  if (own) {
    const codes = own.quantize(values, shape)
    return { ...codes, weightSqnr: sqnr(values, valuesOf(codes)), method: options.method }
  }
  const base = { symmetric: options.symmetric, halfScales: HALF_SCALES }
  const groupMethod = gridMethod(options)
  if (options.method === 'awq' && looked && layer.kind === 'matrix') {
    const found = await inputScaling(matmul, values, shape, looked[0]!.xx, { ...base, method: groupMethod })
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
  if (options.method === 'gptq' && looked !== undefined) {
    const grouped = await byGroups(values, shape, looked, groupMethod, base)
    if (grouped) {
      const weightSqnr = sqnr(values, dequantizeGroups(grouped))
      return { ...shape, codes: grouped.codes, grouped, weightSqnr, method: 'gptq' }
    }
  }
  const { symmetric, codebook } = options
  const method = options.method === 'kmeans' ? 'kmeans' : groupMethod
  return pool.run('low-bit', { values, shape, method, symmetric, codebook })
}

/** How the grid of a block is found; one bit is always the sign times a scale. */
function gridMethod({ method, bits }: LowBitOptions): GridName {
  if (isGrid(method) && GRIDS[method].bits) return method
  if (bits === 1) return 'binary'
  return isGrid(method) ? method : 'mse'
}

/** As `spreadErrors`; undefined where what the layer reads overflows: no Hessian tells then which weights count. */
async function byGroups(...about: Parameters<typeof spreadErrors>): Promise<GroupedCodes | undefined> {
  try {
    return await spreadErrors(...about)
  } catch (thrown) {
    if (thrown instanceof NumericalFailure) return undefined
    throw thrown
  }
}

/** Each group of a convolution has inputs, and so a Hessian, of its own. Throws NumericalFailure where one is not finite. */
async function spreadErrors(
  values: Float32Array,
  shape: GroupShape,
  looked: readonly Looked[],
  method: GridName,
  base: { symmetric: boolean; halfScales: boolean },
): Promise<GroupedCodes> {
  const options = { ...base, method, damping: DAMPING, sweeps: 2 }
  const out = emptyCodes(shape)
  const rows = shape.rows / looked.length
  const blocks = out.scales.length / shape.rows
  for (const [g, sums] of looked.entries()) {
    const from = g * rows
    const own = values.subarray(from * shape.cols, (from + rows) * shape.cols)
    const wanted = 'drift' in sums ? await withDrift(matmul, own, sums, DAMPING) : own
    const part = await gptq(matmul, wanted, { ...shape, rows }, sums.xx, options)
    out.codes.set(part.codes, from * shape.cols)
    out.scales.set(part.scales, from * blocks)
    out.zeros.set(part.zeros, from * blocks)
  }
  return out
}
