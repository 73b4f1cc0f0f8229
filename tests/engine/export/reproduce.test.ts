/**
 * A bundle used as its own files say, and by its Python snippet where there is a Python with ONNX Runtime, reproduces
 * the quality of the report on the raw data. `PARE_PYTHON` names another interpreter than python3.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import { afterAll, expect, test } from 'vitest'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openDataset, type OpenOptions } from '../../../src/engine/data/open'
import { openZip } from '../../../src/engine/data/zip'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { conventionFeatures } from '../../../src/engine/data/sounds/conventions'
import { exportBundle } from '../../../src/engine/export/bundle'
import { Manifest } from '../../../src/engine/export/manifest'
import { openBundle } from '../../../src/engine/export/read-back'
import { FrontEnd } from '../../../src/engine/math/sound/features'
import { readModel, Tensor, writeModel } from '../../../src/engine/onnx'
import { feedsFor, floatsOf, withSession, type Value } from '../../../src/engine/runtime'
import { findTarget } from '../../../src/engine/targets'
import { hasReference, reference } from '../../reference'
import { declares, temporaryFolder, wav, write } from '../data/support'
import { seeded } from '../../../src/engine/math/random'
import type { Subject } from './subject'
import { pairs, words } from './text-subjects'

const python = process.env['PARE_PYTHON'] ?? 'python3'
const imports = 'import onnxruntime, numpy, PIL, tokenizers'
const hasPython = spawnSync(python, ['-c', imports], { timeout: 60_000 }).status === 0
if (!hasPython)
  console.warn(
    `${python} cannot "${imports}": bundles are read by their own files alone, their snippets not run.`,
  )

const samples = (...parts: string[]): string => path.resolve('resources/samples', ...parts)
const RESOURCES: Record<string, () => Subject> = {
  'digits (samples), PNG': () => ({
    model: samples('digits', 'lenet5.onnx'),
    data: samples('digits', 'data'),
    raw: ['files', samples('digits', 'data', 'validation')],
  }),
  'bearing (samples), NPZ': () => ({
    model: samples('bearing', 'cnn1d.onnx'),
    data: samples('bearing', 'data'),
    raw: ['npz', samples('bearing', 'data', 'validation.npz'), 'y'],
  }),
  'tones, WAV': () => tones(),
  'spectra of tones, WAV': spectra,
  'words, JSONL': words,
  'one score of two classes, CSV': oneOfTwo,
  'wake word (samples), WAV': () => ({
    model: samples('wake', 'wake.onnx'),
    data: samples('wake', 'data'),
    options: { task: 'events' },
    raw: ['files', samples('wake', 'data', 'validation'), 'wake'],
  }),
  'pairs of texts, JSONL': pairs,
}

const given = (model: string, ...data: string[]): Pick<Subject, 'model' | 'data'> => ({
  model: reference('models', `${model}.onnx`),
  data: reference('data', ...data),
})
const csv = (scale: number, classes?: string[]): OpenOptions => ({
  preprocessing: { scale },
  ...(classes && { classes }),
})
const FAULTS = ['normal', 'inner_race', 'outer_race', 'ball', 'imbalance', 'misalignment']
const REFERENCES: Record<string, () => Subject> = {
  'digits, PNG': () => ({
    ...given('lenet5', 'digits', 'png'),
    raw: ['files', reference('data', 'digits', 'png', 'validation')],
  }),
  'digits of one layer after another, PNG': () => ({
    ...given('lenet300', 'digits', 'png'),
    raw: ['files', reference('data', 'digits', 'png', 'validation')],
  }),
  'digits of the older exporter, PNG': () => ({
    ...given('lenet5_legacy', 'digits', 'png'),
    raw: ['files', reference('data', 'digits', 'png', 'validation')],
  }),
  'bearing of the older exporter, NPZ': () => ({
    ...given('cnn1d_bn_legacy', 'bearing', 'npz'),
    raw: ['npz', reference('data', 'bearing', 'npz', 'validation.npz'), 'y'],
  }),
  'text of the older exporter, JSONL': () => ({
    ...given('bert_legacy', 'text'),
    options: { format: 'text' },
    raw: ['jsonl', reference('data', 'text', 'validation.jsonl'), 'label'],
  }),
  'digits, NPZ': () => ({
    ...given('lenet5', 'digits', 'npz'),
    raw: ['npz', reference('data', 'digits', 'npz', 'validation.npz'), 'y'],
  }),
  'digits, CSV': () => ({
    ...given('lenet300', 'digits', 'csv'),
    options: csv(1 / 255),
    raw: ['csv', reference('data', 'digits', 'csv', 'validation.csv'), 'label'],
  }),
  'bearing, NPZ': () => ({
    ...given('cnn1d', 'bearing', 'npz'),
    raw: ['npz', reference('data', 'bearing', 'npz', 'validation.npz'), 'y'],
  }),
  'bearing, CSV': () => ({
    ...given('cnn1d', 'bearing', 'csv'),
    options: csv(1 / 256, FAULTS),
    raw: ['csv', reference('data', 'bearing', 'csv', 'validation.csv'), 'label'],
  }),
  'control, NPZ': () => ({
    ...given('mlp', 'control'),
    raw: ['npz', reference('data', 'control', 'validation.npz'), 'y'],
  }),
  'text, JSONL': () => ({
    ...given('bert', 'text'),
    options: { format: 'text' },
    raw: ['jsonl', reference('data', 'text', 'validation.jsonl'), 'label'],
  }),
  'text, token ids': () => ({
    ...given('bert', 'text'),
    options: { format: 'npz' },
    raw: ['npz', reference('data', 'text', 'validation_ids.npz'), 'y'],
  }),
}

const zoo = (...parts: string[]): string => path.resolve('..', 'shared', 'zoo', ...parts)
const hasZoo = fs.existsSync(zoo())

const ZOO: Record<string, () => Subject | Promise<Subject>> = {
  'lines of text, PNG': lines,
  'turned lines, PNG': turned,
  'digits one by one, PNG': () => ({
    model: zoo('models', 'mnist_cntk.onnx'),
    data: reference('data', 'digits', 'png'),
    raw: ['files', reference('data', 'digits', 'png', 'validation')],
  }),
}

/** Lines as they are and turned over, in folders of their own. */
async function turned(): Promise<Subject> {
  const [from, data] = [zoo('data', 'text-lines'), path.join(temporaryFolder(), 'data')]
  for (let i = 0; i < 20; i++)
    for (const angle of [0, 180]) {
      const folder = path.join(data, i < 4 ? 'train' : 'validation', String(angle))
      fs.mkdirSync(folder, { recursive: true })
      const line = sharp(path.join(from, `t${i}.png`)).rotate(angle)
      await line
        .resize(192, 48, { fit: 'fill' })
        .png()
        .toFile(path.join(folder, `${i}.png`))
    }
  return { model: zoo('models', 'ocr_cls.onnx'), data, raw: ['files', path.join(data, 'validation')] }
}

