/** How models are written alike before a pass looks at their layers; the functions they compute stay the same. */
import { raiseOpset, type Model } from '../onnx'
import { constantsToInitializers } from './normalize/constants'
import { foldBatchNorm } from './normalize/fold-batch-norm'
import { foldFactors } from './normalize/fold-factors'
import { separateVectors } from './normalize/separate-vectors'
import { biasesPerOutput } from './normalize/gemm-bias'
import { isDouble, isHalf, isHalfType, narrow, widen } from './normalize/widen'

export interface Normalized {
  model: Model
  notes: string[]
}

/** Per-channel DequantizeLinear came with it. */
const OPSET = 13

/**
 * For whoever gives weights another encoding: a clone with Constant nodes as initializers, floats of 32 bits, factors
 * of Gemm and BatchNormalization folded into the layers before, and at least the operator set that integers need.
 * Throws `model/unsupported-op` where an operator cannot be lifted.
 */
export function normalize(model: Model): Normalized {
  const notes: string[] = []
  if (model.opset < OPSET) notes.push(`raised from operator set ${model.opset} to ${OPSET}`)
  const clone = model.opset < OPSET ? raiseOpset(model, OPSET) : model.clone()
  constantsToInitializers(clone)
  if (isHalf(clone)) {
    widen(clone)
    notes.push('half precision was widened to float32 first; what stays float takes more bytes than before')
  }
  if (isDouble(clone)) {
    narrow(clone)
    notes.push('double precision was rounded to float32 first')
  }
  foldFactors(clone.graph)
  biasesPerOutput(clone.graph)
  const folded = foldBatchNorm(clone.graph).length
  if (folded > 0)
    notes.push(`${folded} BatchNormalization${folded === 1 ? '' : 's'} folded into the layers before`)
  return { model: clone, notes }
}

export interface Separated {
  model: Model
  /** Copy → the name it was taken from; put back by `mergeCopies` where both stay alike. */
  copies: ReadonlyMap<string, string>
  /** Constants that were of half precision; they are float32 now. */
  halves: ReadonlySet<string>
}

/**
 * For whoever cuts or replaces weights: a clone in float32, with every constant an initializer and a name for each
 * use of a vector. Exporters keep equal tensors once: two zero biases of unrelated layers become one, and their channels
 * would seem coupled. The bytes stay shared; matrices stay tied.
 */
export function separate(original: Model): Separated {
  const model = original.clone()
  constantsToInitializers(model, (tensor) => tensor.dtype !== 'string')
  const halves = new Set<string>()
  for (const [name, { dtype }] of model.graph.initializers) if (isHalfType(dtype)) halves.add(name)
  if (isHalf(model)) widen(model)
  if (isDouble(model)) narrow(model)
  biasesPerOutput(model.graph)
  return { model, copies: separateVectors(model.graph), halves }
}

/** For whoever trains: a clone whose float weights of more than one element are initializers; doubles become float32. */
export function withWeightInitializers(original: Model): Model {
  const model = original.clone()
  if (isDouble(model)) narrow(model)
  constantsToInitializers(model, ({ dtype, size }) => dtype === 'float32' && size >= 2)
  return model
}
