/** What every quantizer does to a model first; the function it computes stays the same. */
import type { Model } from '../../onnx'
import { foldBatchNorm } from '../simplify/fold-batch-norm'
import { constantsToInitializers } from '../simplify/tidy'

export interface Prepared {
  model: Model
  notes: string[]
}

/** A clone with Constant nodes as initializers and BatchNormalization folded into the layers before it. */
export function prepare(model: Model, by: string): Prepared {
  const clone = model.clone()
  clone.requireOpset(13, 'QuantizeLinear', by)
  constantsToInitializers(clone)
  const folded = foldBatchNorm(clone.graph).length
  const notes = folded > 0 ? [`${folded} BatchNormalization folded into the layers before them`] : []
  return { model: clone, notes }
}
