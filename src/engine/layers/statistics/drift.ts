/**
 * XᵀX of the inputs that layers get in a model whose earlier layers were changed, and how far those are from what they
 * get in the original: what a layer must make up for. Source: arXiv:2504.02692 (asymmetric calibration).
 */
import type { Batches } from '../../data/feeds'
import { matrix, type F64Matrix } from '../../math/matrix'
import type { Model } from '../../onnx'
import { BY_TURNS, prefixOf, withSession, type Value } from '../../runtime'
import type { Layer } from '../layer'
import { outputShapes } from './collect'
import { gramKey } from './grams'
import { openProducts, type ProductSession } from './products'

/** Sums of one group: X̂ are the inputs in the changed model, X those in the original. */
interface Drift {
  /** X̂ᵀX̂ [inputs, inputs] */
  xx: F64Matrix
  /** X̂ᵀ(X − X̂) [inputs, inputs] */
  drift: F64Matrix
}

/** XᵀX of a layer's inputs, or what they are once layers before it are changed: one a group. */
export type Looked = Pick<Drift, 'xx'> | Drift

class DriftSums {
  readonly sums: Drift[]
  private session: ProductSession | undefined

  constructor(
    private readonly layer: Layer,
    private readonly outDims: readonly number[],
  ) {
    const { groups, inputs } = layer.product
    const empty = (): F64Matrix => matrix(inputs, inputs, new Float64Array(inputs * inputs))
    this.sums = Array.from({ length: groups }, () => ({ xx: empty(), drift: empty() }))
  }

  async add(changed: Value, original: Value): Promise<void> {
    this.session ??= await openProducts(this.layer, { input: changed.dims, output: this.outDims }, 'input')
    const { xx, xy } = await this.session.add(changed, original)
    for (const [g, into] of this.sums.entries()) {
      const size = into.xx.data.length
      for (let i = 0; i < size; i++) {
        const square = xx[g * size + i]!
        into.xx.data[i]! += square
        into.drift.data[i]! += xy![g * size + i]! - square
      }
    }
  }

  async release(): Promise<void> {
    await this.session?.release()
  }
}

/**
 * One a group of each layer, by layer; `layers` are product layers of `original` (`productLayer`), `changed` has values of
 * the same names. Both models run side by side, and nothing but sums is kept.
 */
export async function driftOf(
  original: Model,
  changed: Model,
  layers: readonly Layer[],
  batches: Batches,
  progress?: () => void,
): Promise<Map<Layer, Drift[]>> {
  const sums = new Map<string, DriftSums>()
  const shapes = await outputShapes(original, layers, batches)
  for (const layer of layers)
    if (!sums.has(gramKey(layer)))
      sums.set(gramKey(layer), new DriftSums(layer, shapes.get(layer.name)?.dims ?? []))
  const names = [...new Set(layers.map(({ input }) => input))]
  const fed = new Set(original.graph.requiredInputs.map(({ name }) => name))
  const computed = names.filter((name) => !fed.has(name))
  const how = { ...BY_TURNS, optimization: 'basic' } as const
  try {
    await withSession(prefixOf(original, computed), how, (before) =>
      withSession(prefixOf(changed, computed), how, async (after) => {
        for await (const feeds of batches()) {
          const then = { ...feeds, ...(await before.run(feeds, computed)) }
          const now = { ...feeds, ...(await after.run(feeds, computed)) }
          const seen = new Set<string>()
          for (const layer of layers) {
            const key = gramKey(layer)
            if (!seen.has(key)) await sums.get(key)!.add(now[layer.input]!, then[layer.input]!)
            seen.add(key)
          }
          progress?.()
        }
      }),
    )
  } finally {
    for (const sum of sums.values()) await sum.release()
  }
  return new Map(layers.map((layer) => [layer, sums.get(gramKey(layer))!.sums]))
}
