/**
 * GPTQ at few bits, in each order that layers can be looked at: what is left of the metric on validation samples, how far
 * the outputs are from the float model's there, and the time. The table of docs/quantization.md is this output. Needs the
 * reference set; `gptq-order:bert` measures this model only.
 */
import { feedsOf } from '../src/engine/data/feeds'
import { divergences } from '../src/engine/evaluate/comparison/divergence'
import { measureQuality } from '../src/engine/evaluate/quality'
import type { Model } from '../src/engine/onnx'
import { ORDERS } from '../src/engine/passes/quantization/sequence'
import { quantizeWeights } from '../src/engine/passes/quantize-weights'
import { taskOf } from '../src/engine/tasks'
import { seconds, type Entry, type Figure } from './support/figure'
import { manifest, withReference, type Opened } from './support/reference'

const BITS = [4, 3, 2]

async function measured(name: string, { model, data, context }: Opened): Promise<Figure[]> {
  const made: { what: string; time: number; model: Model }[] = []
  for (const bits of BITS)
    for (const order of ORDERS) {
      let result = model
      const time = await seconds(async () => {
        result = (await quantizeWeights.run(model, { bits, order, maxLoss: 100 }, context)).model
      })
      made.push({ what: `${name}, ${bits} bits, ${order}`, time, model: result })
    }
  const models = made.map(({ model }) => model)
  const { candidates } = await measureQuality(model, models, { dataset: data })
  const samples = data.splits.validation
  const batches = (): ReturnType<typeof feedsOf> => feedsOf(model, samples, { limit: samples.length })
  const classes = taskOf(data.task).protects === 'class'
  const distances = await divergences(model, models, batches, { classes })
  return made.flatMap(({ what, time }, i) => [
    {
      what: `${what}: ${candidates[i]!.quality.metric}`,
      value: candidates[i]!.quality.value,
      unit: '',
      digits: 4,
    },
    { what: `${what}: outputs over their error`, value: distances[i]!.sqnr, unit: 'dB' },
    { what: `${what}: answers changed`, value: distances[i]!.points, unit: '%' },
    { what: `${what}: time`, value: time, unit: 's' },
  ])
}

async function* run(chosen: readonly string[]): AsyncIterable<Figure> {
  for (const one of manifest()?.models ?? [])
    if (chosen.length === 0 || chosen.includes(one.name))
      yield* await withReference(one, (opened) => measured(one.name, opened))
}

export const entry: Entry = {
  about: 'GPTQ with each layer seen as the quantized layers before it leave it, or all as in the original',
  run,
}
