import path from 'node:path'
import { readFileSync } from 'node:fs'
import { SAMPLES, classOf, conforms } from './conformance'
import { declares, fixture, npy, npz, png, tokenizerJson, wav, write } from './support'

const CLASS_NAMES = ['ash', 'birch', 'cedar', 'dogwood']
const PARTS = { train: [0, 20], calibration: [20, 28], validation: [28, 40] } as const
const all = Array.from({ length: SAMPLES }, (_, i) => i)
const parts = Object.entries(PARTS).map(([name, [from, to]]) => ({ name, samples: all.slice(from, to) }))
const features = (i: number): number[] => [i, i * i, classOf(i), -i, i / 8, 1]

const vector = declares([['x', ['N', 6]]], [['scores', ['N', 4]]])
const arraysOf = (samples: number[]): Record<string, Uint8Array> => ({
  x: npy('<f4', [samples.length, 6], Float32Array.from(samples.flatMap(features))),
  y: npy(
    '<i8',
    [samples.length],
    BigInt64Array.from(samples, (i) => BigInt(classOf(i))),
  ),
})

for (const level of [0, 6] as const)
  conforms(`npz, ${level === 0 ? 'stored' : 'deflated'}`, {
    kind: 'npz',
    model: vector,
    whole: async (folder) => path.join(write(folder, { 'set.npz': npz(arraysOf(all), level) }), 'set.npz'),
    split: async (folder) =>
      write(
        folder,
        Object.fromEntries(
          parts.map(({ name, samples }) => [`${name}_x.npz`, npz(arraysOf(samples), level)]),
        ),
      ),
  })

conforms('npz, all splits in one file', {
  kind: 'npz',
  model: vector,
  whole: async (folder) => write(folder, { 'set.npz': npz(arraysOf(all)) }),
  split: async (folder) => {
    const named = parts.flatMap(({ name, samples }) =>
      Object.entries(arraysOf(samples)).map(([key, bytes]) => [`${key}_${name}`, bytes]),
    )
    return write(folder, { 'all.npz': npz(Object.fromEntries(named)) })
  },
})

conforms('npy', {
  kind: 'npz',
  model: vector,
  whole: async (folder) => {
    const { x, y } = arraysOf(all)
    return write(folder, { 'x.npy': x!, 'y.npy': y! })
  },
  split: async (folder) =>
    write(
      folder,
      Object.fromEntries(
        parts.flatMap(({ name, samples }) =>
          Object.entries(arraysOf(samples)).map(([key, bytes]) => [`${key}_${name}.npy`, bytes]),
        ),
      ),
    ),
})

const csv = (samples: number[], separator = ','): string =>
  [['label', 'a', 'b', 'c', 'd', 'e', 'f'], ...samples.map((i) => [CLASS_NAMES[classOf(i)], ...features(i)])]
    .map((row) => row.join(separator))
    .join('\n')

for (const [ending, separator] of [
  ['csv', ','],
  ['tsv', '\t'],
] as const)
  conforms(ending, {
    kind: 'table',
    model: vector,
    whole: async (folder) =>
      path.join(write(folder, { [`set.${ending}`]: csv(all, separator) }), `set.${ending}`),
    split: async (folder) =>
      write(
        folder,
        Object.fromEntries(
          parts.map(({ name, samples }) => [`${name}/data.${ending}`, csv(samples, separator)]),
        ),
      ),
  })

const grey = (i: number): Promise<Buffer> =>
  png(
    8,
    8,
    Uint8Array.from({ length: 64 }, (_, p) => (p * 3 + i * 5 + classOf(i)) % 256),
  )
const picturesOf = async (samples: number[], under: string): Promise<Record<string, Buffer>> =>
  Object.fromEntries(
    await Promise.all(
      samples.map(async (i) => [`${under}${CLASS_NAMES[classOf(i)]}/${i}.png`, await grey(i)] as const),
    ),
  )

conforms('image folders', {
  kind: 'images',
  model: declares([['image', ['N', 1, 8, 8]]], [['scores', ['N', 4]]]),
  whole: async (folder) => write(folder, await picturesOf(all, '')),
  split: async (folder) => {
    for (const { name, samples } of parts) write(folder, await picturesOf(samples, `${name}/`))
    return folder
  },
})

conforms('flat image folder with a table of labels', {
  kind: 'images',
  model: declares([['image', ['N', 8, 8, 1]]], [['scores', ['N', 4]]]),
  whole: async (folder) => {
    for (const i of all) write(folder, { [`${i}.png`]: await grey(i) })
    return write(folder, {
      'labels.csv': ['file,label', ...all.map((i) => `${i}.png,${CLASS_NAMES[classOf(i)]}`)].join('\n'),
    })
  },
})

const sound = (i: number): Uint8Array =>
  wav(Array.from({ length: 100 }, (_, t) => 0.5 * Math.sin(t * (0.1 + i / 100))))

conforms('wav folders', {
  kind: 'audio',
  model: declares([['wave', ['N', 1, 100]]], [['scores', ['N', 4]]]),
  whole: async (folder) =>
    write(folder, Object.fromEntries(all.map((i) => [`${CLASS_NAMES[classOf(i)]}/${i}.wav`, sound(i)]))),
  split: async (folder) =>
    write(
      folder,
      Object.fromEntries(
        parts.flatMap(({ name, samples }) =>
          samples.map((i) => [`${name}/${CLASS_NAMES[classOf(i)]}/${i}.wav`, sound(i)]),
        ),
      ),
    ),
})

const WORDS = all.map((i) => `w${String.fromCharCode(97 + (i % 26))}${i}`)
const tokens = declares([['input_ids', ['N', 6], 'int64']], [['scores', ['N', 4]]])
const jsonl = (samples: number[]): string =>
  samples
    .map((i) => JSON.stringify({ text: `${WORDS[i]} unknown`, label: CLASS_NAMES[classOf(i)] }))
    .join('\n')

conforms('jsonl texts', {
  kind: 'text',
  model: tokens,
  whole: async (folder) => write(folder, { 'set.jsonl': jsonl(all), 'tokenizer.json': tokenizerJson(WORDS) }),
  split: async (folder) =>
    write(folder, {
      'tokenizer.json': tokenizerJson(WORDS),
      ...Object.fromEntries(parts.map(({ name, samples }) => [`${name}.jsonl`, jsonl(samples)])),
    }),
})

conforms('jsonl token ids', {
  kind: 'text',
  model: tokens,
  whole: async (folder) =>
    write(folder, {
      'ids.jsonl': all.map((i) => JSON.stringify({ input_ids: [i, 7, i + 1], label: classOf(i) })).join('\n'),
    }),
})

conforms('csv texts', {
  kind: 'table',
  model: tokens,
  whole: async (folder) =>
    write(folder, {
      'tokenizer.json': tokenizerJson(WORDS),
      'reviews.csv': ['text,label', ...all.map((i) => `"${WORDS[i]}, so",${CLASS_NAMES[classOf(i)]}`)].join(
        '\n',
      ),
    }),
})

for (const file of ['conforming_columns.parquet', 'conforming_lists.parquet', 'conforming_images.parquet'])
  conforms(file, {
    kind: 'parquet',
    model: file.includes('images') ? declares([['image', ['N', 3, 8, 8]]], [['scores', ['N', 4]]]) : vector,
    whole: async (folder) => path.join(write(folder, { [file]: readFileSync(fixture(file)) }), file),
  })
