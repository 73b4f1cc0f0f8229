/**
 * Weights in blocks along their inputs: rows are output channels, and each block of a row has a scale and a
 * zero point of its own; x ≈ (code − zero) · scale.
 * Sources: ONNX DequantizeLinear (blocked), com.microsoft MatMulNBits; arXiv:2208.07339 (block-wise);
 * HQQ: Badri & Shaji, "Half-Quadratic Quantization of Large Machine Learning Models" (2023).
 */
import { usableScale } from './affine'
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
  /** [rows, blocks]; whole numbers, but for 'hqq', and for 'binary', whose zero lies between its two codes. */
  zeros: Float32Array
}

export const GROUP_METHODS = ['rtn', 'mse', 'hqq', 'ternary', 'binary'] as const
export type GroupMethod = (typeof GROUP_METHODS)[number]

export interface GroupOptions {
  method: GroupMethod
  /** The zero point stays in the middle code. */
  symmetric: boolean
  /** Scales are rounded to float16 before codes are chosen, so that they may be stored so. */
  halfScales: boolean
}

/** Scale and zero of one block. */
export interface BlockGrid {
  scale: number
  zero: number
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

/** Highest code in use: ternary leaves the fourth of its two bits unused. */
export const topCode = (bits: number, method: GroupMethod): number =>
  method === 'ternary' ? 2 : 2 ** bits - 1

export function codeOf(value: number, { scale, zero }: BlockGrid, top: number): number {
  // Between two codes (zero ½) the sign decides.
  const code = Math.round(value / scale + zero)
  return code < 0 ? 0 : code > top ? top : code
}

export const valueOf = (code: number, { scale, zero }: BlockGrid): number => (code - zero) * scale

/** The grid a block's codes are chosen from. */
export function blockGrid(part: Float32Array, bits: number, options: GroupOptions): BlockGrid {
  const scaled = (scale: number): number =>
    options.halfScales ? toHalf(usableScale(scale)) : usableScale(scale)
  switch (options.method) {
    case 'binary':
      return { scale: scaled(2 * meanMagnitude(part)), zero: 0.5 }
    case 'ternary':
      return { scale: scaled(ternaryScale(part)), zero: 1 }
    case 'rtn':
      return rangeGrid(rangeOf(part), bits, 1, options.symmetric, scaled)
    case 'mse':
      return leastSquaresGrid(part, bits, options.symmetric, scaled)
    case 'hqq':
      return halfQuadraticGrid(part, bits, options.symmetric, scaled)
  }
}

function rangeOf(part: Float32Array): [min: number, max: number] {
  let [min, max] = [0, 0]
  for (let i = 0; i < part.length; i++) {
    const v = part[i]!
    if (v < min) min = v
    else if (v > max) max = v
  }
  return [min, max]
}

/** The grid over a share of the range. */
function rangeGrid(
  [min, max]: readonly [number, number],
  bits: number,
  share: number,
  symmetric: boolean,
  scaled: (s: number) => number,
): BlockGrid {
  const top = 2 ** bits - 1
  if (symmetric) {
    const middle = 2 ** (bits - 1)
    // The longer side gets the code more that two's complement has, where one scale's sign is free to choose.
    return { scale: scaled((Math.max(-min, max) * share) / (middle - 0.5)), zero: middle }
  }
  const scale = scaled(((max - min) * share) / top)
  return { scale, zero: Math.min(top, Math.max(0, Math.round((-min * share) / scale))) }
}

/** Given up once it is above `limit`. Written out in scalars: it is where rounding spends its time. */
function squaredError(part: Float32Array, scale: number, zero: number, top: number, limit: number): number {
  const inverse = 1 / scale
  const shift = zero + 0.5
  let error = 0
  for (let i = 0; i < part.length && error < limit; i++) {
    const x = part[i]!
    const at = x * inverse + shift
    const code = at <= 0 ? 0 : at >= top ? top : at | 0
    const d = x - (code - zero) * scale
    error += d * d
  }
  return error
}

/** The clipped range of least squared error, and around it the zero points next to its own. */
function leastSquaresGrid(
  part: Float32Array,
  bits: number,
  symmetric: boolean,
  scaled: (s: number) => number,
): BlockGrid {
  const top = 2 ** bits - 1
  const range = rangeOf(part)
  let best = rangeGrid(range, bits, 1, symmetric, scaled)
  let least = squaredError(part, best.scale, best.zero, top, Infinity)
  const steps = bits >= 8 ? 10 : 24
  const lowest = bits >= 4 ? 0.6 : bits === 3 ? 0.45 : 0.25
  for (let step = 1; step <= steps; step++) {
    const share = 1 - (step * (1 - lowest)) / steps
    const { scale, zero: middle } = rangeGrid(range, bits, share, symmetric, scaled)
    for (const shift of symmetric ? ALONE : AROUND) {
      const zero = middle + shift
      if (zero < 0 || zero > top) continue
      const error = squaredError(part, scale, zero, top, least)
      if (error < least) {
        least = error
        best = { scale, zero }
      }
    }
  }
  return best
}

const ALONE = [0]
const AROUND = [0, -1, 1]

/** Norm of the errors, rounds and strength of the coupling, as the authors' own code has them. */
const HQQ = { norm: 0.7, rounds: 20, beta: 10, growth: 1.01 }

/**
 * Half-quadratic splitting: minimises Σ|x − x̂|^0.7, which forgives the few large errors, by turns over the
 * errors (a shrinkage) and the zero point (a mean), in units of the scale. The zero point is a fraction: rounded, it
 * would be back at a least-squares one.
 */
function halfQuadraticGrid(
  part: Float32Array,
  bits: number,
  symmetric: boolean,
  scaled: (s: number) => number,
): BlockGrid {
  const top = 2 ** bits - 1
  const grid = leastSquaresGrid(part, bits, symmetric, scaled)
  if (symmetric) return grid
  const { scale } = grid
  let zero = toHalf(grid.zero)
  let beta = HQQ.beta
  let best = { zero, cost: powerCost(part, scale, zero, top) }
  for (let round = 0; round < HQQ.rounds; round++, beta *= HQQ.growth) {
    let sum = 0
    for (const x of part) {
      const code = codeOf(x, { scale, zero }, top)
      const error = x / scale - (code - zero)
      const size = Math.abs(error)
      const kept = size === 0 ? 0 : Math.sign(error) * Math.max(0, size - size ** (HQQ.norm - 1) / beta)
      sum += code - x / scale + kept
    }
    const next = toHalf(sum / part.length)
    if (next === zero) break
    zero = next
    const cost = powerCost(part, scale, zero, top)
    if (cost < best.cost) best = { zero, cost }
  }
  return { scale, zero: best.zero }
}

function powerCost(part: Float32Array, scale: number, zero: number, top: number): number {
  let sum = 0
  for (const x of part)
    sum += Math.abs(x - valueOf(codeOf(x, { scale, zero }, top), { scale, zero })) ** HQQ.norm
  return sum
}

function meanMagnitude(part: Float32Array): number {
  let sum = 0
  for (const v of part) sum += Math.abs(v)
  return sum / part.length
}

/**
 * The scale of {−s, 0, s} with the least squared error, exactly: with the k largest magnitudes kept, s is their
 * mean and the error falls by (Σ|x|)²/k. Source: arXiv:1605.04711 (ternary weight networks), solved by sorting.
 */
export function ternaryScale(part: Float32Array): number {
  const sorted = part.map(Math.abs).sort().reverse()
  let [sum, best, scale] = [0, -1, 0]
  for (let k = 1; k <= sorted.length; k++) {
    sum += sorted[k - 1]!
    const gain = (sum * sum) / k
    if (gain > best) {
      best = gain
      scale = sum / k
    }
  }
  return scale
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