/** Rows whose class is the first name where the score is high: the order that names have by themselves is the wrong one. */
function oneOfTwo(): Subject {
  const model = declares([['x', ['N', 2]]], [['score', ['N', 1]]])
  model.opsets.set('', 17)
  model.graph.addInitializer('w', Tensor.float32([2, 1], [3, -1]))
  model.graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['score'] })
  const [root, random] = [temporaryFolder(), seeded(6)]
  const row = (): string => {
    const [a, b] = [random.normal(), random.normal()]
    return `${a.toFixed(4)},${b.toFixed(4)},${3 * a - b + 0.5 * random.normal() > 0 ? 'churned' : 'stays'}`
  }
  const rows = (): string => ['a,b,label', ...Array.from({ length: 80 }, row)].join('\n')
  write(root, { 'data/train.csv': rows(), 'data/validation.csv': rows() })
  const file = path.join(root, 'one.onnx')
  writeModel(model, file)
  return {
    model: file,
    data: path.join(root, 'data'),
    options: { classes: ['stays', 'churned'] },
    raw: ['csv', path.join(root, 'data', 'validation.csv'), 'label'],
  }
}

/** Some of the lines to learn from and some to judge by, each with the list of its texts. */
function lines(): Subject {
  const [from, root] = [zoo('data', 'text-lines'), temporaryFolder()]
  const [head, ...rows] = fs.readFileSync(path.join(from, 'labels.csv'), 'utf8').trim().split('\n')
  const copy = (split: string, own: readonly string[]): void => {
    const folder = path.join(root, 'data', split)
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(path.join(folder, 'labels.csv'), [head, ...own].join('\n'))
    for (const row of own) {
      const [name] = row.split(',')
      fs.copyFileSync(path.join(from, name!), path.join(folder, name!))
    }
  }
  copy('train', rows.slice(0, 3))
  copy('validation', rows.slice(3, 11))
  fs.copyFileSync(path.join(from, 'characters.txt'), path.join(root, 'data', 'characters.txt'))
  return {
    model: zoo('models', 'ocr_rec.onnx'),
    data: path.join(root, 'data'),
    raw: ['listed', path.join(root, 'data', 'validation'), 'text'],
  }
}

