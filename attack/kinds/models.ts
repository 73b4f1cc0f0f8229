import path from 'node:path'
import type { Attack } from '../support/attack'
import { attackWith } from '../support/mutants'
import { seedsIn } from '../support/seeds'
import { mutateBytes } from '../mutate/bytes'
import { mutateWire } from '../mutate/wire'

/** Opening is tried on all, a pass on one in this many: it takes a hundred times as long. */
const COMPRESSED_SHARE = 8
/** Heavier models take their time without anything being wrong. */
const MOST_MACS = 5e6

const SETTINGS = { providers: ['cpu'], threads: 1 }

export const attack: Attack = {
  about: 'damaged ONNX files: opened, and some compressed',
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
            const steps = [
              { pass: 'simplify', params: {} },
              { pass: 'quantize-weights', params: { bits: 8, method: 'rtn' } },
            ]
            await run(
              'compress',
              {
                model,
                data: {},
                settings: SETTINGS,
                folder: path.join(path.dirname(model), 'run'),
                recipes: [{ pare: 1, name: 'attack', description: '', steps }],
                target: 'any',
                seed: 0,
                resume: false,
              },
              { during: 'compressing' },
            )
          }),
      },
      options,
    ),
}
