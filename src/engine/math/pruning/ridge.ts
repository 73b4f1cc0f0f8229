/**
 * Linear regression from accumulated products: memory does not grow with samples. Source: Hoerl & Kennard, Ridge
 * regression, 1970; here shrinking towards given weights instead of zero.
 */
import { choleskyDamped, choleskySolve } from '../cholesky'
import { matrix, type MatMul, type F64Matrix } from '../matrix'

/** Sums over samples of products of inputs X [n, k] and targets Y [n, m]. */
export class Regression {
  readonly xx: Float64Array
  readonly xy: Float64Array
  readonly x: Float64Array
  readonly y: Float64Array
  readonly yy: Float64Array
  samples = 0

  constructor(
    readonly inputs: number,
    readonly targets: number,
  ) {
    this.xx = new Float64Array(inputs * inputs)
    this.xy = new Float64Array(inputs * targets)
    this.x = new Float64Array(inputs)
    this.y = new Float64Array(targets)
    this.yy = new Float64Array(targets)
  }

  /** Adds the sums of another set of samples. */
  add(other: {
    xx: ArrayLike<number>
    xy: ArrayLike<number>
    x: ArrayLike<number>
    y: ArrayLike<number>
    yy: ArrayLike<number>
    samples: number
  }): void {
    const into = (target: Float64Array, source: ArrayLike<number>): void => {
      for (let i = 0; i < target.length; i++) target[i]! += source[i]!
    }
    into(this.xx, other.xx)
    into(this.xy, other.xy)
    into(this.x, other.x)
    into(this.y, other.y)
    into(this.yy, other.yy)
    this.samples += other.samples
  }

  /** Covariances, so that the constant term drops out. */
  centred(): { xx: F64Matrix; xy: F64Matrix; yy: Float64Array } {
    const { inputs: k, targets: m, samples: n } = this
    const xx = new Float64Array(k * k)
    const xy = new Float64Array(k * m)
    for (let i = 0; i < k; i++) {
      for (let j = 0; j < k; j++) xx[i * k + j] = (this.xx[i * k + j]! - (this.x[i]! * this.x[j]!) / n) / n
      for (let j = 0; j < m; j++) xy[i * m + j] = (this.xy[i * m + j]! - (this.x[i]! * this.y[j]!) / n) / n
    }
    const yy = this.yy.map((sum, j) => (sum - this.y[j]! ** 2 / n) / n)
    return { xx: matrix(k, k, xx), xy: matrix(k, m, xy), yy }
  }

  /** Constant term that goes with weights W [k, m]. */
  biasFor(w: ArrayLike<number>): Float64Array {
    const { inputs: k, targets: m, samples: n } = this
    const bias = this.y.map((sum) => sum / n)
    for (let i = 0; i < k; i++) for (let j = 0; j < m; j++) bias[j]! -= (this.x[i]! / n) * w[i * m + j]!
    return bias
  }

  /** Mean squared error of Y − X·W − best constant, summed over targets. */
  async errorOf(matmul: MatMul, w: F64Matrix): Promise<number> {
    const { xx, xy, yy } = this.centred()
    const quadratic = await matmul(xx, w)
    let error = yy.reduce((sum, one) => sum + one, 0)
    for (let i = 0; i < w.data.length; i++) error += w.data[i]! * (quadratic.data[i]! - 2 * xy.data[i]!)
    return Math.max(0, error)
  }
}

/**
 * W [k, m] minimising ‖Y − X·W − 1·bᵀ‖² + λ‖W − start‖² with λ = `damping` times the mean variance of X.
 */
export async function ridge(
  matmul: MatMul,
  sums: Regression,
  start: F64Matrix,
  damping: number,
): Promise<F64Matrix> {
  const { xx, xy } = sums.centred()
  const { l, damping: lambda } = await choleskyDamped(matmul, xx, damping)
  const right = xy.data.map((value, i) => value + lambda * start.data[i]!)
  return choleskySolve(matmul, l, { ...xy, data: right })
}

const DAMPINGS = [1e-4, 1e-3, 1e-2, 1e-1, 1]

interface Fitted {
  w: F64Matrix
  /** Undefined where the given weights did better on samples kept aside. */
  damping: number | undefined
  /** Error on samples kept aside over the variance of the targets there: before and after. */
  before: number
  after: number
}

/**
 * Ridge regression whose damping is chosen on samples kept aside, then solved on all. Never worse on those
 * samples than `start`.
 */
export async function fitRidge(
  matmul: MatMul,
  fit: Regression,
  aside: Regression,
  start: F64Matrix,
): Promise<Fitted> {
  const scale = aside.centred().yy.reduce((sum, one) => sum + one, 0) || 1
  const before = await aside.errorOf(matmul, start)
  let best: { damping: number; error: number } | undefined
  for (const damping of DAMPINGS) {
    const error = await aside.errorOf(matmul, await ridge(matmul, fit, start, damping))
    if (error < (best?.error ?? before)) best = { damping, error }
    // Errors fall and then rise with the damping.
    else if (best) break
  }
  if (!best) return { w: start, damping: undefined, before: before / scale, after: before / scale }
  fit.add(aside)
  const w = await ridge(matmul, fit, start, best.damping)
  return { w, damping: best.damping, before: before / scale, after: best.error / scale }
}
