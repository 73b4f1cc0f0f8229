/** Products of a layer's inputs in one model with its outputs in another: what least squares is solved from. */
import type { SampleSource } from '../../data/feeds'
import { Regression } from '../../math/pruning/ridge'
import type { Model } from '../../onnx'
import { BY_TURNS, openSession, prefixOf, type Session } from '../../runtime'
import type { Layer } from '../layer'
import type { Sampling } from './plan'
import { openProducts, type Products } from './products'
import type { LayerDims } from './rows'

interface RegressionTask {
  original: Model
  /** Value of `original` that holds the targets: shaped like the layer's output. */
  target: string
  /** Has the layer, whose inputs may be fewer. */
  edited: Model
  layer: Layer
  /** Of the layer's input and output in `edited`, at any batch. */
  dims: LayerDims
}

/** Every so many batches one is kept aside, to choose by what was fitted to the others. */
export const ASIDE_EVERY = 4

/** One sum a group to fit by, and one of samples kept aside. Throws what sessions and the source throw. */
export async function regressions(
  { original, target, edited, layer, dims }: RegressionTask,
  source: SampleSource,
  { size, limit }: Sampling,
): Promise<{ fit: Regression[]; aside: Regression[] }> {
  const { groups, inputs, outputs } = layer.product
  const empty = (): Regression[] => Array.from({ length: groups }, () => new Regression(inputs, outputs))
  const [fit, aside] = [empty(), empty()]
  const products = await openProducts(layer, dims, true)
  const sessions: Session[] = []
  try {
    const before = await openSession(prefixOf(original, [target]), BY_TURNS)
    sessions.push(before)
    const after = await openSession(prefixOf(edited, [layer.input]), BY_TURNS)
    sessions.push(after)
    let batch = 0
    for await (const feeds of source(size, limit)) {
      const y = (await before.run(feeds, [target]))[target]!
      const x = (await after.run(feeds, [layer.input]))[layer.input]!
      spread(await products.add(x, y), batch++ % ASIDE_EVERY === 1 ? aside : fit)
    }
  } finally {
    for (const session of [products, ...sessions]) await session.release()
  }
  return { fit, aside }
}

function spread(products: Products, into: readonly Regression[]): void {
  into.forEach((sums, g) => {
    const part = (all: Float32Array, size: number): Float32Array => all.subarray(g * size, (g + 1) * size)
    const { inputs, targets } = sums
    sums.add({
      xx: part(products.xx, inputs * inputs),
      xy: part(products.xy!, inputs * targets),
      x: part(products.x, inputs),
      y: part(products.y!, targets),
      yy: part(products.yy!, targets),
      samples: products.rows,
    })
  })
}
