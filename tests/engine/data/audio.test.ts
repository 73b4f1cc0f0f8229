import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { findPreprocessing } from '../../../src/engine/data/find'
import { openDataset } from '../../../src/engine/data/open'
import { wavFormat, wavSamples } from '../../../src/engine/data/wav'
import { seeded } from '../../../src/engine/math/random'
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
    openDataset(root, declares([['spectrogram', ['N', 1, 80, 100]]], [['scores', ['N', 2]]])),
  ).rejects.toMatchObject({
    code: 'data/shape-mismatch',
  })
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
