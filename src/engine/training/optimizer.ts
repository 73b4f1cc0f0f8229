/**
 * Optimizers over flat arrays. Sources: Adam arXiv:1412.6980, AdamW arXiv:1711.05101 (decoupled decay),
 * SGD with Nesterov-free momentum as in PyTorch's documentation.
 */
export interface Optimizer {
  /** One update in place of the values within `spans`, with gradients times `scale`. */
  step(
    values: Float32Array,
    gradients: Float32Array,
    rate: number,
    spans: readonly Span[],
    scale?: number,
  ): void
  /** Arrays a checkpoint keeps, in a fixed order. */
  readonly state: readonly Float32Array[]
  /** Updates made so far. */
  steps: number
}

/** Elements `from` (inclusive) to `to` (exclusive) of the flat arrays. */
export interface Span {
  from: number
  to: number
  /** Whether weight decay applies. */
  decays: boolean
}

export const OPTIMIZERS = ['adamw', 'sgd'] as const
type OptimizerName = (typeof OPTIMIZERS)[number]

interface OptimizerOptions {
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

  step(values: Float32Array, gradients: Float32Array, rate: number, spans: readonly Span[], scale = 1): void {
    const { weightDecay, momentum } = this.options
    const [velocity] = this.state
    this.steps++
    for (const { from, to, decays } of spans) {
      const decay = decays ? weightDecay : 0
      for (let i = from; i < to; i++) {
        const v = momentum * velocity[i]! + scale * gradients[i]! + decay * values[i]!
        velocity[i] = v
        values[i]! -= rate * v
      }
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

  step(values: Float32Array, gradients: Float32Array, rate: number, spans: readonly Span[], scale = 1): void {
    const { weightDecay, momentum: first } = this.options
    const [m, v] = this.state
    this.steps++
    const size = rate / (1 - first ** this.steps)
    const root = 1 / Math.sqrt(1 - SECOND_MOMENT ** this.steps)
    const [fresh, freshSquare] = [(1 - first) * scale, (1 - SECOND_MOMENT) * scale ** 2]
    for (const { from, to, decays } of spans) {
      const keep = decays ? 1 - rate * weightDecay : 1
      for (let i = from; i < to; i++) {
        const g = gradients[i]!
        const mi = first * m[i]! + fresh * g
        const vi = SECOND_MOMENT * v[i]! + freshSquare * g * g
        m[i] = mi
        v[i] = vi
        values[i] = keep * values[i]! - (size * mi) / (Math.sqrt(vi) * root + EPSILON)
      }
    }
  }
}

export function createOptimizer(name: OptimizerName, size: number, options: OptimizerOptions): Optimizer {
  return name === 'sgd' ? new Sgd(size, options) : new AdamW(size, options)
}

/**
 * What gradients are multiplied with for a Euclidean norm of at most `limit`; 0 = no limit. At most 1, and NaN
 * where one of them is not finite.
 */
export function clipScale(gradients: Float32Array, limit: number): number {
  let sum = 0
  for (let i = 0; i < gradients.length; i++) sum += gradients[i]! * gradients[i]!
  if (!Number.isFinite(sum)) return NaN
  const norm = Math.sqrt(sum)
  return limit > 0 && norm > limit ? limit / norm : 1
}

/** Linear warm-up, then half a cosine down to 1% of the base. Source: arXiv:1608.03983. */
export function rateAt(step: number, total: number, base: number, warmUp: number): number {
  const warm = Math.floor(warmUp * total)
  if (step < warm) return (base * (step + 1)) / (warm + 1)
  const done = (step - warm) / Math.max(1, total - warm)
  return base * (0.01 + 0.99 * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, done))))
}