/** The same sounds, heard in bands of the mel scale: 440 and 660 Hz are in different ones. */
function spectra(): Subject {
  const { data, raw } = tones(0.6)
  const [bands, frames] = [24, 5]
  const model = declares([['mel', ['N', bands, frames]]], [['scores', ['N', 2]]])
  model.opsets.set('', 17)
  const { graph } = model
  const features = {
    ...conventionFeatures(
      'torchaudio',
      { kind: 'log-mel', layout: 'bands-first', width: bands, frames },
      { window: 200, hop: 80 },
      8000,
    )!,
    frames,
  }
  const random = seeded(5)
  const heard = [440, 660].map((hertz) => {
    const wave = Float32Array.from(
      { length: 350 },
      (_, t) => 0.6 * (Math.sin((2 * Math.PI * hertz * t) / 8000) + random.next() - 0.5),
    )
    const { data } = new FrontEnd(features, 8000).of(wave)
    return Array.from(
      { length: bands * frames },
      (_, i) => data[(i % frames) * bands + Math.floor(i / frames)]!,
    )
  }) as [number[], number[]]
  graph.addInitializer('flat', Tensor.int64([0, -1]))
  graph.addNode({ opType: 'Reshape', inputs: ['mel', 'flat'], outputs: ['row'] })
  const [low, high] = heard
  const weights = low.map((v, i) => v - high[i]!)
  const middle = weights.reduce((sum, w, i) => sum + (w * (low[i]! + high[i]!)) / 2, 0)
  graph.addInitializer(
    'w',
    Tensor.float32(
      [bands * frames, 2],
      weights.flatMap((w) => [w, -w]),
    ),
  )
  graph.addInitializer('b', Tensor.float32([2], [-middle, middle]))
  graph.addNode({ opType: 'Gemm', inputs: ['row', 'w', 'b'], outputs: ['scores'] })
  const file = path.join(temporaryFolder(), 'spectra.onnx')
  writeModel(model, file)
  return { model: file, data, raw, options: { preprocessing: { features: 'torchaudio' } } }
}

/** Two tones in noise, told apart by their products with each; 16-bit PCM, some shorter than the model hears. */
function tones(loudness = 0.05): Subject {
  const length = 400
  const tone = (hertz: number): number[] =>
    Array.from({ length }, (_, t) => Math.sin((2 * Math.PI * hertz * t) / 8000))
  const model = declares([['wave', ['N', length]]], [['scores', ['N', 2]]])
  model.opsets.set('', 17)
  const [low, high] = [tone(440), tone(660)]
  model.graph.addInitializer(
    'w',
    Tensor.float32(
      [length, 2],
      low!.flatMap((v, t) => [v, high![t]!]),
    ),
  )
  model.graph.addNode({ opType: 'MatMul', inputs: ['wave', 'w'], outputs: ['scores'] })
  const root = temporaryFolder()
  const random = seeded(4)
  const files: Record<string, Uint8Array> = {}
  for (const split of ['train', 'validation'])
    for (let i = 0; i < 40; i++) {
      const noisy = (i % 2 === 0 ? low! : high!)
        .slice(0, i % 5 === 0 ? 350 : length)
        .map((v) => loudness * v + 0.6 * (random.next() - 0.5))
      files[`data/${split}/${i % 2 === 0 ? 'a' : 'b'}/${i}.wav`] = wav(noisy)
    }
  write(root, files)
  const file = path.join(root, 'tones.onnx')
  writeModel(model, file)
  return { model: file, data: path.join(root, 'data'), raw: ['files', path.join(root, 'data', 'validation')] }
}

