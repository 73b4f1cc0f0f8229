import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { AudioFeatures } from '../../../src/contract/audio-features'
import { preprocessingFacts } from '../../../src/contract/data-facts'
import type { Dataset } from '../../../src/engine/data/dataset'
import { findPreprocessing } from '../../../src/engine/data/find'
import { openDataset } from '../../../src/engine/data/open'
import { openSound } from '../../../src/engine/data/sounds/format'
import { wavBytes, wavFormat, wavSamples } from '../../../src/engine/data/sounds/wav'
import { seeded } from '../../../src/engine/math/random'
import { FrontEnd } from '../../../src/engine/math/sound/features'
import { Tensor } from '../../../src/engine/onnx'
import { accuracy } from './scoring'
import { declares, fixture, temporaryFolder, wav, write } from './support'

const tone = (t: number): number => 0.5 * Math.sin((2 * Math.PI * 440 * t) / 8000)

test.each([
  ['tone8.wav', 1 / 127],
  ['tone16.wav', 4e-5],
  ['tone24.wav', 2e-7],
  ['tone32.wav', 1e-7],
  ['tone_float.wav', 1e-7],
])('%s holds the tone in the first channel and silence in the second', async (name, tolerance) => {
  const format = await wavFormat(fixture(name))
  expect(format).toMatchObject({ sampleRate: 8000, channels: 2, length: 4000 })
  const [left, right] = await wavSamples(fixture(name), format, 5000)
  expect(left).toHaveLength(4000)
  for (let t = 0; t < 4000; t += 37) expect(Math.abs(left![t]! - tone(t))).toBeLessThan(tolerance)
  expect(right!.every((v) => v === 0)).toBe(true)
})

test('sounds are cut, padded and resampled to what the model hears', async () => {
  const root = temporaryFolder()
  const line = (rate: number, seconds: number): Uint8Array =>
    wav(
      Array.from({ length: rate * seconds }, (_, t) => 0.5 * Math.sin((2 * Math.PI * 440 * t) / rate)),
      rate,
    )
  write(root, {
    'a/1.wav': line(8000, 0.25),
    'a/2.wav': line(16000, 0.25),
    'b/3.wav': line(8000, 0.05),
    'b/4.wav': line(11025, 0.4),
  })
  const model = declares([['wave', ['N', 800]]], [['scores', ['N', 2]]])
  const dataset = await openDataset(root, model)
  expect(dataset.preprocessing).toMatchObject({ kind: 'audio', sampleRate: 8000, samples: 800 })
  let seen = 0
  for await (const { inputs, labels } of dataset.splits.training.batches(4))
    for (const [row, label] of Array.from(labels!.data as BigInt64Array).entries()) {
      const wave = (inputs['wave']!.data as Float32Array).subarray(row * 800, (row + 1) * 800)
      const short = wave.subarray(500).every((v) => v === 0)
      for (let t = 50; t < (short ? 350 : 750); t++) expect(Math.abs(wave[t]! - tone(t))).toBeLessThan(2e-3)
      expect(short && label === 0n).toBe(false)
      seen++
    }
  expect(seen).toBe(4)
  await dataset.close()
})

