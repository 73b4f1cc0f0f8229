/**
 * Quality of quantized models on their validation samples, beside the best that ONNX Runtime's own tools reach
 * on the same model and data. The tables of docs/quantization.md are this output. Needs the reference set.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { openDataset } from '../src/engine/data/open'
import { measureQuality } from '../src/engine/evaluate/quality'
import { seeded } from '../src/engine/math/random'
import { encodedLength, readModel, type Model } from '../src/engine/onnx'
import type { Pass } from '../src/engine/passes/pass'
import { quantizeDynamic } from '../src/engine/passes/quantize-dynamic'
import { quantizeStatic } from '../src/engine/passes/quantize-static'
import { quantizeWeights } from '../src/engine/passes/quantize-weights'
import type { Entry, Figure } from './support/figure'

interface Baseline {
  model: string
  method: string
  value?: number
}

interface Manifest {
  models: { name: string; dataset: string }[]
  baselines: Baseline[]
}

const reference = path.resolve('../shared/reference')

const WORK: [name: string, pass: Pass, params: object, theirs?: string][] = [
  ['static int8', quantizeStatic, {}, 'static'],
  ['dynamic int8', quantizeDynamic, {}, 'dynamic'],
  ['4 bits, GPTQ', quantizeWeights, { bits: 4 }, 'mm4'],
  ['3 bits, GPTQ', quantizeWeights, { bits: 3 }],
  ['2 bits, GPTQ', quantizeWeights, { bits: 2 }],
  ['1 bit, GPTQ', quantizeWeights, { bits: 1 }],
]

/** Where the samples of each dataset lie that hold the most of them. */
const folderOf = (dataset: string): string =>
  fs.existsSync(path.join(reference, dataset, 'npz'))
    ? path.join(reference, dataset, 'npz')
    : path.join(reference, dataset)

async function figuresOf(name: string, dataset: string, baselines: readonly Baseline[]): Promise<Figure[]> {
  const model = readModel(path.join(reference, 'models', `${name}.onnx`))
  const data = await openDataset(folderOf(dataset), model)
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-bench-'))
  const context = {
    original: model,
    data,
    progress: () => undefined,
    signal: new AbortController().signal,
    random: seeded(0),
    scratch,
    providers: ['cpu'],
    target: 'any',
  } as const
  try {
    const made: Model[] = []
    for (const [, pass, params] of WORK) made.push((await pass.run(model, params, context)).model)
    const { original, candidates } = await measureQuality(model, made, { dataset: data })
    const float = original.quality
    const figures: Figure[] = [
      { what: `${name}, float (${float.metric})`, value: float.value, unit: '', digits: 4 },
    ]
    for (const [i, [what, , , theirs]] of WORK.entries()) {
      const best = baselines.filter(
        ({ model: of, method }) => of === name && theirs && method.startsWith(theirs),
      )
      const value = best.reduce((most, figure) => Math.max(most, figure.value ?? 0), 0)
      // One sample of theirs is within luck; of a regression, a thousandth.
      const luck = data.task === 'classification' ? 1 / data.splits.validation.length : 0.001
      const wanted = value > 0 ? { atLeast: Math.round((value - luck) * 1e4 - 1) / 1e4 } : undefined
      figures.push({
        what: `${name}, ${what}`,
        value: candidates[i]!.quality.value,
        unit: '',
        digits: 4,
        wanted,
      })
      figures.push({
        what: `${name}, ${what}: smaller`,
        value: encodedLength(model) / encodedLength(made[i]!),
        unit: '×',
      })
    }
    return figures
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
    await data.close()
  }
}

export const entry: Entry = {
  about:
    'quality on validation samples; the goal is the best figure of the tools of ONNX Runtime less one sample',
  async run() {
    const file = path.join(reference, 'manifest.json')
    if (!fs.existsSync(file)) return []
    const { models, baselines } = JSON.parse(fs.readFileSync(file, 'utf8')) as Manifest
    const figures: Figure[] = []
    for (const { name, dataset } of models) figures.push(...(await figuresOf(name, dataset, baselines)))
    return figures
  },
}
