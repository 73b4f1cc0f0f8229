/**
 * Half the channels removed, then distilled with nothing set but the epochs, beside what PyTorch reached on the same
 * data with as many parameters and epochs (the reference set's table). `distill:lenet5` measures that model only.
 */
import fs from 'node:fs'
import path from 'node:path'
import { measureQuality } from '../src/engine/evaluate/quality'
import { seeded } from '../src/engine/math/random'
import type { Model } from '../src/engine/onnx'
import { distill } from '../src/engine/passes/distill'
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
  const figures: Figure[] = [
    accuracy('original', original.quality.value),
    { what: `${name}: parameters`, value: parametersOf(halved), unit: '' },
    accuracy('refitted only', refitted!),
  ]
  for (const [i, epochs] of EPOCHS.entries()) {
    const { value, params } = theirs.find(({ method }) => method === `structured50+${epochs}ep_kd`)!
    const atLeast = Math.floor(value * 1e4) / 1e4
    figures[1]!.wanted = { atMost: params! }
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

export const entry: Entry = {
  about: 'half the channels, distilled: accuracy beside PyTorch with as many parameters and epochs',
  async *run(chosen) {
    const { models = [], torch_pruning: theirs = [] } = manifest() ?? {}
    for (const one of models) {
      if (!(one.name in GOALS) || (chosen.length > 0 && !chosen.includes(one.name))) continue
      const own = theirs.filter(({ model }) => model === one.name)
      yield* await withReference(one, (opened) => figuresOf(one.name, own, opened))
    }
  },
}