test('the gain that a model was trained with is found by the labels', async () => {
  const [length, gain, loud] = [200, 10, 0.05]
  const root = temporaryFolder()
  const random = seeded(3)
  const files: Record<string, Uint8Array> = {}
  for (const [split, count] of Object.entries({ train: 160, validation: 80 }))
    for (let i = 0; i < count; i++) {
      const amplitude = 0.02 + 0.06 * random.next()
      // What is near the threshold is heard now one way, now the other.
      const label = amplitude + 0.006 * random.normal() > loud ? 'loud' : 'quiet'
      files[`${split}/${label}/${i}.wav`] = wav(
        Array.from({ length }, (_, t) => 2 * amplitude * tone(t)),
        8000,
      )
    }
  write(root, files)
  const model = declares([['wave', ['N', length]]], [['scores', ['N', 2]]])
  model.opsets.set('', 17)
  const { graph } = model
  const wave = Array.from({ length }, (_, t) => 2 * tone(t))
  const power = wave.reduce((sum, v) => sum + v * v, 0)
  const threshold = gain * loud * power
  graph.addInitializer(
    'tone',
    Tensor.float32(
      [length, 2],
      wave.flatMap((v) => [v, -v]),
    ),
  )
  graph.addInitializer('threshold', Tensor.float32([2], [-threshold, threshold]))
  graph.addNode({ opType: 'MatMul', inputs: ['wave', 'tone'], outputs: ['heard'] })
  graph.addNode({ opType: 'Add', inputs: ['heard', 'threshold'], outputs: ['scores'] })
  const dataset = await openDataset(root, model)
  const findings = await findPreprocessing(model, dataset, (one) => accuracy(model, one))
  const plain = findings.find(({ baseline }) => baseline)!
  const found = findings.find(({ better }) => better)!
  const right = dataset.variant({ preprocessing: { ...dataset.preprocessing, scale: gain } as never })
  const truth = await accuracy(model, right)
  await dataset.close()
  expect(plain.value).toBeLessThan(0.65)
  expect(truth).toBeGreaterThan(0.8)
  expect(found.value).toBeGreaterThanOrEqual(truth - 1.5 / 80)
  expect((found.preprocessing as { scale: number }).scale).toBeGreaterThan(0.9 * gain)
  expect((found.preprocessing as { scale: number }).scale).toBeLessThan(1.1 * gain)
})

test.each([
  [
    'labels.csv',
    (rows: [string, string][]) => ['file,label', ...rows.map((row) => row.join(','))].join('\n'),
  ],
  [
    'metadata.jsonl',
    (rows: [string, string][]) =>
      rows.map(([file_name, label]) => JSON.stringify({ file_name, label })).join('\n'),
  ],
])('%s names its sounds: in the folder of each split, and one above the splits', async (name, listing) => {
  // The same names in both splits, with other labels.
  const words = { train: ['yes', 'no', 'yes', 'no'], val: ['no', 'yes', 'yes'] }
  const sounds = (labels: readonly string[]): Record<string, Uint8Array> =>
    Object.fromEntries(labels.map((_, i) => [`${i}.wav`, wav([0.1, 0.2 * i, 0.3], 8000)]))
  const [each, above] = [temporaryFolder(), temporaryFolder()]
  for (const [split, labels] of Object.entries(words)) {
    const own = { [name]: listing(labels.map((label, i) => [`${i}.wav`, label])) }
    write(path.join(each, split), { ...sounds(labels), ...own })
    write(path.join(above, split), sounds(labels))
  }
  const all = Object.entries(words).flatMap(([split, labels]) =>
    labels.map((label, i): [string, string] => [`${split}/${i}.wav`, label]),
  )
  write(above, { [name]: listing([...all, ['val/gone.wav', 'yes']]) })
  expect(await labelsIn(each, words.val.length)).toEqual({ labels: words.val, missing: [] })
  expect(await labelsIn(above, words.val.length)).toEqual({
    labels: words.val,
    missing: [`1 files named in ${name} are missing.`],
  })
})

async function labelsIn(root: string, count: number): Promise<{ labels: unknown[]; missing: string[] }> {
  const dataset = await openDataset(root, declares([['wave', ['N', 3]]], [['scores', ['N', 2]]]))
  expect(dataset.classes).toEqual(['no', 'yes'])
  const judged = dataset.splits.validation
  expect(judged).toHaveLength(count)
  const labels = await Promise.all(
    Array.from({ length: count }, async (_, i) => (await judged.preview(i)).label),
  )
  const missing = dataset.summary().notes.filter((note) => note.includes('missing'))
  await dataset.close()
  return { labels, missing }
}

test('several channels, channels last, and spectrogram models', async () => {
  const root = write(temporaryFolder(), { 'a/1.wav': fs.readFileSync(fixture('tone16.wav')) })
  const two = await openDataset(root, declares([['wave', ['N', 1000, 2]]], [['scores', ['N', 2]]]))
  for await (const { inputs } of two.splits.training.batches(1)) {
    expect(inputs['wave']!.dims).toEqual([1, 1000, 2])
    expect((inputs['wave']!.data as Float32Array)[2 * 5]).toBeCloseTo(tone(5), 4)
    expect((inputs['wave']!.data as Float32Array)[2 * 5 + 1]).toBe(0)
  }
  await two.close()
  const mono = await openDataset(root, declares([['wave', ['N', 1, 1000]]], [['scores', ['N', 2]]]))
  for await (const { inputs } of mono.splits.training.batches(1))
    expect((inputs['wave']!.data as Float32Array)[5]).toBeCloseTo(tone(5) / 2, 4)
  await mono.close()
  await expect(
    openDataset(root, declares([['spectrogram', ['N', 3, 80, 100]]], [['scores', ['N', 2]]])),
  ).rejects.toMatchObject({ code: 'data/shape-mismatch' })
})

