/** Products of a layer's inputs in one model with its outputs in another: what least squares is solved from. */
import type { SampleSource } from '../../data/feeds'
import { Regression } from '../../math/pruning/ridge'
import type { Model } from '../../onnx'
import { openSession, prefixOf, type Session } from '../../runtime'
import type { Layer } from '../layer'
import type { Sampling } from './plan'
import { openProducts, type Products } from './products'
import type { LayerDims } from './rows'

export interface RegressionTask {
  /** Gives the targets: the value named like the layer. */
  original: Model
  /** Has the layer, whose inputs may be fewer. */
  edited: Model
  layer: Layer
  /** Of the layer's input in `edited` and of its output in `original`, at any batch. */
  dims: LayerDims
  /** Columns of the target in each group, and which of them the layer still makes. */
  targets: number
  columns: readonly (readonly number[])[]
}

/** Every so many batches one is kept aside, to choose by what was fitted to the others. */
export const ASIDE_EVERY = 4

/** One sum a group to fit by, and one of samples kept aside. Throws what sessions and the source throw. */
export async function regressions(
  { original, edited, layer, dims, targets, columns }: RegressionTask,
  source: SampleSource,
  { size, limit }: Sampling,
): Promise<{ fit: Regression[]; aside: Regression[] }> {
  const { inputs, outputs } = layer.product
  const empty = (): Regression[] => columns.map(() => new Regression(inputs, outputs))
  const [fit, aside] = [empty(), empty()]
  const products = await openProducts(layer, dims, targets)
  const sessions: Session[] = []
  try {
    const before = await openSession(prefixOf(original, [layer.name]))
    sessions.push(before)
    const after = await openSession(prefixOf(edited, [layer.input]))
    sessions.push(after)
    let batch = 0
    for await (const feeds of source(size, limit)) {
      const y = (await before.run(feeds, [layer.name]))[layer.name]!
      const x = (await after.run(feeds, [layer.input]))[layer.input]!
      spread(await products.add(x, y), batch++ % ASIDE_EVERY === 1 ? aside : fit, columns, targets)
    }
  } finally {
    for (const session of [products, ...sessions]) await session.release()
  }
  return { fit, aside }
}

function spread(
  products: Products,
  into: readonly Regression[],
  columns: RegressionTask['columns'],
  targets: number,
): void {
  const [xy, y, yy] = [products.xy!, products.y!, products.yy!]
  into.forEach((sums, g) => {
    const k = sums.inputs
    const own = columns[g]!
    const pick = (vector: Float32Array): Float32Array =>
      Float32Array.from(own, (column) => vector[g * targets + column]!)
    const cross = new Float32Array(k * own.length)
    for (let i = 0; i < k; i++)
      own.forEach((column, j) => (cross[i * own.length + j] = xy[(g * k + i) * targets + column]!))
    sums.add({
      xx: products.xx.subarray(g * k * k, (g + 1) * k * k),
      xy: cross,
      x: products.x.subarray(g * k, (g + 1) * k),
      y: pick(y),
      yy: pick(yy),
      samples: products.rows,
    })
  })
}
