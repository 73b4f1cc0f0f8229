/** Products of a layer's inputs in one model with its outputs in another: what least squares is solved from. */
import { Regression } from '../../math/pruning/ridge'
import type { Model } from '../../onnx'
import { BY_TURNS, openSession, prefixOf, type Session, type Value, type Values } from '../../runtime'
import type { Layer } from '../layer'
import { openProducts, type Products, type ProductSession } from './products'
import type { LayerDims } from './rows'

export interface RegressionTask {
  original: Model
  /** Value of `original` that holds the targets: shaped like the layer's output. */
  target: string
  /** Its inputs may be fewer than those of the layer of that name in `original`. */
  layer: Layer
  /** Of the layer's input and output, at any batch. */
  dims: LayerDims
}

/** Every so many batches one is kept aside, to choose by what was fitted to the others. */
export const ASIDE_EVERY = 4

export class RegressionSums {
  /** One sum a group to fit by, and one of samples kept aside. */
  readonly fit: Regression[]
  readonly aside: Regression[]
  private before: Session | undefined
  private products: ProductSession | undefined
  private targets: Value | undefined

  constructor(private readonly task: RegressionTask) {
    const { groups, inputs, outputs } = task.layer.product
    const empty = (): Regression[] => Array.from({ length: groups }, () => new Regression(inputs, outputs))
    this.fit = empty()
    this.aside = empty()
  }

  /** Finds the targets of a batch. */
  async look(feeds: Values): Promise<void> {
    const { original, target } = this.task
    this.before ??= await openSession(prefixOf(original, [target]), BY_TURNS)
    this.targets = (await this.before.run(feeds, [target]))[target]!
  }

  /** Adds the layer's input at the batch last looked at. */
  async add(input: Value, batch: number): Promise<void> {
    const { layer, dims } = this.task
    this.products ??= await openProducts(layer, dims, 'output')
    spread(await this.products.add(input, this.targets!), batch % ASIDE_EVERY === 1 ? this.aside : this.fit)
  }

  async release(): Promise<void> {
    await this.products?.release()
    await this.before?.release()
  }
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
