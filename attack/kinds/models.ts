import path from 'node:path'
import type { Attack } from '../support/attack'
import { attackWith } from '../support/mutants'
import { compressed, used } from '../support/results'
import { seedsIn } from '../support/seeds'
import { mutateBytes } from '../mutate/bytes'
import { mutateWire } from '../mutate/wire'

/** Opening is tried on all, a pass on one in this many, everything on one in that many: they take a hundred times as long. */
const COMPRESSED_SHARE = 8
const USED_SHARE = 32
/** Heavier models take their time without anything being wrong. */
const MOST_MACS = 5e6

/** A pass of each kind that looks at the graph in its own way and needs no training. */
const PASSES: readonly { pass: string; params: Record<string, unknown> }[] = [
  { pass: 'quantize-weights', params: { bits: 8, method: 'rtn' } },
  { pass: 'quantize-weights', params: { bits: 4 } },
  { pass: 'quantize-dynamic', params: {} },
  { pass: 'quantize-static', params: {} },
  { pass: 'float16', params: {} },
  { pass: 'prune-channels', params: { ratio: 0.5 } },
  { pass: 'prune-weights', params: {} },
  { pass: 'low-rank', params: {} },
  { pass: 'share-weights', params: {} },
  { pass: 'pack-weights', params: {} },
  { pass: 'fix-shapes', params: {} },
  { pass: 'free-batch', params: {} },
  { pass: 'remove-zipmap', params: {} },
  { pass: 'float64-to-float32', params: {} },
]

const TARGETS = ['onnx', 'any', 'c', 'android-cpu']

export const attack: Attack = {
  about: 'damaged ONNX files: opened; some compressed, measured and exported, C as well',
  count: 10_000,
  run: (options) =>
    attackWith(
      {
        seeds: seedsIn(
          ['resources', 'tests/fixtures', ...(options.shared ? [options.shared] : [])],
          ['.onnx'],
        ),
        mutate: (bytes, random) => (random.below(3) > 0 ? mutateWire : mutateBytes)(bytes, random),
        judge: (target, model, _, random) =>
          target.outcome(async (run) => {
            const { macs } = await run('inspect', { model }, { during: 'reading the model' })
            if (macs === null || macs > MOST_MACS || random.below(COMPRESSED_SHARE) > 0) return
            const steps = [{ pass: 'simplify', params: {} }, PASSES[random.below(PASSES.length)]!]
            const use = {
              model,
              recipe: { steps },
              folder: path.dirname(model),
              target: TARGETS[random.below(TARGETS.length)]!,
            }
            await (random.below(USED_SHARE / COMPRESSED_SHARE) > 0 ? compressed : used)(run, use)
          }),
      },
      options,
    ),
}
