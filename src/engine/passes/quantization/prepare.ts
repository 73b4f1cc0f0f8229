/** What every quantizer does to a model first; the function it computes stays the same. */
import type { Model } from '../../onnx'
import { foldBatchNorm } from './fold-batch-norm'

export interface Prepared {
  model: Model
  notes: string[]
}

/** A clone with BatchNormalization folded into the layers before it. */
export function prepare(model: Model, by: string): Prepared {
  const clone = model.clone()
  clone.requireOpset(13, 'QuantizeLinear', by)
  const folded = foldBatchNorm(clone.graph)
  const notes = folded > 0 ? [`${folded} BatchNormalization folded into the layers before them`] : []
  return { model: clone, notes }
}
