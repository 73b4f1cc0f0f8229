/**
 * GPTQ at few bits, in each order that layers can be looked at: what is left of the metric on validation samples, how far
 * the outputs are from the float model's there, and the time. The table of docs/quantization.md is this output. Needs the
 * reference set; `gptq-order:bert` measures this model only.
 */
import { ORDERS } from '../src/engine/passes/quantization/sequence'
import { quantizeWeights } from '../src/engine/passes/quantize-weights'
import { seconds, type Entry, type Figure } from './support/figure'
import { manifest, withReference, type Opened } from './support/reference'
import { measureVariants, type Variant } from './support/variants'

const BITS = [4, 3, 2]

async function measured(name: string, opened: Opened): Promise<Figure[]> {
  const { model, context } = opened
  const made: Variant[] = []
  for (const bits of BITS)
    for (const order of ORDERS) {
      let result = model
      const time = await seconds(async () => {
        result = (await quantizeWeights.run(model, { bits, order, maxLoss: 100 }, context)).model
      })
      made.push({ what: `${name}, ${bits} bits, ${order}`, time, model: result })
    }
  return (await measureVariants(opened, made)).figures.flat()
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
