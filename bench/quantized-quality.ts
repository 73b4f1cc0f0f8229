/**
 * Quality of quantized models on their validation samples, beside what ONNX Runtime's own tools reach on the same
 * model and data. The tables of docs/quantization.md are this output. Needs the reference set;
 * `quantized-quality:bert,mlp` measures these models only.
 */
import { measureQuality } from '../src/engine/evaluate/quality'
import { encodedLength, type Model } from '../src/engine/onnx'
import type { Pass } from '../src/engine/passes/pass'
import { quantizeDynamic } from '../src/engine/passes/quantize-dynamic'
import { quantizeStatic } from '../src/engine/passes/quantize-static'
import { quantizeWeights } from '../src/engine/passes/quantize-weights'
import { dropsByMethod, type Baseline } from './support/drops'
import type { Entry, Figure } from './support/figure'
import { manifest, withReference, type Opened } from './support/reference'

const STATIC = 'static int8'
const DYNAMIC = 'dynamic int8'
/** The bits asked for, whatever they cost: the table tells what they cost. */
const bits = (bits: number): object => ({ bits, maxLoss: 100 })
const WORK: [name: string, pass: Pass, params: object, theirs?: string][] = [
  [STATIC, quantizeStatic, {}, 'static'],
  [DYNAMIC, quantizeDynamic, {}, 'dynamic'],
  ['4 bits, GPTQ', quantizeWeights, bits(4), 'mm4'],
  ['3 bits, GPTQ', quantizeWeights, bits(3)],
  ['2 bits, GPTQ', quantizeWeights, bits(2)],
  ['1 bit, GPTQ', quantizeWeights, bits(1)],
]

interface Measured {
  float: number
  values: number[]
  figures: Figure[]
}

async function measured(
  name: string,
  { model, data, context }: Opened,
  baselines: readonly Baseline[],
): Promise<Measured> {
  const made: Model[] = []
  for (const [, pass, params] of WORK) made.push((await pass.run(model, params, context)).model)
  const { original, candidates } = await measureQuality(model, made, { dataset: data })
  const float = original.quality
  const values = candidates.map(({ quality }) => quality.value)
  const figures: Figure[] = [
    { what: `${name}, float (${float.metric})`, value: float.value, unit: '', digits: 4 },
  ]
  // One sample of theirs is within luck; of a regression, a thousandth.
  const luck = data.task === 'classification' ? 1 / data.splits.validation.length : 0.001
  for (const [i, [what, , , theirs]] of WORK.entries()) {
    const best = baselines
      .filter(({ model: of, method }) => of === name && theirs && method.startsWith(theirs))
      .reduce((most, { value }) => Math.max(most, value ?? 0), 0)
    const wanted = best > 0 ? { atLeast: Math.round((best - luck) * 1e4 - 1) / 1e4 } : undefined
    figures.push({ what: `${name}, ${what}`, value: values[i]!, unit: '', digits: 4, wanted })
    const smaller = encodedLength(model) / encodedLength(made[i]!)
    figures.push({ what: `${name}, ${what}: smaller`, value: smaller, unit: '×' })
  }
  // Ranges found as data comes are those of a whole batch: an app that asks for one sample gets other answers.
  const dynamic = made[WORK.findIndex(([what]) => what === DYNAMIC)]!
  const alone = await measureQuality(model, [dynamic], { dataset: data, batchSize: 1 })
  figures.push({
    what: `${name}, ${DYNAMIC}, one sample at a time`,
    value: alone.candidates[0]!.quality.value,
    unit: '',
    digits: 4,
  })
  return { float: float.value, values, figures }
}

async function* run(chosen: readonly string[] = []): AsyncIterable<Figure> {
  const { models, baselines } = manifest() ?? { models: [], baselines: [] }
  const drops = new Map<string, number>()
  for (const one of models) {
    const { name } = one
    if (chosen.length > 0 && !chosen.includes(name)) continue
    const { float, values, figures } = await withReference(one, (opened) => measured(name, opened, baselines))
    drops.set(name, float - values[WORK.findIndex(([what]) => what === STATIC)]!)
    yield* figures
  }
  yield* dropsByMethod(baselines, drops, 'static')
}

export const entry: Entry = {
  about:
    'quality on validation samples; the goal is the best figure of the tools of ONNX Runtime less one sample',
  run,
}
