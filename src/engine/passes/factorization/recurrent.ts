/**
 * Weights by which a recurrent layer reads its input, W ≈ A·B: the input meets A before the layer, for all steps at once,
 * and B is the layer's weight. What reads the state is multiplied within the operator, step by step, and stays whole.
 * Source: arXiv:1603.08042, section 3 (there with a projection that the recurrence shares, which ONNX's operators lack).
 */
import type { SampleSource } from '../../data/feeds'
import type { Layer } from '../../layers/layer'
import { collect } from '../../layers/statistics/collect'
import { lowRank, outputError } from '../../math/factorize/low-rank'
import { rankForEnergy } from '../../math/factorize/rank'
import { matrix, transpose, type F64Matrix } from '../../math/matrix'
import type { Model } from '../../onnx'
import { matmul } from '../../runtime/linalg'
import { elementsOf, type Form } from './form'
import { float, ruleOf, type FormOptions } from './forms'

/** Samples that are run at once. */
const AT_ONCE = 16

interface RecurrentOptions {
  how: FormOptions
  whiten: boolean
  source?: SampleSource
  samples: number
}

/** Edits the model; gives the reason where the layer is left alone. */
export async function factorizeRecurrent(
  model: Model,
  layer: Layer,
  { how, whiten, source, samples }: RecurrentOptions,
): Promise<{ form: Form; before: number; after: number; error: number | undefined } | string> {
  const { inputs, outputs } = layer.product
  const w = matrix(inputs, outputs, Float64Array.from(layer.columns()))
  const covariance = source && (await secondMoments(model, layer, source, samples))
  const { a, b } = await lowRank(
    matmul,
    w,
    ruleOf(inputs, outputs, how, rankForEnergy),
    whiten ? covariance : undefined,
  )
  const form: Form = {
    kind: 'svd',
    rank: [a.cols],
    stages: [
      { weight: float(a.data, [inputs, a.cols]) },
      { weight: float(transpose(b).data, [...layer.tensor.dims.slice(0, 2), a.cols]) },
    ],
  }
  if (elementsOf(form) >= w.data.length) return `rank ${a.cols} would need as many numbers as the layer`
  const error = covariance && (await outputError(matmul, w, await matmul(a, b), covariance))
  projectFirst(model, layer, form)
  return { form, before: w.data.length, after: elementsOf(form), error }
}

/**
 * Σ xxᵀ of what the layer reads at every step. The mean is in it: the gates are not linear, so no bias after them can make
 * up for what it loses.
 */
async function secondMoments(
  model: Model,
  layer: Layer,
  source: SampleSource,
  samples: number,
): Promise<F64Matrix | undefined> {
  const found = await collect(model, { grams: [layer] }, () => source(AT_ONCE, samples))
  const gram = found.gram(layer)
  return gram && gram.rows > 0 ? gram.xx[0] : undefined
}

function projectFirst({ graph }: Model, { node, weight }: Layer, { stages: [front, back] }: Form): void {
  const projected = graph.freshName(`${node.outputs.find(Boolean)!}_projected`)
  const name = graph.addInitializer(`${weight}_factor1`, front!.weight)
  graph.addNode({ opType: 'MatMul', inputs: [node.inputs[0]!, name], outputs: [projected] }, node)
  node.inputs[0] = projected
  node.inputs[1] = graph.addInitializer(`${weight}_factor2`, back!.weight)
  graph.prune()
}
