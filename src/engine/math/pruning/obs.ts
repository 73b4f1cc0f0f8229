/**
 * Which inputs of linear layers can be spared, given that those which stay are fitted again: what one input does
 * that others do too costs nothing to lose. Sources: Hassibi & Stork, Optimal Brain Surgeon, 1993; for whole
 * channels, ZipLM (arXiv:2302.04089), §3.1.
 */
import { choleskyDamped, choleskyInverse, choleskySolve } from '../cholesky'
import { matrix, type MatMul, type F64Matrix } from '../matrix'

/** A layer Y = X·W whose inputs may go. */
export interface ObsLayer {
  /** Covariance of X [inputs, inputs]. */
  covariance: F64Matrix
  /** [inputs, outputs] */
  weights: F64Matrix
  /** For each unit the inputs that go with it. */
  inputs: readonly (readonly number[])[]
}

interface ObsOptions {
  /** Added to the diagonal of a covariance, as a share of its mean. */
  damping?: number
  /** Units taken out at once, as a share of all; 0, the default, takes one after the other. */
  atOnce?: number
  /** Called before each choice with the share that is done; may throw. */
  progress?(done: number): void
}

interface State {
  inverse: F64Matrix
  weights: F64Matrix
  inputs: ObsLayer['inputs']
  gone: ReadonlySet<number>
}

/** Share of a layer's inputs that went, from which on they are left out of its matrices: those are gone through with every step. */
const SLACK = 0.15

/**
 * Takes units out one after the other, always the one whose loss adds least squared error to the outputs of all
 * layers after the best refit. Gives the units in that order with the error each added; the last unit of all
 * stays and is not among them. Throws NumericalFailure where a covariance is not finite.
 */
export async function eliminationOrder(
  matmul: MatMul,
  layers: readonly ObsLayer[],
  { damping = 1e-3, atOnce = 0, progress }: ObsOptions = {},
): Promise<{ unit: number; error: number }[]> {
  const states: State[] = []
  for (const { covariance, weights, inputs } of layers) {
    const { l } = await choleskyDamped(matmul, covariance, damping)
    states.push({
      inverse: await choleskyInverse(matmul, l),
      weights: matrix(weights.rows, weights.cols, weights.data.slice()),
      inputs,
      gone: new Set(),
    })
  }
  const units = layers[0]?.inputs.length ?? 0
  const left = new Set(Array.from({ length: units }, (_, unit) => unit))
  const order: { unit: number; error: number }[] = []
  const step = Math.max(1, Math.floor(units * atOnce))
  while (left.size > 1) {
    progress?.(order.length / units)
    const errors: { unit: number; error: number }[] = []
    for (const unit of left) {
      let error = 0
      for (const state of states) error += await errorOf(matmul, state, state.inputs[unit]!)
      errors.push({ unit, error })
    }
    errors.sort((a, b) => a.error - b.error || a.unit - b.unit)
    const going = errors.slice(0, Math.min(step, left.size - 1))
    for (const { unit } of going) left.delete(unit)
    order.push(...going)
    for (const [i, state] of states.entries()) {
      const which = going.flatMap(({ unit }) => state.inputs[unit]!)
      await remove(matmul, state, which)
      const gone = new Set([...state.gone, ...which])
      states[i] = gone.size > SLACK * state.weights.rows ? compacted(state, gone) : { ...state, gone }
    }
  }
  return order
}

/** Of the inputs that stay alone; those of units that went are not asked for any more. */
function compacted({ inverse, weights, inputs }: State, gone: ReadonlySet<number>): State {
  const kept = Array.from({ length: weights.rows }, (_, input) => input).filter((input) => !gone.has(input))
  const place = new Map(kept.map((input, at) => [input, at]))
  return {
    inverse: corner(inverse, kept),
    weights: rows(weights, kept),
    inputs: inputs.map((own) => own.flatMap((input) => place.get(input) ?? [])),
    gone: new Set(),
  }
}

/** Rows and columns `which` of a square matrix. */
function corner({ cols, data }: F64Matrix, which: readonly number[]): F64Matrix {
  const n = which.length
  const out = new Float64Array(n * n)
  which.forEach((r, i) => which.forEach((c, j) => (out[i * n + j] = data[r * cols + c]!)))
  return matrix(n, n, out)
}

function rows({ cols, data }: F64Matrix, which: readonly number[]): F64Matrix {
  const out = new Float64Array(which.length * cols)
  which.forEach((r, i) => out.set(data.subarray(r * cols, (r + 1) * cols), i * cols))
  return matrix(which.length, cols, out)
}

/** tr(W_Sᵀ·[C⁻¹]_SS⁻¹·W_S) */
async function errorOf(
  matmul: MatMul,
  { inverse, weights }: State,
  inputs: readonly number[],
): Promise<number> {
  const own = rows(weights, inputs)
  const solved = await solve(matmul, inverse, inputs, own)
  let error = 0
  for (let i = 0; i < own.data.length; i++) error += own.data[i]! * solved.data[i]!
  return Math.max(0, error)
}

/** [C⁻¹]_SS⁻¹·B; a pivot that rounding left at zero is helped a little. */
async function solve(
  matmul: MatMul,
  inverse: F64Matrix,
  inputs: readonly number[],
  b: F64Matrix,
): Promise<F64Matrix> {
  const { l } = await choleskyDamped(matmul, corner(inverse, inputs), 0)
  return choleskySolve(matmul, l, b)
}

/** Takes inputs out: the other weights make up for them, and C⁻¹ becomes that of the inputs that stay. */
async function remove(matmul: MatMul, state: State, inputs: readonly number[]): Promise<void> {
  const { inverse, weights } = state
  const across = rows(inverse, inputs)
  const byWeights = await matmul(across, await solve(matmul, inverse, inputs, rows(weights, inputs)), {
    transA: true,
  })
  for (let i = 0; i < weights.data.length; i++) weights.data[i]! -= byWeights.data[i]!
  const bySelf = await matmul(across, await solve(matmul, inverse, inputs, across), { transA: true })
  for (let i = 0; i < inverse.data.length; i++) inverse.data[i]! -= bySelf.data[i]!
}