const sound = (name: string): string => path.resolve(import.meta.dirname, '../../fixtures/sound', name)

test.each(['chirp', 'stereo24'])('%s.flac holds what the WAV file holds, to the bit', async (name) => {
  const [flac, plain] = await Promise.all(['flac', 'wav'].map((kind) => openSound(sound(`${name}.${kind}`))))
  const { samples, depth, ...format } = flac!
  expect(plain).toMatchObject(format)
  const waves = await plain!.samples(Infinity)
  expect(await samples(Infinity)).toEqual(waves)
  expect(await samples(1500)).toEqual(waves.map((wave) => wave.subarray(0, 1500)))
  const file = path.join(temporaryFolder(), 'written.wav')
  fs.writeFileSync(file, wavBytes(waves, format.sampleRate, depth!))
  expect(await (await openSound(file)).samples(Infinity)).toEqual(waves)
})

test('a FLAC file that is cut off or damaged is told', async () => {
  const bytes = fs.readFileSync(sound('stereo24.flac'))
  const root = temporaryFolder()
  const told = async (damaged: Uint8Array): Promise<unknown> => {
    const file = path.join(root, 'a.flac')
    fs.writeFileSync(file, damaged)
    return openSound(file).then((one) => one.samples(Infinity))
  }
  await expect(told(bytes.subarray(0, 30))).rejects.toThrow('is cut off')
  await expect(told(bytes.subarray(0, 9000))).rejects.toThrow('is cut off')
  const hit = Uint8Array.from(bytes)
  hit[10_000]! ^= 4
  await expect(told(hit)).rejects.toThrow('has a ')
})

test.each<[dims: (string | number | null)[], kind: string, layout: string, frames: number, window: number]>([
  [['N', 1, 40, 26], 'log-mel', 'bands-first', 26, 400],
  [['N', 23, 40], 'log-mel', 'frames-first', 23, 400],
  [['N', 'T', 80], 'log-mel', 'frames-first', 26, 400],
  [['N', 1, 13, 8], 'mfcc', 'bands-first', 8, 2048],
  [['N', 61, 32, 1], 'log-mel', 'frames-first', 61, 400],
])('an input %j takes %s, %s, of sounds', async (dims, kind, layout, frames, window) => {
  const root = write(temporaryFolder(), { 'a/1.flac': fs.readFileSync(sound('chirp.flac')) })
  const dataset = await openDataset(root, declares([['x', dims as never]], [['scores', ['N', 2]]]))
  const { features } = dataset.preprocessing as { features: AudioFeatures }
  expect(features).toMatchObject({ kind, layout, frames, window })
  expect(
    preprocessingFacts(dataset.preprocessing)
      .map(({ value }) => value)
      .join(),
  ).toContain(`${frames} of ${window}`)
  for await (const { inputs } of dataset.splits.validation.batches(1))
    expect(inputs['x']!.dims).toEqual([
      1,
      ...dims.slice(1).map((dim) => (typeof dim === 'number' ? dim : frames)),
    ])
  await dataset.close()
})

