/** Low-rank factorization of a model, layer by layer from the input on. */
import { outputError } from '../../math/factorize/low-rank'
import { rankForEnergy } from '../../math/factorize/rank'
import { fitRidge, Regression } from '../../math/pruning/ridge'
import { matrix, type F64Matrix } from '../../math/matrix'
import { matmul } from '../../runtime/linalg'
import type { Model } from '../../onnx'
import type { SampleSource } from '../../data/feeds'
import { weightedLayers } from '../../layers/find'
import type { Layer } from '../../layers/layer'
import { isExcluded, LEFT_ALONE } from '../../layers/left-out'
import { NO_PRODUCT, productLayer } from '../../layers/product'
import { addToBias } from '../../layers/rewrite'
import type { ShapeSource } from '../pruning/collect'
import { refitSums } from '../pruning/reconstruct'
import { applyForm, elementsOf, type Form } from './form'
import {
  productForm,
  spatialForm,
  tuckerForm,
  type ConvForm,
  type Factorized,
  type FormOptions,
} from './forms'
import { timeShare } from './measure'
import { factorizeRecurrent } from './recurrent'
import { refusalOf, refusedReason } from '../loads'

interface FactorizeOptions {
  rankBy: 'ratio' | 'energy' | 'break-even'
  ratio: number
  energy: number
  conv: ConvForm | 'auto' | 'keep'
  whiten: boolean
  refit: boolean
  leastWeights: number
  exclude: readonly string[]
  /** Keep a factorization only where it is measured to be faster. */
  samples: number
  fixedBatch?: number
  source?: SampleSource
  shapes: ShapeSource
  signal: AbortSignal
  progress(done: number, doing: string): void
}

export interface FactorizedLayer {
  layer: string
  op: string
  form: Form
  before: number
  after: number
  /** Share of the output's variance that is error, on calibration data; undefined without data. */
  error: number | undefined
}

interface FactorizeResult {
  model: Model
  done: FactorizedLayer[]
  skipped: { layer: string; reason: string }[]
}

const none = (): undefined => undefined

