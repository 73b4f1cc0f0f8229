import fs from 'node:fs'
import path from 'node:path'
import { expect, it, test } from 'vitest'
import { framesOf, type AudioFeatures } from '../../../../src/contract/audio-features'
import { openSound } from '../../../../src/engine/data/sounds/format'
import { conventionFeatures, type FeatureShape } from '../../../../src/engine/data/sounds/conventions'
import { FrontEnd } from '../../../../src/engine/math/sound/features'
import { PowerSpectrum } from '../../../../src/engine/math/sound/fft'
import { readModel } from '../../../../src/engine/onnx'
import { openRunner } from '../../../../src/engine/runtime'
import fixture from '../../../fixtures/sound/features.json'

const file = (name: string): string => path.resolve(import.meta.dirname, '../../../fixtures/sound', name)
const { rate } = fixture
const wave = async (): Promise<Float32Array> => (await (await openSound(file('chirp.wav'))).samples(4000))[0]!

const mel = (width: number): FeatureShape => ({
  kind: 'log-mel',
  layout: 'frames-first',
  width,
  frames: undefined,
})
const mfcc: FeatureShape = { ...mel(13), kind: 'mfcc' }
const short = { window: 400, hop: 160 }

type Case = [
  name: string,
  convention: string,
  shape: FeatureShape,
  change?: Partial<AudioFeatures>,
  gain?: number,
]

test.each<Case>([
  ['librosa decibel', 'librosa', mel(40)],
  ['librosa decibel of the largest', 'librosa-max', mel(40)],
  [
    'librosa ln htk',
    'librosa',
    mel(40),
    { mel: 'htk', area: false, power: 1, log: 'ln', floor: 1e-6, floorAdded: true, range: undefined },
  ],
  ['librosa mfcc', 'librosa', mfcc, { window: 512 }],
  ['whisper', 'whisper', mel(80)],
  ['kaldi fbank', 'kaldi', mel(40)],
  ['kaldi fbank of 16 bits', 'kaldi', mel(40), {}, 2 ** 15],
  ['kaldi mfcc', 'kaldi', mfcc],
  ['kaldi mfcc hamming', 'kaldi', mfcc, { energy: false, shape: 'hamming', high: 7600 }],
  ['torchaudio decibel', 'torchaudio', mel(64)],
  ['torchaudio ln', 'torchaudio-ln', mel(64)],
  ['torchaudio mfcc', 'torchaudio', mfcc, { bands: 64 }],
  ['torchaudio fbank', 'kaldi', mel(40)],
])('%s', async (name, convention, shape, change = {}, gain = 1) => {
  const { frames, at, rows } = fixture.features[name as keyof typeof fixture.features]
  const whole = { ...conventionFeatures(convention, shape, short, rate)!, frames, ...change }
  const sound = (await wave()).map((v) => v * gain)
  const { data, width, frames: have } = new FrontEnd(whole, rate).of(sound, frames)
  expect(have).toBe(frames)
  expect(framesOf(whole, sound.length) - frames).toBe(name === 'whisper' ? 1 : 0)
  for (const [i, row] of rows.entries()) {
    // A cepstrum is a sum of many logarithms: its rounding is that of the largest.
    const largest = Math.max(...row.map(Math.abs))
    for (const [k, value] of row.entries())
      expect(Math.abs(data[at[i]! * width + k]! - value), `frame ${at[i]}, value ${k}`).toBeLessThan(
        1e-5 * largest,
      )
  }
})

test.each([1, 7, 30, 97, 400])('power spectra of %i numbers are those of the sum that defines them', (n) => {
  const frame = Float64Array.from({ length: n }, (_, i) => Math.sin(i * i) + 0.1 * i)
  const spectrum = new PowerSpectrum(n).of(frame)
  expect(spectrum).toHaveLength(Math.floor(n / 2) + 1)
  for (const [k, value] of spectrum.entries()) {
    const [re, im] = [Math.cos, Math.sin].map((f) =>
      frame.reduce((sum, v, i) => sum + v * f((2 * Math.PI * i * k) / n), 0),
    )
    expect(value).toBeCloseTo(re! ** 2 + im! ** 2, 6)
  }
})

const zoo = path.resolve(import.meta.dirname, '../../../../../shared/zoo')

it.skipIf(!fs.existsSync(zoo))('a front end that is a model itself gives the same numbers', async () => {
  const model = readModel(path.join(zoo, 'models/oww_mel.onnx'))
  const pcm = (await wave()).map((v) => v * 2 ** 15)
  const runner = await openRunner(model)
  const { output } = await runner.run({ input: { dtype: 'float32', dims: [1, pcm.length], data: pcm } })
  await runner.release()
  const features: AudioFeatures = {
    ...conventionFeatures('librosa', mel(32), short, rate)!,
    ...{ edges: 'whole', low: 60, high: 3800, frames: 22 },
  }
  const { data } = new FrontEnd(features, rate).of(pcm)
  const given = output!.data as Float32Array
  expect(given).toHaveLength(data.length)
  for (const [i, v] of data.entries())
    expect(Math.abs(v - given[i]!)).toBeLessThan(1e-4 * Math.abs(given[i]!))
})
