/** How models are written alike before a pass looks at their layers; the functions they compute stay the same. */
import { plural } from '../../contract/format'
import { inlineFunctions, raiseOpset, type Model } from '../onnx'
import { foldBatchNorm } from './normalize/fold-batch-norm'
import { foldPads } from './normalize/fold-pads'
import { foldFactors } from './normalize/fold-factors'
import { biasesPerOutput } from './normalize/gemm-bias'
import { liftConstants } from './normalize/lift-constants'
import { foldParameters, unlistParameters } from './normalize/parameters'
import { separateVectors } from './normalize/separate-vectors'
import { beyondFloat32, isDouble, isHalf, isHalfType, narrow, widen } from './normalize/widen'

interface Normalized {
  model: Model
  notes: string[]
}

/** Per-channel DequantizeLinear came with it. */
const OPSET = 13

/**
 * For whoever looks for weights: a clone in which they are initializers that nothing feeds, in float32 or half precision,
 * however the graph wrote them; local functions are written out.
 * Throws `model/not-onnx`, `model/unsupported-op` and `limit/memory` for what cannot be written so.
 */
export function withWeightInitializers(original: Model): Normalized {
  const notes: string[] = []
  const functions = original.functions.length
  const model = functions > 0 ? inlineFunctions(original) : original.clone()
  if (functions > 0) notes.push(`${plural(functions, 'local function')} written out`)
  model.constantsToInitializers((tensor) => tensor.dtype !== 'string')
  const listed = unlistParameters(model)
  if (listed > 0)
    notes.push(`${plural(listed, 'weight')} that the model lists among its inputs, with a default, no longer`)
  const beyond = isDouble(model) && beyondFloat32(model)
  if (beyond) notes.push(`double precision stays: ${beyond.reason}`)
  else if (isDouble(model)) {
    narrow(model)
    notes.push('double precision was rounded to float32 first')
  }
  foldParameters(model.graph)
  return { model, notes }
}

/**
 * For whoever gives weights another encoding: the above in float32, with the constants of the bodies of If, Loop and
 * Scan in the main graph, factors of Gemm, BatchNormalization and zeros of Pad folded into their layers, nodes in the order of what they read, and at
 * least the operator set that integers need.
 */
export function normalize(original: Model): Normalized {
  const { model: written, notes } = withWeightInitializers(original)
  if (written.opset < OPSET) notes.push(`raised from operator set ${written.opset} to ${OPSET}`)
  const model = raiseOpset(written, OPSET)
  liftConstants(model)
  if (isHalf(model)) {
    widen(model)
    notes.push('half precision was widened to float32 first; what stays float takes more bytes than before')
  }
  foldFactors(model.graph)
  biasesPerOutput(model.graph)
  const pads = foldPads(model.graph, model.opset)
  if (pads > 0) notes.push(`${plural(pads, 'Pad', 'Pads')} folded into the convolutions behind`)
  const folded = foldBatchNorm(model.graph).length
  model.graph.sort()
  if (folded > 0) notes.push(`${plural(folded, 'BatchNormalization')} folded into the layers before`)
  return { model, notes }
}

export interface Separated extends Normalized {
  /** Copy → the name it was taken from; put back by `mergeCopies` where both stay alike. */
  copies: ReadonlyMap<string, string>
  /** Constants that were of half precision; they are float32 now. */
  halves: ReadonlySet<string>
}

/**
 * For whoever cuts or replaces weights: a clone in float32, with every constant an initializer and a name for each
 * use of a vector. Exporters keep equal tensors once: two zero biases of unrelated layers become one, and their channels
 * would seem coupled. The bytes stay shared; matrices stay tied. With `bodies`, constants of the bodies of If, Loop and
 * Scan are in the main graph. Throws as above.
 */
export function separate(original: Model, { bodies = false } = {}): Separated {
  const halves = new Set<string>()
  const { model, notes } = withWeightInitializers(original)
  if (bodies) liftConstants(model)
  for (const one of [original, model])
    for (const { name, tensor } of one.constants()) if (isHalfType(tensor.dtype)) halves.add(name)
  if (isHalf(model)) widen(model)
  biasesPerOutput(model.graph)
  return { model, notes, copies: separateVectors(model.graph), halves }
}
