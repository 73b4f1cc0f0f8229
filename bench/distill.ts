/**
 * Half the channels removed, then distilled with nothing set but the epochs, beside what PyTorch reached on the same
 * data with as many parameters and epochs (the reference set's table); and what the original adds to labels where
 * these are few. Needs the reference set. `distill:lenet5` measures that model only, `distill:labels` labels only.
 */
import fs from 'node:fs'
import path from 'node:path'
import { measureQuality } from '../src/engine/evaluate/quality'
import type { Split } from '../src/engine/data/dataset'
import { seeded } from '../src/engine/math/random'
import type { Model } from '../src/engine/onnx'
import { distill } from '../src/engine/passes/distill'
import { fineTune } from '../src/engine/passes/fine-tune'
import type { Pass } from '../src/engine/passes/pass'
import { pruneChannels } from '../src/engine/passes/prune-channels'
import type { Entry, Figure } from './support/figure'
import { manifest, withReference, type Opened, type Pruned } from './support/reference'

/** What is left of the bytes where no more parameters are left than in PyTorch's network. */
const GOALS: Readonly<Record<string, number>> = { lenet300: 0.473, lenet5: 0.257, cnn1d: 0.29 }
const EPOCHS = [5, 20]
const SEEDS = 3

const parametersOf = ({ graph }: Model): number =>
  [...graph.initializers.values()].reduce((n, { dtype, size }) => n + (dtype === 'float32' ? size : 0), 0)

async function figuresOf(name: string, theirs: readonly Pruned[], opened: Opened): Promise<Figure[]> {
  const { model, data, context } = opened
  const { model: halved } = await pruneChannels.run(model, { target: 'size', goal: GOALS[name]! }, context)
  const made: { model: Model; seconds: number }[] = []
  for (const epochs of EPOCHS)
    for (let seed = 0; seed < SEEDS; seed++) {
      const scratch = path.join(context.scratch, `${epochs}-${seed}`)
      fs.mkdirSync(scratch)
      const start = performance.now()
      const { model } = await distill.run(halved, { epochs }, { ...context, random: seeded(seed), scratch })
      made.push({ model, seconds: (performance.now() - start) / 1000 })
    }
  const models = [halved, ...made.map(({ model }) => model)]
  const { original, candidates } = await measureQuality(model, models, { dataset: data })
  const [refitted, ...trained] = candidates.map(({ quality }) => quality.value)
  const accuracy = (what: string, value: number): Figure => ({
    what: `${name}, ${what}: accuracy`,
    value,
    unit: '',
    digits: 4,
  })
  const baselines = EPOCHS.map((epochs) =>
    theirs.find(({ method }) => method === `structured50+${epochs}ep_kd`)!,
  )
  const atMost = Math.min(...baselines.map(({ params }) => params!))
  const figures: Figure[] = [
    accuracy('original', original.quality.value),
    { what: `${name}: parameters`, value: parametersOf(halved), unit: '', wanted: { atMost } },
    accuracy('refitted only', refitted!),
  ]
  for (const [i, epochs] of EPOCHS.entries()) {
    const atLeast = Math.floor(baselines[i]!.value * 1e4) / 1e4
    for (let seed = 0; seed < SEEDS; seed++) {
      const at = i * SEEDS + seed
      figures.push({
        ...accuracy(`${epochs} epochs, seed ${seed}, ${made[at]!.seconds.toFixed(0)} s`, trained[at]!),
        wanted: { atLeast },
      })
    }
  }
  return figures
}

/** Nothing but these samples judges the epochs: the last is kept. As many updates either way. */
const ALIKE = { epochs: 20, batchSize: 16, heldOut: 0 }

/** Neurons that stay, and labelled samples there are; 0 for all. */
const TENTH = { ratio: 0.9, criterion: 'l2', scope: 'layer', reconstruct: false }
const LABELLED = [60, 200, 0]

/** The first of a split in a fixed random order; 0 for all. */
function someOf(split: Split, count: number): Split {
  if (count === 0) return split
  const all = Array.from({ length: split.length }, (_, i) => i)
  const chosen = seeded(1).shuffle(all).slice(0, count)
  return {
    ...split,
    length: count,
    batches: (size, { indices, limit, signal } = {}) =>
      split.batches(size, {
        signal,
        indices: (indices?.map((i) => chosen[i]!) ?? chosen).slice(0, limit),
      }),
  }
}

async function fewLabels({ model, data, context }: Opened): Promise<Figure[]> {
  const { model: small } = await pruneChannels.run(model, TENTH, context)
  const made: Model[] = [small]
  const names = ['before']
  const train = async (name: string, pass: Pass, params: object, training: Split): Promise<void> => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const scratch = path.join(context.scratch, `${made.length}`)
      fs.mkdirSync(scratch)
      const own = { ...data, splits: { ...data.splits, training } }
      const result = await pass.run(small, params, { ...context, data: own, random: seeded(seed), scratch })
      made.push(result.model)
      names.push(`${name}, seed ${seed}`)
    }
  }
  const { training } = data.splits
  for (const count of LABELLED) {
    const some = someOf(training, count)
    await train(`${some.length} labelled, cross entropy`, fineTune, ALIKE, some)
    await train(`${some.length} labelled, distillation`, distill, ALIKE, some)
  }
  await train('no labels, distillation', distill, { ...ALIKE, teacherShare: 1 }, training)
  const { candidates } = await measureQuality(model, made, { dataset: data })
  return candidates.map(({ quality }, i) => ({
    what: `lenet300, a tenth of it, ${names[i]!}`,
    value: quality.value,
    unit: '',
    digits: 4,
  }))
}

export const entry: Entry = {
  about: 'half the channels, distilled, beside PyTorch; what the original adds to few labels',
  async *run(chosen) {
    const { models = [], torch_pruning: theirs = [] } = manifest() ?? {}
    for (const one of models) {
      if (!(one.name in GOALS) || (chosen.length > 0 && !chosen.includes(one.name))) continue
      const own = theirs.filter(({ model }) => model === one.name)
      yield* await withReference(one, (opened) => figuresOf(one.name, own, opened))
    }
    const lenet = models.find(({ name }) => name === 'lenet300')
    if (lenet && (chosen.length === 0 || chosen.includes('labels')))
      yield* await withReference(lenet, fewLabels)
  },
}