async function unpacked({ model }: Subject, dataset: Dataset, embed: boolean): Promise<string> {
  const folder = temporaryFolder()
  const request = { model, name: 'bundle', target: findTarget('any'), dataset, embed }
  const { path: file } = await exportBundle(request, { form: 'zip', out: path.join(folder, 'bundle.zip') })
  const zip = await openZip(file)
  const into = path.join(folder, 'unpacked')
  for (const entry of zip.entries) {
    const chunks: Buffer[] = []
    for await (const chunk of await entry.stream()) chunks.push(chunk as Buffer)
    const target = path.join(into, entry.name)
    fs.mkdirSync(path.dirname(target), { recursive: true })
    fs.writeFileSync(target, Buffer.concat(chunks))
  }
  zip.close()
  return into
}

/** Spelled out once more: the strongest of every step, repeats once, no blanks. */
function spelled(
  { dims, data }: Value,
  { axis, blank }: NonNullable<Manifest['answer']['text']>,
  characters: readonly string[],
): string {
  const [, a, b] = dims as [number, number, number]
  const [steps, scores] = axis === 2 ? [a, b] : [b, a]
  const at = (t: number, c: number): number => Number(axis === 2 ? data[t * b + c] : data[c * b + t])
  let text = ''
  let before = -1
  for (let t = 0; t < steps; t++) {
    let best = 0
    for (let c = 1; c < scores; c++) if (at(t, c) > at(t, best)) best = c
    if (best !== before && best !== blank) text += characters[best]!
    before = best
  }
  return text.trim()
}

/** Characters wrong among all; distances by the whole table. Source: Wagner and Fischer 1974. */
function errorRate(texts: readonly string[], truth: readonly string[]): number {
  const distance = (a: string[], b: string[]): number => {
    const d = Array.from({ length: a.length + 1 }, (_, i) =>
      Array.from({ length: b.length + 1 }, (__, j) => (i === 0 ? j : j === 0 ? i : 0)),
    )
    for (let i = 1; i <= a.length; i++)
      for (let j = 1; j <= b.length; j++)
        d[i]![j] = Math.min(
          d[i - 1]![j]! + 1,
          d[i]![j - 1]! + 1,
          d[i - 1]![j - 1]! + Number(a[i - 1] !== b[j - 1]),
        )
    return d[a.length]![b.length]!
  }
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
  return (
    sum(texts.map((text, i) => distance(Array.from(text), Array.from(truth[i]!)))) /
    sum(truth.map((text) => Array.from(text).length))
  )
}

