/**
 * How much the outputs move when one layer alone is quantized, pruned or factorized, measured on calibration
 * samples. No labels are needed and nothing but that layer's weight is touched. What is in the cache already, from
 * whichever caller, is not measured again.
 * The idea of one layer at a time: HAWQ (arXiv:1905.03696) and ONNX Runtime's own quantization debugging.
 */
import { PareError } from '../../contract/errors'
import type { Sensitivity, SensitivityReport, Technique } from '../../contract/sensitivity'
import type { Dataset } from '../data/dataset'
import { atRank, roundedTo, sparsified, withoutChannels } from '../math/perturb'
import { sqnr } from '../math/quantize/sqnr'
import { Tensor, type Model } from '../onnx'
import { divergences } from '../passes/quantization/divergence'
import { finiteWeights, weightedLayers, type WeightedLayer } from '../passes/quantization/layers'
import { prepare } from '../passes/quantization/prepare'
import { feedsOf } from '../passes/quantization/samples'
import { macsOf, traceShapes, type Values, matmul } from '../runtime'
import { layersKey, samplesKey, type SensitivityCache } from './sensitivity-cache'

const STRENGTHS: Record<Technique, readonly number[]> = {
  bits: [8, 4, 3, 2],
  sparsity: [0.5, 0.8, 0.9],
  channels: [0.3, 0.5],
  rank: [0.5, 0.25],
}
const UNSEEN = 200
/** JSON holds no infinite decibel: that of a change no output shows, or of one that breaks them. */
const finite = (decibel: number): number => Math.max(-UNSEEN, Math.min(decibel, UNSEEN))
/** Models that run beside the original at a time; each holds its own copy of the weights. */
const TOGETHER = 6
/** Layers with fewer weights than this are left out: nothing is won by compressing them. */
const SMALLEST = 64

/** Samples each layer is asked with, and fewer down to LEAST where the model is large. */
const MOST = 64
const LEAST = 16
/** Multiply-accumulates that asking about bits may take over all layers: some ten seconds of a desktop CPU. */
const AFFORDABLE = 1e11

/** The same on every machine and for every caller, so that all ask with the same samples. */
export async function affordableSamples(model: Model): Promise<number> {
  const traced = await traceShapes(model)
  const once = model.graph.nodes.reduce((sum, node) => sum + macsOf(node, traced), 0)
  const probes = weightedLayers(model.graph).length * STRENGTHS.bits.length
  return Math.min(MOST, Math.max(LEAST, Math.floor(AFFORDABLE / Math.max(1, once * probes))))
}

export interface SensitivityOptions {
  /** Calibration samples; default: see `affordableSamples`. */
  samples?: number
  techniques?: readonly Technique[]
  /** Only these layers. */
  layers?: readonly string[]
  cache?: SensitivityCache
  signal?: AbortSignal
  progress?(done: number, doing: string): void
}

/** The samples a model is asked with, and how a cache calls model and samples together. */
function questions(
  model: Model,
  data: Dataset,
  limit: number,
  signal?: AbortSignal,
): { batches(): AsyncIterable<Values>; about(): Promise<string> } {
  const batches = (): AsyncIterable<Values> => feedsOf(model, data.splits.calibration, limit, signal)
  return {
    batches,
    about: async () => `${layersKey(model)}-${await samplesKey(batches(), data.task)}`,
  }
}

/**
 * What is in the cache of a model's layers rounded to `bits`, or to the width nearest to it that is measured; nothing
 * is measured. For a pass that has a use for it but can do without.
 */
export async function knownSensitivities(
  original: Model,
  data: Dataset,
  cache: SensitivityCache | undefined,
  { bits, signal }: { bits: number; signal?: AbortSignal },
): Promise<Sensitivity[]> {
  if (!cache || data.splits.calibration.length === 0) return []
  const { model } = prepare(original)
  const about = await questions(model, data, await affordableSamples(model), signal).about()
  const nearest = STRENGTHS.bits.toSorted((a, b) => Math.abs(a - bits) - Math.abs(b - bits) || a - b)[0]!
  return weightedLayers(model.graph).flatMap(({ layer }) => cache.find(about, layer, 'bits', nearest) ?? [])
}

interface Probe {
  layer: WeightedLayer
  technique: Technique
  strength: number
}

interface Perturbed {
  model: Model
  weightSqnr: number
}

