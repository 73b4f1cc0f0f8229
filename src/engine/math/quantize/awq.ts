/**
 * Activation-aware scaling: inputs that are large on data get finer weights, as W·s is rounded and x/s fed.
 * The exponent is searched by the error of the layer's outputs. Source: arXiv:2306.00978 (AWQ), section 3.2.
 */
import { outputError } from './gptq'
import { dequantizeGroups, quantizeGroups, type GroupOptions, type GroupShape } from './grouped'
import type { MatMul, F64Matrix } from '../matrix'

interface InputScaling {
  /** [cols]: weights are multiplied by it, inputs divided. */
  scale: Float32Array
  /** Error of the outputs with it, as a share of that without. */
  gain: number
}

const EXPONENTS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]

/** The search rounds plainly, which orders the exponents as any method does. Undefined where no exponent lowers the error by at least a twentieth. */
export async function inputScaling(
  matmul: MatMul,
  values: Float32Array,
  shape: GroupShape,
  hessian: F64Matrix,
  options: GroupOptions,
): Promise<InputScaling | undefined> {
  const { rows, cols } = shape
  const magnitude = Float64Array.from({ length: cols }, (_, c) =>
    Math.sqrt(Math.max(0, hessian.data[c * cols + c]!)),
  )
  const errorOf = async (scale: Float32Array | undefined): Promise<number> => {
    const scaled = scale ? values.map((w, i) => w * scale[i % cols]!) : values
    const back = dequantizeGroups(
      quantizeGroups(scaled, shape, {
        ...options,
        method: options.method === 'mse' ? 'rtn' : options.method,
      }),
    )
    return outputError(matmul, values, scale ? back.map((w, i) => w / scale[i % cols]!) : back, rows, hessian)
  }
  const plain = await errorOf(undefined)
  if (plain === 0) return undefined
  let best: InputScaling | undefined
  for (const exponent of EXPONENTS) {
    const scale = normalised(magnitude, exponent)
    const gain = (await errorOf(scale)) / plain
    if (gain < (best?.gain ?? 0.95)) best = { scale, gain }
  }
  return best
}

/** magnitude^exponent around 1: the geometric mean of its extremes is 1, and silent inputs are left alone. */
function normalised(magnitude: Float64Array, exponent: number): Float32Array {
  const raw = Float64Array.from(magnitude, (m) => (m > 0 ? m ** exponent : 0))
  let [min, max] = [Infinity, 0]
  for (const v of raw) {
    if (v > 0 && v < min) min = v
    if (v > max) max = v
  }
  const middle = Math.sqrt(min * max)
  return Float32Array.from(raw, (v) => (v > 0 ? Math.min(1e4, Math.max(1e-4, v / middle)) : 1))
}
