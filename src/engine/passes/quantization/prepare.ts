/** What every quantizer does to a model first; the function it computes stays the same. */
import { raiseOpset, type Model } from '../../onnx'
import { foldBatchNorm } from '../simplify/fold-batch-norm'
import { foldFactors } from '../simplify/fold-factors'
import { constantsToInitializers } from '../simplify/tidy'
import { isHalf, widen } from './widen'
import { counted } from './words'

export interface Prepared {
  model: Model
  notes: string[]
}

/** Per-channel DequantizeLinear came with it. */
const OPSET = 13

/**
 * A clone with Constant nodes as initializers, factors of Gemm and BatchNormalization folded into the layers before it, and at least
 * the operator set that integers need. Throws `model/unsupported-op` where an operator cannot be lifted.
 */
export function prepare(model: Model): Prepared {
  const notes: string[] = []
  if (model.opset < OPSET) notes.push(`raised from operator set ${model.opset} to ${OPSET}`)
  const clone = model.opset < OPSET ? raiseOpset(model, OPSET) : model.clone()
  constantsToInitializers(clone)
  if (isHalf(clone)) {
    widen(clone)
    notes.push('half precision was widened to float32 first; what stays float takes more bytes than before')
  }
  foldFactors(clone.graph)
  const folded = foldBatchNorm(clone.graph).length
  if (folded > 0)
    notes.push(
      `${counted(folded, 'BatchNormalization', 'BatchNormalizations')} folded into the layers before`,
    )
  return { model: clone, notes }
}
