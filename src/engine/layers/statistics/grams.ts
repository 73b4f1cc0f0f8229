/** Σ xxᵀ and the mean of a layer's inputs: what second-order methods look at. Source: LeCun et al., OBD, 1990. */
import { matrix, type F64Matrix } from '../../math/matrix'
import type { Value } from '../../runtime'
import type { Layer } from '../layer'
import { openProducts, type ProductSession } from './products'

export interface Gram {
  /** Σ xxᵀ [inputs, inputs] of each group. */
  xx: F64Matrix[]
  /** Mean of each input of each group. */
  mean: Float64Array[]
  rows: number
}

/** Layers with the same rows of input share one sum. */
export const gramKey = (layer: Layer): string => (layer.kind === 'matrix' ? layer.input : layer.name)

export const gramBytes = ({ product: { groups, inputs } }: Layer): number => groups * inputs * inputs * 8

export class GramSums {
  private session: ProductSession | undefined
  private readonly xx: F64Matrix[]
  private readonly x: Float64Array[]
  private rows = 0

  /** `outDims` at any batch; only those of convolutions are looked at. */
  constructor(
    readonly layer: Layer,
    private readonly outDims: readonly number[],
  ) {
    const { groups, inputs } = layer.product
    this.xx = Array.from({ length: groups }, () => matrix(inputs, inputs, new Float64Array(inputs * inputs)))
    this.x = Array.from({ length: groups }, () => new Float64Array(inputs))
  }

  async add(value: Value): Promise<void> {
    this.session ??= await openProducts(this.layer, { input: value.dims, output: this.outDims })
    const { xx, x, rows } = await this.session.add(value)
    const { inputs } = this.layer.product
    this.rows += rows
    for (const [g, sum] of this.xx.entries()) addTo(sum.data, xx, g * inputs * inputs)
    for (const [g, sum] of this.x.entries()) addTo(sum, x, g * inputs)
  }

  gram(): Gram {
    const { xx, x, rows } = this
    return { xx, mean: x.map((sums) => sums.map((sum) => sum / Math.max(1, rows))), rows }
  }

  async release(): Promise<void> {
    await this.session?.release()
  }
}

function addTo(into: Float64Array, from: Float32Array, at: number): void {
  for (let i = 0; i < into.length; i++) into[i]! += from[at + i]!
}

/**
 * Σ (x − mean)(x − mean)ᵀ of a group, its inputs in the given order: what is constant the bias makes up for, so it
 * must not decide what stays.
 */
export function centred({ xx, mean, rows }: Gram, g: number, order?: Int32Array): F64Matrix {
  const { data, cols } = xx[g]!
  const n = order?.length ?? cols
  const out = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const [a, b] = order ? [order[i]!, order[j]!] : [i, j]
      out[i * n + j] = data[a * cols + b]! - rows * mean[g]![a]! * mean[g]![b]!
    }
  return matrix(n, n, out)
}
