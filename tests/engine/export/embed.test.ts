/** Preprocessing as part of the graph: the same model with Pare's own reading is what it is held against, to the bit. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openDataset, type OpenOptions } from '../../../src/engine/data/open'
import { exportBundle } from '../../../src/engine/export/bundle'
import { embed } from '../../../src/engine/export/embed'
import { embedPreprocessing } from '../../../src/engine/export/embed/graph'
import { Manifest } from '../../../src/engine/export/manifest'
import { openBundle, sampleReader } from '../../../src/engine/export/read-back'
import { readModel, writeModel, type DType, type Model } from '../../../src/engine/onnx'
import { feedsFor, withSession } from '../../../src/engine/runtime'
import { findTarget } from '../../../src/engine/targets'
import { placeRaw } from '../../../src/engine/export/raw-check'
import { declares, npy, npz, temporaryFolder, png, wav, write } from '../data/support'

const sample = (...parts: string[]): string => path.resolve('resources/samples', ...parts)

/** What goes in comes out: every number that the model is given. */
function passing(input: string, dims: readonly (number | string)[], dtype: DType = 'float32'): Model {
  const model = declares([[input, dims, dtype]], [['out', dims, dtype]])
  model.opsets.set('', 17)
  model.graph.addNode({ opType: 'Identity', inputs: [input], outputs: ['out'] })
  return model
}

/** Holds what the graph gives its model against what Pare gives it, sample by sample. */
async function sameToTheBit(model: Model, dataset: Dataset, bytes: string[] = []): Promise<void> {
  const form = dataset.form!.inputs
  const embedding = embedPreprocessing(model, form, new Set(bytes))
  const reader = sampleReader(embedding.form)
  const scratch = path.join(temporaryFolder(), 'raw')
  const split = dataset.splits.validation
  await withSession(embedding.model, {}, async (session) => {
    for (let index = 0; index < split.length; index++) {
      const raw = await reader.read(placeRaw(await split.raw!(index), scratch))
      const { out } = await session.run(feedsFor(embedding.model, raw))
      for await (const { inputs } of split.batches(1, { indices: [index] })) {
        const [expected] = Object.values(inputs)
        expect(out!.dtype).toBe(expected!.dtype)
        expect(out!.dims).toEqual(expected!.dims)
        expect(out!.data).toEqual(expected!.data)
      }
    }
  })
}
const COUNT = 8

async function checked(
  root: string,
  model: Model,
  options: OpenOptions = {},
  bytes: string[] = [],
): Promise<void> {
  const dataset = await openDataset(path.join(root, 'data'), model, options)
  try {
    await sameToTheBit(model, dataset, bytes)
  } finally {
    await dataset.close()
  }
}

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }

test.each<[string, readonly (number | string)[], Record<string, unknown>, DType?]>([
  ['scaled to 0…1', ['N', 3, 6, 5], {}],
  ['by ImageNet’s statistics', ['N', 3, 6, 5], imagenet],
  ['to −1…1, blue first, channels last', ['N', 6, 5, 3], { order: 'bgr', mean: [0.5], std: [0.5] }],
  ['inverted and grey', ['N', 1, 6, 5], { invert: true, mean: [0.1307], std: [0.3081] }],
  ['in flat rows', ['N', 75], { mean: [0.1, 0.2, 0.3] }],
  ['with transparency, blue first', ['N', 4, 6, 5], { order: 'bgr' }],
  ['at half precision', ['N', 3, 6, 5], imagenet, 'float16'],
  ['as bytes, inverted', ['N', 3, 6, 5], { scale: 1, invert: true }, 'uint8'],
])('pictures %s', async (_, dims, preprocessing, dtype) => {
  const root = temporaryFolder()
  for (let i = 0; i < COUNT; i++) {
    const pixels = Uint8Array.from({ length: 6 * 5 * 3 }, (__, at) => (at * 37 + i * 101) % 256)
    write(root, { [`data/${i % 2}/${i}.png`]: await png(5, 6, pixels) })
  }
  await checked(root, passing('image', dims, dtype), { preprocessing })
})

