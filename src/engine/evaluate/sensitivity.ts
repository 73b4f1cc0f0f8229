/**
 * How much the outputs move when one layer alone is quantized, pruned or factorized, measured on calibration
 * samples. No labels are needed and nothing but that layer's weight is touched.
 * The idea of one layer at a time: HAWQ (arXiv:1905.03696) and ONNX Runtime's own quantization debugging.
 */
import { PareError } from '../../contract/errors'
import type { Sensitivity, SensitivityReport, Technique } from '../../contract/sensitivity'
import type { Dataset } from '../data/dataset'
import { atRank, roundedTo, sparsified, withoutChannels } from '../math/perturb'
import { Tensor, type Model } from '../onnx'
import { divergences } from '../passes/quantization/divergence'
import { finiteWeights, weightedLayers, type WeightedLayer } from '../passes/quantization/layers'
import { feedsOf } from '../passes/quantization/samples'

const STRENGTHS: Record<Technique, readonly number[]> = {
  bits: [8, 4, 3, 2],
  sparsity: [0.5, 0.8, 0.9],
  channels: [0.3, 0.5],
  rank: [0.5, 0.25],
}
/** Models that run beside the original at a time; each holds its own copy of the weights. */
const TOGETHER = 6
/** Layers with fewer weights than this are left out: nothing is won by compressing them. */
const SMALLEST = 64

export interface SensitivityOptions {
  /** Calibration samples; default 64. */
  samples?: number
  techniques?: readonly Technique[]
  /** Only these layers. */
  layers?: readonly string[]
  signal?: AbortSignal
  progress?(done: number, doing: string): void
}

interface Probe {
  layer: WeightedLayer
  technique: Technique
  strength: number
}

async function perturbed({ layer, technique, strength }: Probe): Promise<Tensor> {
  const { tensor, axis, weight } = layer
  const values = finiteWeights(weight, tensor, 'sensitivity')
  const changed =
    technique === 'bits'
      ? roundedTo(strength, values, tensor.dims, axis)
      : technique === 'sparsity'
        ? sparsified(strength, values)
        : technique === 'channels'
          ? withoutChannels(strength, values, tensor.dims, axis)
          : await atRank(strength, values, tensor.dims)
  return Tensor.of(tensor.dtype, tensor.dims, changed)
}

/** The model with one weight replaced for every reader that shares it. */
async function probeModel(model: Model, probe: Probe): Promise<Model> {
  const copy = model.clone()
  const tensor = await perturbed(probe)
  const { weight } = probe.layer
  if (copy.graph.initializers.has(weight)) copy.graph.initializers.set(weight, tensor)
  else copy.graph.producer(weight)?.set('value', { type: 'tensor', value: tensor })
  return copy
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
  model: Model,
  data: Dataset,
  options: SensitivityOptions = {},
): Promise<SensitivityReport> {
  const limit = options.samples ?? 64
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
  const batches = () => feedsOf(model, calibration, limit, options.signal)
  const classes = data.task === 'classification' || data.task === 'language-model'
  const entries: Sensitivity[] = []
  for (let at = 0; at < probes.length; at += TOGETHER) {
    if (options.signal?.aborted) throw new PareError('cancelled', { during: 'measuring sensitivity' })
    const group = probes.slice(at, at + TOGETHER)
    options.progress?.(at / probes.length, `${group[0]!.layer.layer}: ${group[0]!.technique}`)
    const models = await Promise.all(group.map((probe) => probeModel(model, probe)))
    const results = await divergences(model, models, batches, { classes })
    for (const [i, { points, sqnr }] of results.entries()) {
      const { layer, technique, strength } = group[i]!
      entries.push({
        layer: layer.layer,
        op: layer.node.opType,
        parameters: layer.tensor.size,
        technique,
        strength,
        points,
        sqnr,
      })
    }
  }
  return { samples: Math.min(limit, calibration.length), entries }
}
