import path from 'node:path'
import type { Attack } from '../support/attack'
import { attackWith } from '../support/mutants'
import { seedsIn, type Seed } from '../support/seeds'
import { mutateBytes } from '../mutate/bytes'
import { mutatePng, mutateZip } from '../mutate/containers'
import { mutateJson } from '../mutate/json'

const ENDINGS = [
  '.npz',
  '.npy',
  '.csv',
  '.tsv',
  '.parquet',
  '.jsonl',
  '.json',
  '.wav',
  '.png',
  '.jpg',
  '.bmp',
  '.zip',
]
const PICTURES = ['.png', '.jpg', '.bmp', '.wav']
const JSON_ENDINGS = ['.json', '.jsonl']

const SETTINGS = { providers: ['cpu'], threads: 1 }

const endsWith = ({ name }: Seed, endings: readonly string[]): boolean =>
  endings.includes(path.extname(name).toLowerCase())

function mutatorOf(seed: Seed): typeof mutateBytes {
  if (endsWith(seed, JSON_ENDINGS)) return mutateJson
  if (endsWith(seed, ['.npz', '.zip'])) return mutateZip
  return endsWith(seed, ['.png']) ? mutatePng : mutateBytes
}

export const attack: Attack = {
  about: 'damaged data files: opened for a model, their samples looked at',
  count: 10_000,
  run: (options) =>
    attackWith(
      {
        seeds: seedsIn(['resources', 'tests/fixtures', ...(options.shared ? [options.shared] : [])], ENDINGS),
        mutate: (bytes, random, seed) => (random.below(3) > 0 ? mutatorOf(seed) : mutateBytes)(bytes, random),
        judge: (target, file, seed, random) =>
          target.outcome(async (run) => {
            // Single pictures and sounds are given as people have them, as a folder.
            const data = { path: endsWith(seed, PICTURES) ? path.dirname(file) : file }
            const models = ['digits/lenet5.onnx', 'bearing/cnn1d.onnx']
            const model = path.resolve('resources/samples', models[random.below(models.length)]!)
            const asked = { model, data, settings: SETTINGS }
            if (endsWith(seed, ['.zip']))
              await run(
                'unpack',
                { archive: file, into: path.join(path.dirname(file), 'unpacked') },
                { during: 'unpacking' },
              )
            await run('openData', asked, { during: 'reading the data' })
            await run(
              'samples',
              { ...asked, split: 'validation', offset: 0, limit: 4 },
              { during: 'reading samples' },
            )
          }),
      },
      options,
    ),
}
