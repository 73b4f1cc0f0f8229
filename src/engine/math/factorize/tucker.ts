/**
 * Tucker-2 of a convolution kernel: fewer channels in, a small core, fewer channels out.
 * Source: Kim et al., arXiv:1511.06530, section 3; alternating least squares as in De Lathauwer et al., 2000.
 */
import { choleskyDamped, solveLowerTransposed } from '../cholesky'
import { svd } from '../svd'
import { matrix, transpose, type MatMul, type F64Matrix } from '../matrix'

interface Tucker2 {
  /** [inputs, rankIn] */
  input: F64Matrix
  /** [rankOut, rankIn, taps], row-major */
  core: Float64Array
  /** [outputs, rankOut] */
  output: F64Matrix
  rankIn: number
  rankOut: number
}

const ROUNDS = 3
const DAMPING = 1e-4

/**
 * Factors of a kernel [outputs, inputs, taps]. With the covariance of its input channels [inputs, inputs] the
 * input side is chosen by what those channels carry. A rank over what the core can carry, the other times taps, is cut to it.
 */
export async function tucker2(
  matmul: MatMul,
  kernel: Float64Array,
  [outputs, inputs, taps]: readonly [number, number, number],
  ranks: readonly [number, number],
  covariance?: F64Matrix,
): Promise<Tucker2> {
  const rankIn = Math.min(ranks[1], inputs, ranks[0] * taps)
  const rankOut = Math.min(ranks[0], outputs, rankIn * taps)
  const l = covariance && (await choleskyDamped(matmul, covariance, DAMPING)).l
  // Kernel as [inputs, outputs·taps].
  const byInput = matrix(inputs, outputs * taps, new Float64Array(kernel.length))
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let t = 0; t < taps; t++)
        byInput.data[i * outputs * taps + o * taps + t] = kernel[(o * inputs + i) * taps + t]!
  const seen = l ? await matmul(l, byInput, { transA: true }) : byInput
  let left = await leading(matmul, seen, rankIn)
  let right: F64Matrix = matrix(outputs, rankOut, new Float64Array(outputs * rankOut))
  let core: F64Matrix = matrix(rankIn, outputs * taps, new Float64Array(rankIn * outputs * taps))
  for (let round = 0; round < ROUNDS; round++) {
    // Fewer inputs → the outputs that matter; fewer outputs → the inputs that matter.
    core = await matmul(left, seen, { transA: true })
    right = await leading(matmul, byOutput(core, rankIn, outputs, taps), rankOut)
    if (round + 1 === ROUNDS) break
    left = await leading(matmul, await projectOutputs(matmul, seen, right, inputs, outputs, taps), rankIn)
  }
  const small = await matmul(right, byOutput(core, rankIn, outputs, taps), { transA: true })
  return {
    input: l ? await solveLowerTransposed(matmul, l, left) : left,
    core: small.data,
    output: right,
    rankIn,
    rankOut,
  }
}

const leading = async (matmul: MatMul, m: F64Matrix, rank: number): Promise<F64Matrix> =>
  (await svd(matmul, m, { rank })).u

/** [rankIn, outputs·taps] → [outputs, rankIn·taps] */
function byOutput(m: F64Matrix, rankIn: number, outputs: number, taps: number): F64Matrix {
  const out = matrix(outputs, rankIn * taps, new Float64Array(m.data.length))
  for (let i = 0; i < rankIn; i++)
    for (let o = 0; o < outputs; o++)
      for (let t = 0; t < taps; t++)
        out.data[(o * rankIn + i) * taps + t] = m.data[(i * outputs + o) * taps + t]!
  return out
}

/** [inputs, outputs·taps] → [inputs, rankOut·taps] */
async function projectOutputs(
  matmul: MatMul,
  m: F64Matrix,
  right: F64Matrix,
  inputs: number,
  outputs: number,
  taps: number,
): Promise<F64Matrix> {
  const projected = await matmul(right, byOutput(m, inputs, outputs, taps), { transA: true })
  const out = matrix(inputs, right.cols * taps, new Float64Array(projected.data.length))
  for (let r = 0; r < right.cols; r++)
    for (let i = 0; i < inputs; i++)
      for (let t = 0; t < taps; t++)
        out.data[(i * right.cols + r) * taps + t] = projected.data[(r * inputs + i) * taps + t]!
  return out
}

/** Input factor and core as one matrix [inputs·taps, rankOut]: what a kernel of that many outputs would hold. */
export async function tuckerFront(
  matmul: MatMul,
  { input, core, rankIn, rankOut }: Tucker2,
  taps: number,
): Promise<F64Matrix> {
  // [rankIn, rankOut·taps]
  const inner = matrix(rankIn, rankOut * taps, new Float64Array(core.length))
  for (let r = 0; r < rankOut; r++)
    for (let i = 0; i < rankIn; i++)
      for (let t = 0; t < taps; t++)
        inner.data[i * rankOut * taps + t * rankOut + r] = core[(r * rankIn + i) * taps + t]!
  const product = await matmul(input, inner)
  return matrix(input.rows * taps, rankOut, product.data)
}

/** [rank, outputs] that goes behind `tuckerFront`. */
export const tuckerBack = ({ output }: Tucker2): F64Matrix => transpose(output)
