import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Random } from '../../src/engine/math/random'
import type { Attack } from '../support/attack'
import { attackWith } from '../support/mutants'
import { SETTINGS } from '../support/results'
import { seedsIn, type Seed } from '../support/seeds'
import { freeModels } from '../support/small-models'
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

const endsWith = ({ name }: Seed, endings: readonly string[]): boolean =>
  endings.includes(path.extname(name).toLowerCase())

function mutatorOf(seed: Seed): typeof mutateBytes {
  if (endsWith(seed, JSON_ENDINGS)) return mutateJson
  if (endsWith(seed, ['.npz', '.zip'])) return mutateZip
  return endsWith(seed, ['.png']) ? mutatePng : mutateBytes
}

const SAMPLES = ['digits/lenet5.onnx', 'bearing/cnn1d.onnx'].map((name) =>
  path.resolve('resources/samples', name),
)

/** A damaged tokenizer is given beside texts that are whole, single pictures and sounds as people have them: a folder. */
function asData(file: string, seed: Seed): { path: string; tokenizer?: string } {
  if (path.basename(seed.name) === 'tokenizer.json') {
    const texts = path.join(path.dirname(file), 'texts.jsonl')
    fs.copyFileSync('tests/fixtures/seeds/texts.jsonl', texts)
    return { path: texts, tokenizer: file }
  }
  return { path: endsWith(seed, PICTURES) ? path.dirname(file) : file }
}

export const attack: Attack = {
  about: 'damaged data files: opened for models of fixed and of free shapes, their samples looked at',
  count: 10_000,
  async *run(options) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-attack-'))
    const free = freeModels(folder)
    const models = [...SAMPLES, free.rows, free.pictures, free.texts]
    const modelFor = (seed: Seed, random: Random): string =>
      /tokenizer|text/.test(path.basename(seed.name)) ? free.texts : models[random.below(models.length)]!
    try {
      yield* attackWith(
        {
          seeds: seedsIn(
            ['resources', 'tests/fixtures', ...(options.shared ? [options.shared] : [])],
            ENDINGS,
          ),
          mutate: (bytes, random, seed) =>
            (random.below(3) > 0 ? mutatorOf(seed) : mutateBytes)(bytes, random),
          judge: (target, file, seed, random) =>
            target.outcome(async (run) => {
              const asked = { model: modelFor(seed, random), data: asData(file, seed), settings: SETTINGS }
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
      )
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  },
}
