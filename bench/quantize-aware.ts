/**
 * Quantization-aware training against the best without training, GPTQ, at equal bits and equal bytes: both passes
 * with their defaults, on every reference classifier. Training has to be right more often, or as often and closer to
 * the float model. The table of docs/training.md is this output. Needs the
 * reference set; `quantize-aware:lenet5,bert` measures these models only.
 */
import { measureQuality, type ModelQuality } from '../src/engine/evaluate/quality'
import type { Model } from '../src/engine/onnx'
import { quantizeAware } from '../src/engine/passes/quantize-aware'
import { quantizeWeights } from '../src/engine/passes/quantize-weights'
import type { Entry, Figure } from './support/figure'
import { manifest, withReference, type Opened } from './support/reference'

const BITS = [2, 4]

async function figuresOf(name: string, { model, data, context }: Opened): Promise<Figure[]> {
  if (data.task !== 'classification') return []
  const made: Model[] = []
  for (const bits of BITS)
    for (const pass of [quantizeWeights, quantizeAware])
      made.push((await pass.run(model, { bits }, context)).model)
  const { original, candidates } = await measureQuality(model, made, { dataset: data })
  const accuracy = ({ quality }: ModelQuality): number => quality.value
  const figures: Figure[] = [
    { what: `${name}, float: accuracy`, value: accuracy(original), unit: '', digits: 4 },
  ]
  for (const [i, bits] of BITS.entries()) {
    const [rounded, trained] = candidates.slice(2 * i, 2 * i + 2) as [ModelQuality, ModelQuality]
    const pair = (
      what: string,
      unit: string,
      digits: number,
      of: (one: ModelQuality) => number | undefined,
      asked = true,
    ): void => {
      const before = of(rounded)
      const after = of(trained)
      if (before === undefined || after === undefined) return
      figures.push({ what: `${name}, ${bits} bits, GPTQ: ${what}`, value: before, unit, digits })
      // Rounded down: the same figure again is no loss.
      const wanted = { atLeast: Math.floor(before * 10 ** digits) / 10 ** digits }
      figures.push({
        what: `${name}, ${bits} bits, trained: ${what}`,
        value: after,
        unit,
        digits,
        ...(asked && { wanted }),
      })
    }
    // What is right more often than GPTQ's was trained to be right, not to be close.
    const asClose = accuracy(trained) <= accuracy(rounded)
    pair('accuracy', '', 4, accuracy)
    pair('same answer', '%', 1, ({ fidelity }) => 100 * (fidelity?.agreement ?? NaN), asClose)
    pair('signal to noise', 'dB', 1, ({ fidelity }) => fidelity?.sqnr, asClose)
  }
  return figures
}

export const entry: Entry = {
  about:
    'low-bit weights trained against low-bit weights by GPTQ; training has to be better, or as good and closer',
  async *run(chosen) {
    for (const one of manifest()?.models ?? []) {
      if (chosen.length > 0 && !chosen.includes(one.name)) continue
      yield* await withReference(one, (opened) => figuresOf(one.name, opened))
    }
  },
}
