/**
 * What is left of the metric on validation samples when channels, weights or rank go, without training, and how far the
 * outputs are from the original's there. The tables of docs/pruning.md are this output. Needs the reference set;
 * `pruned-quality:weights,lenet300` measures this part of this model only.
 */
import { feedsOf } from '../src/engine/data/feeds'
import { divergences } from '../src/engine/evaluate/comparison/divergence'
import { measureQuality } from '../src/engine/evaluate/quality'
import { modelCosts } from '../src/engine/layers/costs/costs'
import { encodedLength, type Model } from '../src/engine/onnx'
import { lowRankPass } from '../src/engine/passes/low-rank'
import type { Pass } from '../src/engine/passes/pass'
import { pruneChannels } from '../src/engine/passes/prune-channels'
import { pruneWeights } from '../src/engine/passes/prune-weights'
import { taskOf } from '../src/engine/tasks'
import type { Entry, Figure } from './support/figure'
import { manifest, withReference, type Opened } from './support/reference'

interface Way {
  what: string
  pass: Pass
  params: object
}

const share = (part: number): string => `${(100 * part).toFixed(0)}%`

const channels = [0.3, 0.5, 0.7].flatMap((ratio) => [
  ...['random', 'activation', 'obs'].map((criterion): Way => {
    const params = { ratio, criterion, scope: 'layer' }
    return { what: `${share(ratio)} of the channels, ${criterion}`, pass: pruneChannels, params }
  }),
  { what: `${share(ratio)} of the channels, obs, global`, pass: pruneChannels, params: { ratio } },
])

const weights = [0.7, 0.9].flatMap((sparsity) => [
  ...['magnitude', 'wanda', 'sparsegpt'].map((method): Way => {
    return { what: `${share(sparsity)} zeros, ${method}`, pass: pruneWeights, params: { sparsity, method } }
  }),
  {
    what: `${share(sparsity)} zeros, sparsegpt, sensitivity`,
    pass: pruneWeights,
    params: { sparsity, method: 'sparsegpt', allocation: 'sensitivity' },
  },
])

const rank = [0.5, 0.3, 0.2, 0.1].flatMap((ratio): Way[] =>
  (
    [
      ['plain SVD', false, false],
      ['whitened', true, false],
      ['whitened, refitted', true, true],
    ] as const
  ).map(([name, whiten, refit]) => {
    const params = { ratio, whiten, refit, samples: 512 }
    return { what: `${share(ratio)} of the numbers, ${name}`, pass: lowRankPass, params }
  }),
)

const PARTS: Readonly<Record<string, readonly Way[]>> = { channels, weights, rank }

async function measured(name: string, part: string, { model, data, context }: Opened): Promise<Figure[]> {
  const ways = PARTS[part]!
  const made: Model[] = []
  for (const { pass, params } of ways) made.push((await pass.run(model, params, context)).model)
  const { original, candidates } = await measureQuality(model, made, { dataset: data })
  const samples = data.splits.validation
  const batches = (): ReturnType<typeof feedsOf> => feedsOf(model, samples, { limit: samples.length })
  const classes = taskOf(data.task).protects === 'class'
  const distances = await divergences(model, made, batches, { classes })
  const before = await modelCosts(model)
  const { metric, value } = original.quality
  const figures: Figure[] = [{ what: `${name}, float (${metric})`, value, unit: '', digits: 4 }]
  for (const [i, { what }] of ways.entries()) {
    const { value } = candidates[i]!.quality
    figures.push({ what: `${name}, ${what}`, value, unit: '', digits: 4 })
    figures.push({
      what: `${name}, ${what}: outputs over their error`,
      value: distances[i]!.sqnr,
      unit: 'dB',
    })
    if (part === 'weights') continue
    const bytes = encodedLength(made[i]!) / encodedLength(model)
    figures.push({ what: `${name}, ${what}: file`, value: 100 * bytes, unit: '%' })
    if (part !== 'channels') continue
    const after = await modelCosts(made[i]!)
    const parameters = after.parameters / before.parameters
    figures.push({ what: `${name}, ${what}: parameters`, value: 100 * parameters, unit: '%' })
    figures.push({ what: `${name}, ${what}: MACs`, value: (100 * after.macs!) / before.macs!, unit: '%' })
  }
  return figures
}

async function* run(chosen: readonly string[]): AsyncIterable<Figure> {
  const parts = Object.keys(PARTS).filter((part) => chosen.includes(part))
  const names = chosen.filter((word) => !parts.includes(word))
  for (const one of manifest()?.models ?? [])
    for (const part of parts.length > 0 ? parts : Object.keys(PARTS))
      if (names.length === 0 || names.includes(one.name))
        yield* await withReference(one, (opened) => measured(one.name, part, opened))
}

export const entry: Entry = {
  about: 'quality on validation samples without channels, weights or rank, nothing trained',
  run,
}