/** Every validation sample, read by the bundle's files alone; the metrics are spelled out once more. */
async function byItsFiles(bundle: string, dataset: Dataset): Promise<number> {
  const manifest = Manifest.parse(JSON.parse(fs.readFileSync(path.join(bundle, 'manifest.json'), 'utf8')))
  const { labels, read } = await openBundle(bundle)
  const file = path.join(bundle, manifest.models[0]!.file)
  const model = readModel(file)
  const scratch = temporaryFolder()
  const [got, want]: [number[][], (string | number[])[]] = [[], []]
  const texts: string[] = []
  const { output, text, threshold } = manifest.answer
  await withSession(file, {}, async (session) => {
    for (let index = 0; index < dataset.splits.validation.length; index++) {
      const { files, label } = await dataset.splits.validation.raw!(index)
      const raw = files.map(({ name, ending, bytes }, i): [string, string] => {
        const at = path.join(scratch, `${i}${ending}`)
        fs.writeFileSync(at, bytes)
        return [name, at]
      })
      const outputs = await session.run(feedsFor(model, await read(Object.fromEntries(raw))), [output])
      if (text) texts.push(spelled(outputs[output]!, text, labels!))
      else got.push(Array.from(floatsOf(outputs[output]!)))
      want.push(label!)
    }
  })
  if (text) return errorRate(texts, want as string[])
  if (threshold !== undefined && !labels)
    return foundShare(
      got.map(([score]) => score! >= threshold),
      want.map((label) => (label as number[])[0] === 1),
    )
  if (threshold !== undefined)
    return got.filter(([score], i) => labels![Number(score! > threshold)] === want[i]).length / got.length
  if (labels)
    return got.filter((row, i) => labels[row.indexOf(Math.max(...row))] === want[i]).length / got.length
  const numbers = want as number[][]
  const r2 = numbers[0]!.map((_, d) => {
    const mean = numbers.reduce((sum, row) => sum + row[d]! / numbers.length, 0)
    const squared = (f: (i: number) => number): number => numbers.reduce((sum, __, i) => sum + f(i) ** 2, 0)
    return 1 - squared((i) => got[i]![d]! - numbers[i]![d]!) / squared((i) => numbers[i]![d]! - mean)
  })
  return r2.reduce((sum, v) => sum + v / r2.length, 0)
}

/** F1 of samples that stand each for itself. */
function foundShare(alarms: readonly boolean[], events: readonly boolean[]): number {
  const count = (holds: (alarm: boolean, event: boolean) => boolean): number =>
    alarms.filter((alarm, i) => holds(alarm, events[i]!)).length
  const right = 2 * count((alarm, event) => alarm && event)
  return right / (right + count((alarm, event) => alarm !== event))
}

function byItsSnippet(
  bundle: string,
  [kind, place, label = '']: Subject['raw'],
): { value: number; samples: number } {
  const code = /^### Python\n+```python\n(.*?)^```/ms.exec(
    fs.readFileSync(path.join(bundle, 'README.md'), 'utf8'),
  )![1]!
  fs.writeFileSync(path.join(bundle, 'snippet.py'), code)
  const driver = path.resolve(import.meta.dirname, 'reproduce.py')
  const ran = spawnSync(python, [driver, 'snippet.py', kind, place, label], { cwd: bundle, encoding: 'utf8' })
  expect(ran.status, ran.stderr).toBe(0)
  return JSON.parse(ran.stdout) as { value: number; samples: number }
}

const table: string[] = []
afterAll(() => console.info(['set, form: report · files · snippet', ...table].join('\n')))

const all: Record<string, () => Subject | Promise<Subject>> = {
  ...RESOURCES,
  ...(hasReference ? REFERENCES : {}),
  ...(hasZoo ? ZOO : {}),
}
const EMBEDDED = /^(digits \(samples\)|tones)/
const cases = Object.keys(all).flatMap((name): [string, boolean][] => [
  [name, false],
  ...(EMBEDDED.test(name) ? [[name, true] as [string, boolean]] : []),
])
test.each(cases)(
  '%s, embedded: %s: the bundle scores on raw data what the report says',
  { timeout: 300_000 },
  async (name, embed) => {
    const subject = await all[name]!()
    const dataset = await openDataset(subject.data, readModel(subject.model), subject.options)
    try {
      const { quality } = (await measureQuality(subject.model, [], { dataset })).original
      const bundle = await unpacked(subject, dataset, embed)
      const files = await byItsFiles(bundle, dataset)
      const snippet = hasPython ? byItsSnippet(bundle, subject.raw) : undefined
      table.push(
        `${name}${embed ? ', embedded' : ''}: ${quality.metric} ${quality.value.toFixed(4)} · ${files.toFixed(4)} · ${snippet?.value.toFixed(4) ?? '–'} (${quality.samples})`,
      )
      expect(files).toBeCloseTo(quality.value, 6)
      if (snippet) {
        expect(snippet.samples).toBe(quality.samples)
        expect(snippet.value).toBeCloseTo(quality.value, 6)
      }
    } finally {
      await dataset.close()
    }
  },
)
