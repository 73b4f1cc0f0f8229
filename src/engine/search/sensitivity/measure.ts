/**
 * How much the outputs move when one layer alone is quantized, pruned or factorized, measured on calibration
 * samples. No labels are needed and nothing but that layer's weight is touched. What is in the cache already, from
 * whichever caller, is not measured again.
 * The idea of one layer at a time: HAWQ (arXiv:1905.03696) and ONNX Runtime's own quantization debugging.
 */
import { PareError } from '../../../contract/errors'
import type { Sensitivity, SensitivityReport, Technique } from '../../../contract/sensitivity'
import type { Dataset } from '../../data/dataset'
import { exampleFeeds, feedsOf } from '../../data/feeds'
import { divergences } from '../../evaluate/comparison/divergence'
import { noneOf } from '../../layers/left-out'
import { normalize } from '../../layers/normalize'
import type { Model } from '../../onnx'
import type { Sensitivities } from '../../passes/pass'
import { traceShapes, workOf, type Values } from '../../runtime'
import { POLICY } from '../policy'
import { layersKey, samplesKey, type SensitivityCache } from './cache'
import { entryOf, probeModel, probesOf, STRENGTHS } from './probes'
import { layersThroughViews } from '../../layers/find'
import { taskOf } from '../../tasks'

/** The same on every machine and for every caller, so that all ask with the same samples. */
async function affordableSamples(model: Model, data: Dataset): Promise<number> {
  const traced = await traceShapes(model, { feeds: await exampleFeeds({ original: model, data }) })
  const probes = Math.max(1, layersThroughViews(model.graph).length * STRENGTHS.bits.length)
  const { askedMost, askedLeast, askedWork } = POLICY
  return Math.min(askedMost, Math.max(askedLeast, Math.floor(askedWork / (workOf(model, traced) * probes))))
}

interface SensitivityOptions {
  /** Calibration samples; default: see `affordableSamples`. */
  samples?: number
  techniques?: readonly Technique[]
  /** Only these layers. */
  layers?: readonly string[]
  /** Bits that the target uses of the 8 of an integer weight; default 8. */
  weightBits?: number
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
  const batches = (): AsyncIterable<Values> => feedsOf(model, data.splits.calibration, { limit, signal })
  return {
    batches,
    about: async () => `${layersKey(model)}-${await samplesKey(batches(), data.task)}`,
  }
}

/** What passes are given: measured with the samples of `data`, kept in `cache` where there is one. */
export const sensitivitiesOf = (
  data: Dataset,
  cache: SensitivityCache | undefined,
  signal?: AbortSignal,
): Sensitivities => ({
  known: (model, bits) => known(model, data, cache, bits, signal),
  async ofBits(model, { progress }) {
    const options = { techniques: ['bits'] as const, cache, signal, progress }
    return (await measureSensitivity(model, data, options)).entries
  },
})

async function known(
  original: Model,
  data: Dataset,
  cache: SensitivityCache | undefined,
  bits: number,
  signal?: AbortSignal,
): Promise<Sensitivity[]> {
  if (!cache || cache.grows || data.splits.calibration.length === 0) return []
  const { model } = normalize(original)
  const about = await questions(model, data, await affordableSamples(model, data), signal).about()
  const nearest = STRENGTHS.bits.toSorted((a, b) => Math.abs(a - bits) - Math.abs(b - bits) || a - b)[0]!
  return layersThroughViews(model.graph).flatMap(({ name }) => cache.find(about, name, 'bits', nearest) ?? [])
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
  const { model } = normalize(original)
  const limit = options.samples ?? (await affordableSamples(model, data))
  const { calibration } = data.splits
  if (calibration.length === 0)
    throw new PareError('data/split-missing', { split: 'calibration', by: 'sensitivity' })
  const probes = probesOf(model, options)
  if (probes.length === 0)
    throw new PareError('model/nothing-to-do', {
      by: 'sensitivity',
      reason: noneOf(model.graph, 'layers with float weights'),
    })
  const { batches, about: name } = questions(model, data, limit, options.signal)
  const classes = ['class', 'classes'].includes(taskOf(data.task).protects)
  const { cache, weightBits = 8 } = options
  const about = cache && `${await name()}${weightBits < 8 ? `-${weightBits}` : ''}`
  const entries = probes.map((probe) =>
    cache?.find(about!, probe.layer.name, probe.technique, probe.strength),
  )
  // Layers that read one constant change together, and are asked about once.
  const alike = new Map<string, number[]>()
  for (const [at, { layer, technique, strength }] of probes.entries()) {
    if (entries[at]) continue
    const key = `${technique} ${strength} ${layer.root.value}`
    alike.set(key, [...(alike.get(key) ?? []), at])
  }
  const missing = [...alike.values()]
  for (let from = 0; from < missing.length; from += POLICY.askedTogether) {
    if (options.signal?.aborted) throw new PareError('cancelled', { during: 'measuring sensitivity' })
    const group = missing.slice(from, from + POLICY.askedTogether)
    const asked = group.map(([at]) => probes[at!]!)
    const first = asked[0]!
    let runs = 0
    const say = (): void => {
      const inside = Math.min(1, runs++ / Math.max(1, Math.min(limit, calibration.length)))
      const done = (from + inside * group.length) / missing.length
      options.progress?.(done, `${first.layer.name}: ${first.technique}`)
    }
    say()
    const made = await Promise.all(asked.map((probe) => probeModel(model, probe, weightBits)))
    const models = made.map((one) => one.model)
    const results = await divergences(model, models, batches, { classes, progress: say })
    const measured = results.flatMap((result, i) =>
      group[i]!.map((at) => (entries[at] = entryOf(probes[at]!, result, made[i]!.weightSqnr))),
    )
    cache?.keep(about!, measured)
  }
  return {
    samples: Math.min(limit, calibration.length),
    entries: entries.filter((entry) => entry !== undefined),
    measured: missing.length,
  }
}
