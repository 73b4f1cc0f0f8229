/** Several compressed forms of one model, measured alike. */
import { feedsOf } from '../../src/engine/data/feeds'
import { divergences } from '../../src/engine/evaluate/comparison/divergence'
import { measureQuality } from '../../src/engine/evaluate/quality'
import type { Model } from '../../src/engine/onnx'
import { taskOf } from '../../src/engine/tasks'
import type { Quality } from '../../src/contract/report'
import type { Figure } from './figure'
import type { Opened } from './reference'

export interface Variant {
  what: string
  /** Seconds it took to make. */
  time: number
  model: Model
}

/** On validation samples: the metric, how far the outputs are from the float model's there, and the time. */
export async function measureVariants(
  { model, data }: Opened,
  variants: readonly Variant[],
): Promise<{ float: Quality; figures: Figure[][] }> {
  const models = variants.map((variant) => variant.model)
  const { original, candidates } = await measureQuality(model, models, { dataset: data })
  const samples = data.splits.validation
  const batches = (): ReturnType<typeof feedsOf> => feedsOf(model, samples, { limit: samples.length })
  const classes = taskOf(data.task).protects === 'class'
  const distances = await divergences(model, models, batches, { classes })
  const figures = variants.map(({ what, time }, i): Figure[] => {
    const { metric, value } = candidates[i]!.quality
    return [
      { what: `${what}: ${metric}`, value, unit: '', digits: 4 },
      { what: `${what}: outputs over their error`, value: distances[i]!.sqnr, unit: 'dB' },
      { what: `${what}: answers changed`, value: distances[i]!.points, unit: '%' },
      { what: `${what}: time`, value: time, unit: 's' },
    ]
  })
  return { float: original.quality, figures }
}