/** Operators that are looked at. */
export const FACTORED = ['Conv', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN']

/** A classifier of ten classes needs its ten directions. */
const LEAST_SIDE = 24

/**
 * From the input on, each layer fitted to what those before it give. A layer that ONNX Runtime refuses is left as it
 * was, and what came after it is done again.
 */
export async function factorize(original: Model, options: FactorizeOptions): Promise<FactorizeResult> {
  const uses = original.graph.consumerMap()
  const layers = weightedLayers(original.graph, FACTORED).filter(({ weight }) =>
    original.graph.initializers.has(weight),
  )
  const refused = new Map<string, string>()
  const steps: FactorizeResult[] = [{ model: original.clone(), done: [], skipped: [] }]
  for (;;) {
    while (steps.length <= layers.length) {
      const layer = layers[steps.length - 1]!
      const { name, weight } = layer
      options.progress((steps.length - 1) / layers.length, `layer ${steps.length} of ${layers.length}`)
      const { model: before, done, skipped } = steps.at(-1)!
      const model = before.clone()
      const node = model.graph.producer(layer.place)!
      const readers = uses.get(weight)?.length ?? 0
      const outcome =
        refused.get(name) ?? (await factorizeNode(original, model, layer.on(node), readers, options))
      steps.push(
        typeof outcome === 'string'
          ? { model: before, done, skipped: [...skipped, { layer: name, reason: outcome }] }
          : { model, done: [...done, { layer: name, op: node.opType, ...outcome }], skipped },
      )
    }
    const refusal = await refusalOf(steps.at(-1)!.model)
    if (!refusal) return steps.at(-1)!
    const first = await firstRefused(steps.map(({ model }) => model))
    if (first === 0) throw refusal
    const reason = (await refusalOf(steps[first]!.model)) ?? refusal
    refused.set(layers[first - 1]!.name, refusedReason(reason))
    steps.length = first
  }
}

/** The first of models, each edited further, that ONNX Runtime refuses; the last is one of them. */
async function firstRefused(models: readonly Model[]): Promise<number> {
  let [low, high] = [0, models.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (await refusalOf(models[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}

/** Edits the model; gives the reason where it is left alone. */
async function factorizeNode(
  original: Model,
  model: Model,
  found: Layer,
  readers: number,
  options: FactorizeOptions,
): Promise<Omit<FactorizedLayer, 'layer' | 'op'> | string> {
  if (found.kind === 'recurrent') return factorizeSteps(model, found, readers, options)
  const layer = productLayer(model.graph, found.node)
  const reason = whyNot(layer, readers, options)
  return layer && !reason ? factorizeLayer(original, model, layer, options) : (reason ?? NO_PRODUCT)
}

async function factorizeSteps(
  model: Model,
  layer: Layer,
  readers: number,
  options: FactorizeOptions,
): Promise<Omit<FactorizedLayer, 'layer' | 'op'> | string> {
  if (layer.slot !== layer.type.weights[0])
    return 'what reads the state is multiplied within the operator, step by step: no product of it lies outside'
  if (options.rankBy === 'break-even')
    return 'steps of a recurrent layer are not timed: its rank goes by the share or the energy alone'
  const reason = whyNot(layer, readers, options)
  return reason ?? factorizeRecurrent(model, layer, { ...options, how: limitOf(options) })
}

function whyNot(
  layer: Layer | undefined,
  uses: number,
  { leastWeights, exclude, conv }: FactorizeOptions,
): string | undefined {
  if (!layer) return undefined
  if (isExcluded(exclude, layer)) return LEFT_ALONE
  const { groups, inputs, outputs } = layer.product
  if (layer.padsItself) return 'its padding hangs on the size of its input (auto_pad)'
  if (groups > 1)
    return outputs === 1
      ? 'a depthwise kernel has rank one already'
      : 'grouped kernels are small matrices already'
  if (Math.min(inputs, outputs) < LEAST_SIDE)
    return `with ${Math.min(inputs, outputs)} ${outputs < inputs ? 'outputs' : 'inputs'} there is no rank to spare`
  if (inputs * outputs < leastWeights) return `it has only ${inputs * outputs} weights`
  if (uses > 1) return 'its weight is shared by several layers'
  if (layer.kind === 'conv' && conv === 'keep') return 'convolutions were to be left alone'
  return undefined
}

async function factorizeLayer(
  original: Model,
  model: Model,
  layer: Layer,
  options: FactorizeOptions,
): Promise<Omit<FactorizedLayer, 'layer' | 'op'> | string> {
  const { inputs, outputs } = layer.product
  const w = matrix(inputs, outputs, Float64Array.from(layer.columns()))
  const { dims } = layer.tensor
  const sums = options.source && (await statistics(original, model, layer, options, options.source))
  const covariance = sums && options.whiten ? sums[0].centred().xx : undefined
  const inDims = options.shapes.shapes.get(layer.input)!.dims
  const make = (how: FormOptions): Promise<Factorized[]> =>
    candidates(layer, dims, w, { ...how, covariance }, options)
  const time = (form: Form): Promise<number> => timeShare(model, layer, form, inDims, options.signal)
  const found =
    options.rankBy === 'break-even'
      ? await atBreakEven(make, time, inputs, outputs)
      : await best(await make(limitOf(options)), w, sums)
  if (!found) return 'no rank of it is faster than the layer'
  if (elementsOf(found.form) >= w.data.length)
    return `rank ${found.form.rank.join(', ')} would need as many numbers as the layer`
  const finished = await finish(model, layer, found, sums, options)
  applyForm(model.graph, layer, finished.form)
  return {
    form: finished.form,
    before: w.data.length,
    after: elementsOf(finished.form),
    error: finished.error,
  }
}

const limitOf = ({ rankBy, ratio, energy }: FactorizeOptions): FormOptions =>
  rankBy === 'energy' ? { energy } : { share: ratio }

/** Products of the layer's present inputs, among themselves and with the original's outputs. */
async function statistics(
  original: Model,
  model: Model,
  layer: Layer,
  options: FactorizeOptions,
  source: SampleSource,
): Promise<[Regression, Regression] | undefined> {
  const task = {
    original,
    pruned: model,
    layer,
    source: options.shapes,
    kept: none,
    options: { ...options, batches: source },
  }
  const {
    fit: [fit],
    aside: [aside],
  } = await refitSums(task)
  return fit && aside && fit.samples > 0 && aside.samples > 0 ? [fit, aside] : undefined
}

async function candidates(
  layer: Layer,
  dims: readonly number[],
  w: F64Matrix,
  how: FormOptions,
  { conv }: FactorizeOptions,
): Promise<Factorized[]> {
  if (layer.kind === 'matrix' || conv === 'channel' || how.energy !== undefined)
    return [await productForm(layer, dims, w, how, rankForEnergy)]
  const makers = {
    channel: () => productForm(layer, dims, w, how, rankForEnergy),
    spatial: () => spatialForm(layer, dims, w, how),
    tucker: () => tuckerForm(layer, dims, w, how),
  }
  const wanted = conv === 'auto' || conv === 'keep' ? (['channel', 'spatial', 'tucker'] as const) : [conv]
  const found: Factorized[] = []
  for (const kind of wanted) {
    const form = await makers[kind]()
    if (form) found.push(form)
  }
  return found.length > 0 ? found : [await makers.channel()]
}

/** The form that is nearest in what the layer gives; of unequal sizes only those that save. */
async function best(
  forms: readonly Factorized[],
  w: F64Matrix,
  sums: readonly [Regression, Regression] | undefined,
): Promise<Factorized | undefined> {
  const covariance = sums?.[0].centred().xx
  let chosen: { form: Factorized; error: number } | undefined
  for (const form of forms) {
    const error = forms.length > 1 ? await outputError(matmul, w, form.equivalent, covariance) : 0
    if (!chosen || error < chosen.error) chosen = { form, error }
  }
  return chosen?.form
}

const STEPS = 5
/** A rank counts as faster from here on: timings of single layers scatter. */
const FASTER = 0.97

/** The largest rank that is measured to be faster, between one and the rank that needs as many numbers. */
async function atBreakEven(
  make: (how: FormOptions) => Promise<Factorized[]>,
  time: (form: Form) => Promise<number>,
  inputs: number,
  outputs: number,
): Promise<Factorized | undefined> {
  let [low, high] = [0, Math.max(1, Math.floor((inputs * outputs) / (inputs + outputs)))]
  let found: Factorized | undefined
  for (let step = 0; step < STEPS && high - low > 0; step++) {
    const rank = Math.max(1, Math.round((low + high) / 2))
    const [form] = await make({ rank })
    if (form && (await time(form.form)) < FASTER) {
      found = form
      if (low === rank) break
      low = rank
    } else high = rank - 1
  }
  return found
}

/** Fits the last factor and the bias to the original's outputs where there is data to do so. */
async function finish(
  model: Model,
  layer: Layer,
  found: Factorized,
  sums: readonly [Regression, Regression] | undefined,
  { refit }: FactorizeOptions,
): Promise<{ form: Form; error: number | undefined }> {
  if (!sums) return { form: found.form, error: undefined }
  const [fit, aside] = sums
  let { form, equivalent } = found
  let error = await relativeError(aside, equivalent)
  if (refit && found.front && found.back && found.withBack) {
    const fitted = await fitRidge(
      matmul,
      await projected(fit, found.front),
      await projected(aside, found.front),
      found.back,
    )
    form = found.withBack(fitted.w)
    equivalent = await matmul(found.front, fitted.w)
    error = fitted.after
  }
  const old = layer.bias?.tensor?.floats()
  addToBias(
    model.graph,
    layer,
    fit.biasFor(equivalent.data).map((value, i) => value - (old?.[i] ?? 0)),
  )
  return { form, error }
}

async function relativeError(sums: Regression, w: F64Matrix): Promise<number> {
  const total = sums.centred().yy.reduce((sum, one) => sum + one, 0)
  return total > 0 ? (await sums.errorOf(matmul, w)) / total : 0
}

/** The sums as if X·A had been the input. */
async function projected(sums: Regression, a: F64Matrix): Promise<Regression> {
  const out = new Regression(a.cols, sums.targets)
  const xx = matrix(sums.inputs, sums.inputs, sums.xx)
  const inner = await matmul(await matmul(a, xx, { transA: true }), a)
  const cross = await matmul(a, matrix(sums.inputs, sums.targets, sums.xy), { transA: true })
  const mean = await matmul(a, matrix(sums.inputs, 1, sums.x), { transA: true })
  out.add({ xx: inner.data, xy: cross.data, x: mean.data, y: sums.y, yy: sums.yy, samples: sums.samples })
  return out
}