const labels = npy(
  '<i8',
  [COUNT],
  BigInt64Array.from({ length: COUNT }, (_, i) => BigInt(i % 2)),
)
const pixels = Uint8Array.from({ length: COUNT * 2 * 5 * 3 }, (_, i) => (i * 37) % 256)

test.each<[string, readonly (number | string)[], number[], Record<string, unknown>]>([
  ['channels last, blue first', ['N', 3, 2, 5], [2, 5, 3], { reversed: true }],
  ['scaled by channel', ['N', 3, 2, 5], [3, 2, 5], { scale: 1 / 255, ...imagenet }],
  ['scaled by channel, last', ['N', 2, 5, 3], [2, 5, 3], { scale: 1 / 255, ...imagenet }],
  ['flat, pixel after pixel', ['N', 3, 2, 5], [30], { stored: 'hwc', reversed: true, mean: [7] }],
  ['flat, channel after channel', ['N', 2, 5, 3], [30], { stored: 'chw' }],
  ['scaled by element', ['N', 6], [6], { mean: [1, 2, 3, 4, 5, 6], std: [2, 3, 5, 7, 11, 13] }],
])('arrays of bytes and of floats: %s', async (_, dims, stored, preprocessing) => {
  const root = temporaryFolder()
  const count = COUNT * stored.reduce((a, b) => a * b, 1)
  const bytes = pixels.subarray(0, count)
  write(root, { 'data/set.npz': npz({ x: npy('|u1', [COUNT, ...stored], bytes), y: labels }) })
  await checked(root, passing('x', dims), { preprocessing }, ['x'])
  const floats = Float32Array.from(bytes, (v) => v / 7)
  write(root, { 'data/set.npz': npz({ x: npy('<f4', [COUNT, ...stored], floats), y: labels }) })
  await checked(root, passing('x', dims), { preprocessing })
})

test('rows of a table, in columns of their own scale', async () => {
  const root = temporaryFolder()
  const rows = Array.from({ length: 40 }, (_, i) => [i / 7, i * i * 1e3, 0.1 - i, i % 2].join(','))
  write(root, { 'data/train.csv': `a,b,c,label\n${rows.join('\n')}\n` })
  const preprocessing = { scale: 0.5, mean: [1, 2, 3], std: [3, 1e4, 7] }
  await checked(root, passing('x', ['N', 3]), { preprocessing, label: 'label' })
})

test('sound in steps of 16 bits, scaled', async () => {
  const root = temporaryFolder()
  for (let i = 0; i < COUNT; i++) {
    const wave = Array.from({ length: i % 3 === 0 ? 60 : 100 }, (_, t) => Math.sin(t * (1 + (i % 2))) * 0.9)
    write(root, { [`data/${i % 2 ? 'a' : 'b'}/${i}.wav`]: wav(wave) })
  }
  await checked(root, passing('wave', ['N', 100]), { preprocessing: { scale: 1.7 } })
})

/** Digits of the samples, exported with and without, as a folder. */
async function bundleOf(model: string, target: string, embed: boolean): Promise<string> {
  const dataset = await openDataset(sample('digits', 'data'), readModel(model))
  try {
    const out = path.join(temporaryFolder(), 'bundle')
    const request = { model, name: 'digits', target: findTarget(target), dataset, embed }
    return (await exportBundle(request, { form: 'folder', out })).path
  } finally {
    await dataset.close()
  }
}