async function perturbed({ layer, technique, strength }: Probe): Promise<[Tensor, number]> {
  const { tensor, axis, weight } = layer
  const values = finiteWeights(weight, tensor, 'sensitivity')
  const changed =
    technique === 'bits'
      ? roundedTo(strength, values, tensor.dims, axis)
      : technique === 'sparsity'
        ? sparsified(strength, values)
        : technique === 'channels'
          ? withoutChannels(strength, values, tensor.dims, axis)
          : await atRank(matmul, strength, values, tensor.dims)
  return [Tensor.of(tensor.dtype, tensor.dims, changed), finite(sqnr(values, changed))]
}

/** The model with one weight replaced for every reader that shares it. */
async function probeModel(model: Model, probe: Probe): Promise<Perturbed> {
  const copy = model.clone()
  const [tensor, weightSqnr] = await perturbed(probe)
  const { weight } = probe.layer
  if (copy.graph.initializers.has(weight)) copy.graph.initializers.set(weight, tensor)
  else copy.graph.producer(weight)?.set('value', { type: 'tensor', value: tensor })
  return { model: copy, weightSqnr }
}

/** A technique that says nothing about a layer is not tried on it: an embedding's rows are no channels. */
function applies({ layer, technique }: Probe): boolean {
  const gather = layer.node.is('Gather')
  return technique === 'bits' || technique === 'sparsity' || !gather
}

/**
 * Entries for every layer, technique and strength, in the order of the graph.
 * Throws `data/split-missing` without calibration samples, `model/nothing-to-do` without weights, `cancelled`.
 */
export async function measureSensitivity(
  original: Model,
  data: Dataset,
  options: SensitivityOptions = {},
): Promise<SensitivityReport> {
  // Normalizations folded, as every quantizer does first: the weights asked about are those that get the bits.
  const { model } = prepare(original)
  const limit = options.samples ?? (await affordableSamples(model))
  const { calibration } = data.splits
  if (calibration.length === 0)
    throw new PareError('data/split-missing', { split: 'calibration', by: 'sensitivity' })
  const layers = weightedLayers(model.graph).filter(
    ({ layer, tensor }) => tensor.size >= SMALLEST && (options.layers?.includes(layer) ?? true),
  )
  if (layers.length === 0)
    throw new PareError('model/nothing-to-do', {
      by: 'sensitivity',
      reason: 'the model has no layer with float weights',
    })
  const probes = layers
    .flatMap((layer) =>
      (options.techniques ?? (Object.keys(STRENGTHS) as Technique[])).flatMap((technique) =>
        STRENGTHS[technique].map((strength): Probe => ({ layer, technique, strength })),
      ),
    )
    .filter(applies)
  const { batches, about: name } = questions(model, data, limit, options.signal)
  const classes = data.task === 'classification' || data.task === 'language-model'
  const { cache } = options
  const about = cache && (await name())
  const entries = probes.map((probe) =>
    cache?.find(about!, probe.layer.layer, probe.technique, probe.strength),
  )
  const missing = [...probes.keys()].filter((at) => !entries[at])
  for (let from = 0; from < missing.length; from += TOGETHER) {
    if (options.signal?.aborted) throw new PareError('cancelled', { during: 'measuring sensitivity' })
    const group = missing.slice(from, from + TOGETHER)
    const first = probes[group[0]!]!
    options.progress?.(from / missing.length, `${first.layer.layer}: ${first.technique}`)
    const made = await Promise.all(group.map((at) => probeModel(model, probes[at]!)))
    const models = made.map((one) => one.model)
    const results = await divergences(model, models, batches, { classes })
    const measured = results.map((result, i) => entryOf(probes[group[i]!]!, result, made[i]!.weightSqnr))
    measured.forEach((entry, i) => (entries[group[i]!] = entry))
    cache?.keep(about!, measured)
  }
  return {
    samples: Math.min(limit, calibration.length),
    entries: entries.filter((entry) => entry !== undefined),
    measured: missing.length,
  }
}

const entryOf = (
  { layer, technique, strength }: Probe,
  { points, sqnr: outputs }: { points: number; sqnr: number },
  weightSqnr: number,
): Sensitivity => ({
  layer: layer.layer,
  op: layer.node.opType,
  parameters: layer.tensor.size,
  technique,
  strength,
  points,
  sqnr: finite(outputs),
  weightSqnr,
})
