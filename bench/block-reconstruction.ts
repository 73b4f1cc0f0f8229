/**
 * Convolutional networks with weights of 4 and 3 bits and integer activations, by how weights are rounded: what is left
 * of the metric on validation samples, how far the outputs are from the float model's there, and the time. The table of
 * docs/quantization.md is this output. Needs the reference set; `block-reconstruction:cnn1d` measures this model only.
 */
import { feedsOf } from '../src/engine/data/feeds'
import { divergences } from '../src/engine/evaluate/comparison/divergence'
import { measureQuality } from '../src/engine/evaluate/quality'
import { weightedLayers } from '../src/engine/layers/find'
import type { Model } from '../src/engine/onnx'
import { quantizeStatic } from '../src/engine/passes/quantize-static'
import { taskOf } from '../src/engine/tasks'
import { seconds, type Entry, type Figure } from './support/figure'
import { manifest, withReference, type Opened } from './support/reference'

const BITS = [8, 4, 3]
const ROUNDINGS = ['nearest', 'adaptive', 'layers', 'blocks']

/** Points of the metric that 4-bit weights may cost where blocks are reconstructed. */
const ALLOWED = 1

async function measured(name: string, { model, data, context }: Opened): Promise<Figure[]> {
  const made: { what: string; time: number; model: Model }[] = []
  for (const bits of BITS)
    for (const rounding of bits === 8 ? ['nearest'] : ROUNDINGS) {
      let result = model
      const time = await seconds(async () => {
        result = (await quantizeStatic.run(model, { bits, rounding, maxLoss: 100 }, context)).model
      })
      made.push({ what: `${name}, ${bits} bits, ${rounding}`, time, model: result })
    }
  const models = made.map(({ model }) => model)
  const { original, candidates } = await measureQuality(model, models, { dataset: data })
  const float = original.quality
  const samples = data.splits.validation
  const batches = (): ReturnType<typeof feedsOf> => feedsOf(model, samples, { limit: samples.length })
  const classes = taskOf(data.task).protects === 'class'
  const distances = await divergences(model, models, batches, { classes })
  const wanted = { atLeast: Math.round(1e4 * (float.value - ALLOWED / 100)) / 1e4 }
  return [
    { what: `${name}, float: ${float.metric}`, value: float.value, unit: '', digits: 4 },
    ...made.flatMap(({ what, time }, i): Figure[] => [
      {
        what: `${what}: ${float.metric}`,
        value: candidates[i]!.quality.value,
        unit: '',
        digits: 4,
        ...(what.endsWith('4 bits, blocks') && { wanted }),
      },
      { what: `${what}: outputs over their error`, value: distances[i]!.sqnr, unit: 'dB' },
      { what: `${what}: answers changed`, value: distances[i]!.points, unit: '%' },
      { what: `${what}: time`, value: time, unit: 's' },
    ]),
  ]
}

async function* run(chosen: readonly string[]): AsyncIterable<Figure> {
  for (const one of manifest()?.models ?? [])
    if (chosen.length === 0 || chosen.includes(one.name))
      yield* await withReference(one, async (opened) =>
        weightedLayers(opened.model.graph, ['Conv']).length > 0 ? measured(one.name, opened) : [],
      )
}

export const entry: Entry = {
  about: 'weights of 4 and 3 bits beside integer activations: rounded to the nearest, by layers, by blocks',
  run,
}