test('a bundle takes bytes and says the class, as ONNX and as ORT', async () => {
  const bundle = await bundleOf(sample('digits', 'lenet5.onnx'), 'android-cpu', true)
  const text = (name: string): string => fs.readFileSync(path.join(bundle, name), 'utf8')
  const manifest = Manifest.parse(JSON.parse(text('manifest.json')))
  expect(manifest.inputs).toMatchObject([{ dtype: 'uint8', exampleDims: [1, 28, 28, 1] }])
  expect(manifest.answer).toMatchObject({ class: 'class', label: 'label', classes: 10 })
  const reader = await openBundle(bundle)
  expect(manifest.models.map(({ format }) => format)).toEqual(['onnx', 'ort'])
  for (const { file } of manifest.models)
    await withSession(path.join(bundle, file), {}, async (session) => {
      for (const { raw, label, outputs } of manifest.golden) {
        const files = Object.fromEntries(
          Object.entries(raw!).map(([name, one]) => [name, path.join(bundle, one)]),
        )
        const got = await session.run(await reader.read(files))
        expect(got['label']!.data).toEqual([label])
        expect(Number((got['class']!.data as BigInt64Array)[0])).toBe(reader.labels!.indexOf(label as string))
        expect(Object.keys(outputs)).toContain('class')
      }
    })
  const readme = text('README.md')
  expect(readme).toContain('The model takes samples as they are stored')
  for (const says of [
    'fun predict(imageValues: ByteArray): String = ask("label", imageValues) {',
    'func predict(imageValues: [UInt8]) throws -> String {',
    'export async function predict(imageValues: Uint8Array): Promise<string> {',
    'def predict(raw):',
    'std::string predict(uint8_t* imageValues) {',
  ])
    expect(readme).toContain(says)
})

test.each([
  ['stretch', 'stretched'],
  ['letterbox', 'given a border'],
  ['shortest-side-then-crop', 'cropped'],
])(
  'pictures of several sizes (%s) are refused by name, those of the size wanted are not',
  async (resize, word) => {
    const root = temporaryFolder()
    const place = async (width: number, i: number): Promise<void> =>
      void write(root, {
        [`data/${i % 2}/${i}.png`]: await png(width, 6, new Uint8Array(width * 6 * 3).fill(9 * i)),
      })
    for (let i = 0; i < COUNT; i++) await place(i % 3 ? 5 : 10, i)
    const model = path.join(root, 'model.onnx')
    writeModel(passing('image', ['N', 3, 6, 5]), model)
    const embedded = async (): Promise<unknown> => {
      const dataset = await openDataset(path.join(root, 'data'), readModel(model), {
        preprocessing: { resize },
      })
      return embed(model, dataset, root).finally(() => dataset.close())
    }
    await expect(embedded()).rejects.toMatchObject({
      data: {
        code: 'export/not-embedded',
        reason: expect.stringMatching(
          new RegExp(`is 10 × 6 and is .*${word} to 5 × 6 .* Store the pictures as 5 × 6`),
        ),
      },
    })
    for (let i = 0; i < COUNT; i++) await place(5, i)
    expect(await embedded()).toMatchObject({ file: path.join(root, 'embedded.onnx') })
  },
)

test('what cannot be done to the bit is refused by name', async () => {
  const words = { kind: 'text', maxLength: 4, padId: 0, inputs: [] } as never
  const model = passing('x', ['N', 3])
  expect(() => embedPreprocessing(model, words, new Set())).toThrow(/tokenizer/)
  const heard = { kind: 'audio', sampleRate: 8000, samples: 800, features: {}, inputs: [] } as never
  expect(() => embedPreprocessing(model, heard, new Set())).toThrow(/Log-mel/)
  const plain = {
    kind: 'array',
    inputs: [{ name: 'x', dtype: 'float32', dims: [3], from: { kind: 'array', array: 'x', dims: [3] } }],
  } as never
  expect(() => embedPreprocessing(model, plain, new Set())).toThrow(/nothing to embed/)
  const request = {
    model: sample('digits', 'lenet5.onnx'),
    name: 'd',
    target: findTarget('any'),
    embed: true,
  }
  await expect(
    exportBundle(request, { form: 'folder', out: path.join(temporaryFolder(), 'b') }),
  ).rejects.toMatchObject({ code: 'export/not-embedded' })
})
