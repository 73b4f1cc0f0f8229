/**
 * Convolutional networks with weights of 4 and 3 bits and integer activations, by how weights are rounded: what is left
 * of the metric on validation samples, how far the outputs are from the float model's there, and the time. The table of
 * docs/quantization.md is this output. Needs the reference set; `block-reconstruction:cnn1d` measures this model only.
 */
import { weightedLayers } from '../src/engine/layers/find'
import { quantizeStatic } from '../src/engine/passes/quantize-static'
import { seconds, type Entry, type Figure } from './support/figure'
import { manifest, withReference, type Opened } from './support/reference'
import { measureVariants, type Variant } from './support/variants'

const BITS = [8, 4, 3]
const ROUNDINGS = ['nearest', 'adaptive', 'layers', 'blocks']

/** Points of the metric that 4-bit weights may cost where blocks are reconstructed. */
const ALLOWED = 1

async function measured(name: string, opened: Opened): Promise<Figure[]> {
  const { model, context } = opened
  const made: Variant[] = []
  for (const bits of BITS)
    for (const rounding of bits === 8 ? ['nearest'] : ROUNDINGS) {
      let result = model
      const time = await seconds(async () => {
        result = (await quantizeStatic.run(model, { bits, rounding, maxLoss: 100 }, context)).model
      })
      made.push({ what: `${name}, ${bits} bits, ${rounding}`, time, model: result })
    }
  const { float, figures } = await measureVariants(opened, made)
  const wanted = { atLeast: Math.round(1e4 * (float.value - ALLOWED / 100)) / 1e4 }
  return [
    { what: `${name}, float: ${float.metric}`, value: float.value, unit: '', digits: 4 },
    ...figures.flatMap(([quality, ...others], i) => [
      { ...quality!, ...(made[i]!.what.endsWith('4 bits, blocks') && { wanted }) },
      ...others,
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
