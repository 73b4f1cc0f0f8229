/** Low-bit weights by training: fake-quantized in place, trained with the original as teacher, packed for real. */
import { errorData, PareError } from '../../../contract/errors'
import { errorMessage } from '../../../contract/messages'
import type { LayerReport, StepRecord } from '../../../contract/report'
import { dequantizeGroups } from '../../math/quantize/grouped'
import { toHalf } from '../../math/quantize/half'
import { sqnr } from '../../math/quantize/sqnr'
import type { Model } from '../../onnx'
import { codesOf, fakeNames, roundingRegularizer, type FakeWeight } from '../../training/fake-quant'
import { learn, type Learned } from '../../training/learn'
import type { LearningSettings, TeacherSettings } from '../../training/settings'
import { Parameters, trainableWeights } from '../../training/trainable'
import { assemble } from '../quantization/assemble'
import { reconstruct, REGULARIZATION } from './reconstruction'
import { writeFakeLayers } from './fake-layers'
import type { LowBit } from '../quantization/low-bit'
import { quantizeAll } from '../quantization/quantize-all'
import { normalize } from '../../layers/normalize'
import { calibrationBatches, feedsOf, type Batches } from '../../data/feeds'
import type { PassContext } from '../pass'
import { findLayers, STANDARD_OPS } from '../../layers/find'
import { isExcluded, LEFT_ALONE, noneOf, openLayers, reasonsTold } from '../../layers/left-out'
import type { Layer } from '../../layers/layer'

interface LowBitTraining {
  by: string
  bits: number
  block: number
  symmetric: boolean
  learns: FakeWeight['learns']
  leastWeights: number
  exclude: readonly string[]
  settings: LearningSettings
  teacher: TeacherSettings
  /** Updates to aim for where the number of epochs is left open. */
  updates?: number
  /** Learning rate where it is left open; default one that suits the bits. */
  rate?: number
  features: number
  labels: boolean
}

interface LowBitTrained {
  model: Model
  learned: Learned
  layers: LayerReport[]
  skipped: StepRecord['skipped']
}

/** Updates a layer learns for by itself; all of them go on together from there. */
const LAYER_UPDATES = 240

/** A head that is tied to an embedding through Transpose learns with it. */
const WEIGHTS = { ops: STANDARD_OPS, throughViews: true }

/** Trains and packs. Throws `model/nothing-to-do` where no layer can be quantized, and what `learn` throws. */
export async function trainLowBit(
  source: Model,
  original: Model,
  context: PassContext,
  options: LowBitTraining,
): Promise<LowBitTrained> {
  const { by, bits } = options
  const { model: prepared, notes } = normalize(source)
  const all = openLayers(prepared, WEIGHTS, (layer) => reasonToSkip(layer, options))
  const { layers } = all
  const skipped = [...all.skipped, ...all.others]
  if (layers.length === 0)
    throw new PareError('model/nothing-to-do', {
      by,
      reason: reasonsTold(skipped) ?? noneOf(prepared.graph, 'layers with constant float32 weights'),
    })
  const fakeModel = prepared.clone()
  const starts = await startingCodes(prepared, layers, context, options)
  const trained = writeFakeLayers(
    fakeModel,
    layers,
    options.learns,
    by,
    ({ rowsKey }) => starts.get(rowsKey)!.grouped!,
  )
  const fakes = [...trained.values()].map(({ fake }) => fake)
  const rounds = options.learns === 'rounding'
  const byLayer: string[] = []
  if (rounds) {
    const list = [...trained.values()].map(({ layer, fake }) => ({ output: layer.name, fakes: [fake] }))
    const closer = await reconstruct(fakeModel, prepared, list, context, options.settings, {
      word: 'layer',
      updates: LAYER_UPDATES,
    })
    byLayer.push(
      `Layer by layer, ${closer} of ${list.length} came closer to the original than GPTQ's codes, the others start from those.`,
    )
  }
  const learned = await learn(fakeModel, context, {
    by,
    settings: withRate(options),
    updates: options.updates,
    labels: options.labels,
    teacher: { model: original, settings: options.teacher, features: options.features },
    keepShared: false,
    trainable: (model) => {
      const names = fakeNames(fakes)
      // Rounding alone is learned from few samples; the other weights would only fit those.
      if (rounds) return names
      // Asked of the model as it was: scales and zero points of the fake weights look like weights too.
      const others = trainableWeights(prepared.graph).filter((name) => model.graph.initializers.has(name))
      return [...names, ...others]
    },
    constraints: (parameters) => (rounds ? [roundingRegularizer(parameters, fakes, REGULARIZATION)] : []),
  }).catch((thrown: unknown) => {
    if (!rounds) throw thrown
    return layersAlone(fakeModel, fakes, thrown)
  })
  learned.notes.unshift(...byLayer)
  learned.notes.unshift(...notes.map((note) => `The model was first changed: ${note}.`))
  const found = new Map<string, LowBit>()
  for (const layer of layers) {
    const { rowsKey } = layer
    if (found.has(rowsKey)) continue
    const grouped = codesOf(learned.result.parameters, trained.get(rowsKey)!.fake, toHalf)
    const weightSqnr = sqnr(layer.rows(by), dequantizeGroups(grouped))
    found.set(rowsKey, { ...starts.get(rowsKey)!, codes: grouped.codes, grouped, weightSqnr })
  }
  const names = new Set(layers.map(({ name }) => name))
  const others = withTrainedOthers(prepared, learned.model)
  const { model, forms } = assemble(
    others,
    findLayers(others.graph, WEIGHTS).layers.filter(({ name }) => names.has(name)),
    ({ rowsKey }) => found.get(rowsKey),
    { storage: 'auto', target: context.target },
  )
  const counted = new Set<LowBit>()
  const reports = layers.map(({ name, node, rowsKey, tensor }): LayerReport => {
    const low = found.get(rowsKey)!
    const tied = counted.has(low)
    counted.add(low)
    const treatment = `${bits}-bit ${options.learns === 'steps' ? 'trained' : 'learned rounding'}`
    const report = { layer: name, op: node.opType, treatment }
    if (tied)
      return {
        ...report,
        treatment: `${treatment}, shared with a tied layer`,
        bytesBefore: 0,
        bytesAfter: 0,
        reason: 'tied weights are stored once',
      }
    const { weightSqnr } = low
    return {
      ...report,
      bytesBefore: tensor.byteLength,
      bytesAfter: forms.get(name)!.bytes(low),
      ...(Number.isFinite(weightSqnr) && { weightSqnr }),
    }
  })
  return { model, learned, layers: reports, skipped }
}

