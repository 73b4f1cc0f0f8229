/**
 * Pruning with the remaining weights updated for what the removed ones did, from second-order statistics of the
 * layer's inputs. Source: SparseGPT, arXiv:2301.00774, Algorithm 1.
 */
import { choleskyDamped, choleskyOfInverse } from '../cholesky'
import { block, matrix, type MatMul, type F64Matrix } from '../matrix'
import { maskLowest } from './masks'

interface SparseGptOptions {
  /** Share of weights that go; ignored with `pattern`. */
  sparsity: number
  /** n of every m neighbouring inputs stay. */
  pattern?: { n: number; m: number }
  /** Columns handled before the rest is updated; a multiple of m is used with a pattern. */
  blockSize?: number
  /** Added to the diagonal of H, as a share of its mean. */
  damping?: number
  /** Weights that must be zero whatever happens: earlier steps of a schedule. */
  zeros?: Uint8Array
}

/**
 * Prunes W [outputs, inputs] given H = XᵀX [inputs, inputs]; gives the new weights with exact zeros.
 * Throws NumericalFailure where H is not finite.
 */
export async function sparseGpt(
  matmul: MatMul,
  weights: Float32Array,
  outputs: number,
  h: F64Matrix,
  options: SparseGptOptions,
): Promise<Float32Array> {
  const inputs = h.rows
  const { pattern } = options
  const size = Math.min(
    inputs,
    pattern ? Math.ceil((options.blockSize ?? 128) / pattern.m) * pattern.m : (options.blockSize ?? 128),
  )
  const w = Float64Array.from(weights)
  const dead = silence(h, w, outputs)
  const { l } = await choleskyDamped(matmul, dead, options.damping ?? 0.01)
  const u = await choleskyOfInverse(matmul, l)
  const stays = new Uint8Array(w.length).fill(1)
  for (let from = 0; from < inputs; from += size) {
    const to = Math.min(inputs, from + size)
    const errors = pruneBlock(w, stays, u, { outputs, inputs, from, to }, options)
    if (to === inputs) break
    const change = await matmul(errors, block(u, from, to, to, inputs))
    for (let r = 0; r < outputs; r++)
      for (let c = to; c < inputs; c++) w[r * inputs + c]! -= change.data[r * change.cols + c - to]!
  }
  return Float32Array.from(w, (value, i) => (stays[i] ? value : 0))
}

/** Inputs that never were anything but zero: their weights are free to go and must not make H singular. */
function silence(h: F64Matrix, w: Float64Array, outputs: number): F64Matrix {
  const n = h.rows
  const data = new Float64Array(h.data)
  for (let i = 0; i < n; i++) {
    if (data[i * n + i]! > 0) continue
    data[i * n + i] = 1
    for (let r = 0; r < outputs; r++) w[r * n + i] = 0
  }
  return matrix(n, n, data)
}

interface Window {
  outputs: number
  inputs: number
  from: number
  to: number
}

/** One block of columns; gives the errors [outputs, block] that the columns behind it must make up for. */
function pruneBlock(
  w: Float64Array,
  stays: Uint8Array,
  u: F64Matrix,
  window: Window,
  options: SparseGptOptions,
): F64Matrix {
  const { outputs, inputs, from, to } = window
  const width = to - from
  const errors = new Float64Array(outputs * width)
  if (!options.pattern) chooseInBlock(w, stays, u, window, options)
  for (let column = from; column < to; column++) {
    const { pattern } = options
    if (pattern && (column - from) % pattern.m === 0 && column + pattern.m <= to)
      chooseOfM(w, stays, u, window, column, pattern)
    const diagonal = u.data[column * inputs + column]!
    for (let r = 0; r < outputs; r++) {
      const at = r * inputs + column
      if (options.zeros?.[at]) stays[at] = 0
      if (stays[at]) continue
      const error = w[at]! / diagonal
      errors[r * width + column - from] = error
      for (let c = column; c < to; c++) w[r * inputs + c]! -= error * u.data[column * inputs + c]!
      w[at] = 0
    }
  }
  return matrix(outputs, width, errors)
}

const saliency = (w: Float64Array, u: F64Matrix, inputs: number, r: number, c: number): number =>
  (w[r * inputs + c]! / u.data[c * inputs + c]!) ** 2

function chooseInBlock(
  w: Float64Array,
  stays: Uint8Array,
  u: F64Matrix,
  { outputs, inputs, from, to }: Window,
  options: SparseGptOptions,
): void {
  const width = to - from
  const scores = new Float64Array(outputs * width)
  for (let r = 0; r < outputs; r++)
    for (let c = from; c < to; c++)
      scores[r * width + c - from] = options.zeros?.[r * inputs + c] ? -1 : saliency(w, u, inputs, r, c)
  const mask = maskLowest(scores, options.sparsity)
  for (let r = 0; r < outputs; r++)
    for (let c = from; c < to; c++) stays[r * inputs + c] = mask[r * width + c - from]!
}

function chooseOfM(
  w: Float64Array,
  stays: Uint8Array,
  u: F64Matrix,
  { outputs, inputs }: Window,
  from: number,
  { n, m }: { n: number; m: number },
): void {
  const order = Array.from({ length: m }, (_, i) => from + i)
  for (let r = 0; r < outputs; r++) {
    const sorted = [...order].sort(
      (a, b) => saliency(w, u, inputs, r, a) - saliency(w, u, inputs, r, b) || a - b,
    )
    for (const c of sorted.slice(0, m - n)) stays[r * inputs + c] = 0
  }
}