test('a convention is said by its name, or number by number', async () => {
  const root = write(temporaryFolder(), { 'a/1.wav': fs.readFileSync(sound('chirp.wav')) })
  const model = declares([['x', ['N', 23, 40]]], [['scores', ['N', 2]]])
  const opened = async (features: unknown): Promise<AudioFeatures> => {
    const dataset = await openDataset(root, model, { preprocessing: { features } as never })
    await dataset.close()
    return (dataset.preprocessing as { features: AudioFeatures }).features
  }
  expect(await opened('kaldi')).toMatchObject({ shape: 'povey', edges: 'whole', frames: 23, bands: 40 })
  expect(await opened({ low: 80, log: 'log10' })).toMatchObject({ low: 80, log: 'log10', bands: 40 })
  await expect(opened('matlab')).rejects.toThrow('no front end “matlab” for log-mel; there are librosa')
  await expect(opened({ bands: -1 })).rejects.toThrow('features.bands')
  const wave = declares([['x', ['N', 4000]]], [['scores', ['N', 2]]])
  await expect(openDataset(root, wave, { preprocessing: { features: 'kaldi' } as never })).rejects.toThrow(
    'takes waves',
  )
})

test('the front end that a model was trained with is found by the labels', async () => {
  const root = temporaryFolder()
  const random = seeded(4)
  const files: Record<string, Uint8Array> = {}
  const [length, frames] = [440, 4]
  for (const [split, count] of Object.entries({ train: 60, validation: 60 }))
    for (let i = 0; i < count; i++) {
      const level = 0.02 + 0.1 * random.next()
      const label = level + 0.003 * random.normal() > 0.07 ? 'loud' : 'quiet'
      files[`${split}/${label}/${i}.wav`] = wav(Array.from({ length }, () => level * random.normal()))
    }
  write(root, files)
  const model = declares([['x', ['N', 26, frames]]], [['scores', ['N', 2]]])
  model.opsets.set('', 17)
  const { graph } = model
  const as = (kind: string): Promise<Dataset> =>
    openDataset(root, model, {
      preprocessing: { features: kind, ...(kind === 'kaldi' && { scale: 2 ** 15 }) } as never,
    })
  // The mean of all bands against that of the level which parts the classes: in another unit it tells nothing.
  const kaldi = await as('kaldi')
  const front = new FrontEnd((kaldi.preprocessing as { features: AudioFeatures }).features, 8000)
  const border = front.of(Float32Array.from({ length }, () => 0.07 * 2 ** 15 * random.normal())).data
  const threshold = border.reduce((a, b) => a + b, 0) / border.length
  graph.addNode({
    opType: 'ReduceMean',
    inputs: ['x'],
    outputs: ['mean'],
    attributes: { axes: { ints: [1, 2] }, keepdims: { int: 0 } },
  })
  graph.addInitializer('threshold', Tensor.float32([1], [threshold]))
  graph.addNode({ opType: 'Sub', inputs: ['mean', 'threshold'], outputs: ['above'] })
  graph.addInitializer('pair', Tensor.float32([1, 2], [20, -20]))
  graph.addInitializer('axis', Tensor.int64([1]))
  graph.addNode({ opType: 'Unsqueeze', inputs: ['above', 'axis'], outputs: ['column'] })
  graph.addNode({ opType: 'MatMul', inputs: ['column', 'pair'], outputs: ['scores'] })
  const truth = await accuracy(model, kaldi)
  await kaldi.close()
  const dataset = await as('librosa')
  const findings = await findPreprocessing(model, dataset, (one) => accuracy(model, one))
  await dataset.close()
  expect(truth).toBeGreaterThan(0.9)
  expect(findings.find(({ baseline }) => baseline)!.value).toBeLessThan(0.7)
  expect(findings.find(({ better }) => better)!.value).toBeGreaterThanOrEqual(truth - 2 / 60)
})

test('damaged sounds are skipped and named; a folder of nothing else is an error', async () => {
  const model = declares([['wave', ['N', 1, 100]]], [['scores', ['N', 2]]])
  const good = fs.readFileSync(fixture('tone8.wav'))
  const root = write(temporaryFolder(), {
    'a/1.wav': good,
    'a/2.wav': good.subarray(0, 4000),
    'b/1.wav': good,
    'b/2.wav': 'RIFF',
  })
  const dataset = await openDataset(root, model)
  expect(dataset.summary().notes.join(' ')).toContain(
    `2 sounds could not be read and are skipped: ${path.join('a', '2.wav')}, ${path.join('b', '2.wav')}.`,
  )
  await dataset.close()
  await expect(openDataset(write(temporaryFolder(), { 'a/1.wav': 'RIFF' }), model)).rejects.toMatchObject({
    code: 'data/unreadable',
  })
})