/**
 * Learning rate times levels: weights of every layer are brought to one size, so a rate is a share of the distance
 * between two levels. Chosen by the loss on calibration samples of two networks (a perceptron and a 1-D CNN, at 2
 * and 4 bits), where a third and three times of it were no better. Short trials prefer rates that are too small:
 * whole steps cost something before they pay.
 */
const RATE_OF_LEVELS = 8e-4

function withRate({ settings, learns, bits, rate }: LowBitTraining): LearningSettings {
  if (learns === 'rounding' || settings.learningRate > 0 || settings.optimizer !== 'adamw') return settings
  return { ...settings, learningRate: rate ?? RATE_OF_LEVELS / 2 ** bits }
}

/** What layers learned by themselves stands where the whole network cannot be learned through. Throws all else again. */
function layersAlone(model: Model, fakes: readonly FakeWeight[], thrown: unknown): Learned {
  const error = errorData(thrown)
  if (error.code !== 'model/unsupported-op') throw thrown
  return {
    model,
    result: {
      parameters: Parameters.of(model, fakeNames(fakes)),
      curve: [],
      bestEpoch: 0,
      epochs: 0,
      ending: 'done',
      rate: 0,
      shortened: false,
    },
    notes: [`Layers have not learned together: ${errorMessage(error).what}`],
  }
}

const HESSIAN_SAMPLES = 512

/**
 * The samples learned from, where there are enough: calibration samples judge the epochs, and a start fitted to
 * them would look better than it is.
 */
function hessianBatches(context: PassContext, by: string): Batches | undefined {
  const { training, calibration } = context.data?.splits ?? {}
  if (training && training.length >= (calibration?.length ?? 0) && training.length > 0)
    return () => feedsOf(context.original, training, { limit: HESSIAN_SAMPLES, signal: context.signal })
  return calibration?.length ? calibrationBatches(context, HESSIAN_SAMPLES, by) : undefined
}

/** Codes to start from: the best there are without training, so that training begins where those end. */
function startingCodes(
  model: Model,
  layers: readonly Layer[],
  context: PassContext,
  { by, bits, block, symmetric }: LowBitTraining,
): Promise<Map<string, LowBit>> {
  const batches = hessianBatches(context, by)
  const method = bits === 1 ? 'binary' : batches ? 'gptq' : 'mse'
  const how = { by, bits, block, symmetric, method, codebook: 'tensor', storage: 'auto' } as const
  const progress = (_: number, doing: string): void => context.progress(0, `finding steps: ${doing}`)
  const seen = { order: 'parallel', samples: HESSIAN_SAMPLES, batches } as const
  return quantizeAll(model, layers, { ...how, ...seen }, { ...context, progress })
}

/** Biases, scales of norms and small layers as training left them. */
function withTrainedOthers(prepared: Model, trained: Model): Model {
  const clone = prepared.clone()
  for (const name of clone.graph.initializers.keys()) {
    const tensor = trained.graph.initializers.get(name)
    if (tensor) clone.graph.initializers.set(name, tensor)
  }
  return clone
}

function reasonToSkip(layer: Layer, options: LowBitTraining): string | undefined {
  const { tensor, inputIssue } = layer
  if (isExcluded(options.exclude, layer)) return LEFT_ALONE
  if (tensor.dtype !== 'float32') return `its weights are ${tensor.dtype}`
  if (tensor.size < options.leastWeights) return `only ${tensor.size} weights`
  return inputIssue
}
