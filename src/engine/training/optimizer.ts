/**
 * Optimizers over flat arrays. Sources: Adam arXiv:1412.6980, AdamW arXiv:1711.05101 (decoupled decay),
 * SGD with Nesterov-free momentum as in PyTorch's documentation.
 */
export interface Optimizer {
  /** One update of `values` in place. `decay` says which elements weight decay applies to. */
  step(values: Float32Array, gradients: Float32Array, rate: number, decay: Uint8Array): void
  /** Arrays a checkpoint keeps, in a fixed order. */
  readonly state: readonly Float32Array[]
  /** Updates made so far. */
  steps: number
}

export const OPTIMIZERS = ['adamw', 'sgd'] as const
export type OptimizerName = (typeof OPTIMIZERS)[number]

export interface OptimizerOptions {
  weightDecay: number
  /** SGD: momentum; AdamW: β₁. */
  momentum: number
}

class Sgd implements Optimizer {
  readonly state: readonly [Float32Array]
  steps = 0

  constructor(
    size: number,
    private readonly options: OptimizerOptions,
  ) {
    this.state = [new Float32Array(size)]
  }

  step(values: Float32Array, gradients: Float32Array, rate: number, decay: Uint8Array): void {
    const { weightDecay, momentum } = this.options
    const [velocity] = this.state
    this.steps++
    for (let i = 0; i < values.length; i++) {
      const g = gradients[i]! + (decay[i] ? weightDecay * values[i]! : 0)
      const v = momentum * velocity[i]! + g
      velocity[i] = v
      values[i]! -= rate * v
    }
  }
}

const SECOND_MOMENT = 0.999
const EPSILON = 1e-8

class AdamW implements Optimizer {
  readonly state: readonly [Float32Array, Float32Array]
  steps = 0

  constructor(
    size: number,
    private readonly options: OptimizerOptions,
  ) {
    this.state = [new Float32Array(size), new Float32Array(size)]
  }

  step(values: Float32Array, gradients: Float32Array, rate: number, decay: Uint8Array): void {
    const { weightDecay, momentum: first } = this.options
    const [m, v] = this.state
    this.steps++
    const size = rate / (1 - first ** this.steps)
    const root = 1 / Math.sqrt(1 - SECOND_MOMENT ** this.steps)
    const shrink = rate * weightDecay
    for (let i = 0; i < values.length; i++) {
      const g = gradients[i]!
      const mi = first * m[i]! + (1 - first) * g
      const vi = SECOND_MOMENT * v[i]! + (1 - SECOND_MOMENT) * g * g
      m[i] = mi
      v[i] = vi
      const value = values[i]!
      values[i] = value - (decay[i] ? shrink * value : 0) - (size * mi) / (Math.sqrt(vi) * root + EPSILON)
    }
  }
}

export function createOptimizer(name: OptimizerName, size: number, options: OptimizerOptions): Optimizer {
  return name === 'sgd' ? new Sgd(size, options) : new AdamW(size, options)
}

/** Scales gradients down to a Euclidean norm of at most `limit`; gives the norm they had. 0 = no limit. */
export function clipNorm(gradients: Float32Array, limit: number): number {
  let sum = 0
  for (let i = 0; i < gradients.length; i++) sum += gradients[i]! ** 2
  const norm = Math.sqrt(sum)
  if (limit > 0 && norm > limit) {
    const scale = limit / norm
    for (let i = 0; i < gradients.length; i++) gradients[i]! *= scale
  }
  return norm
}

/** Linear warm-up, then half a cosine down to 1% of the base. Source: arXiv:1608.03983. */
export function rateAt(step: number, total: number, base: number, warmUp: number): number {
  const warm = Math.floor(warmUp * total)
  if (step < warm) return (base * (step + 1)) / (warm + 1)
  const done = (step - warm) / Math.max(1, total - warm)
  return base * (0.01 + 0.99 * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, done))))
}
