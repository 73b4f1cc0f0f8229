/**
 * Quantization-aware training against the best without training, GPTQ, at equal bits and equal bytes: both passes
 * with their defaults, on every reference classifier. Trained, a model has to be right as often; told to imitate, it
 * has to come as close to the float model. The table of docs/training.md is this output. Needs the reference set;
 * `quantize-aware:lenet5,bert` measures these models only.
 */
import fs from 'node:fs'
import path from 'node:path'
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
    for (const [pass, more] of [
      [quantizeWeights],
      [quantizeAware],
      [quantizeAware, { objective: 'distill' }],
    ] as const) {
      // Of its own, or the second training would go on from what the first has left there.
      const scratch = path.join(context.scratch, `${made.length}`)
      fs.mkdirSync(scratch)
      made.push((await pass.run(model, { bits, ...more }, { ...context, scratch })).model)
    }
  const { original, candidates } = await measureQuality(model, made, { dataset: data })
  const accuracy = ({ quality }: ModelQuality): number => quality.value
  const figures: Figure[] = [
    { what: `${name}, float: accuracy`, value: accuracy(original), unit: '', digits: 4 },
  ]
  for (const [i, bits] of BITS.entries()) {
    const [rounded, trained, imitating] = candidates.slice(3 * i, 3 * i + 3) as [
      ModelQuality,
      ModelQuality,
      ModelQuality,
    ]
    const pair = (
      what: string,
      unit: string,
      digits: number,
      of: (one: ModelQuality) => number | undefined,
      asked: 'trained' | 'imitating',
    ): void => {
      const before = of(rounded)
      if (before === undefined) return
      figures.push({ what: `${name}, ${bits} bits, GPTQ: ${what}`, value: before, unit, digits })
      // Rounded down: the same figure again is no loss.
      const wanted = { atLeast: Math.floor(before * 10 ** digits) / 10 ** digits }
      for (const [how, one] of Object.entries({ trained, imitating })) {
        const value = of(one)!
        const figure = { what: `${name}, ${bits} bits, ${how}: ${what}`, value, unit, digits }
        figures.push({ ...figure, ...(how === asked && { wanted }) })
      }
    }
    pair('accuracy', '', 4, accuracy, 'trained')
    pair('same answer', '%', 1, ({ fidelity }) => 100 * (fidelity?.agreement ?? NaN), 'imitating')
    pair('signal to noise', 'dB', 1, ({ fidelity }) => fidelity?.sqnr, 'imitating')
  }
  return figures
}

export const entry: Entry = {
  about:
    'low-bit weights trained against low-bit weights by GPTQ; training may lose nowhere, imitation come no less close',
  async *run(chosen) {
    for (const one of manifest()?.models ?? []) {
      if (chosen.length > 0 && !chosen.includes(one.name)) continue
      yield* await withReference(one, (opened) => figuresOf(one.name, opened))
    }
  },
}
