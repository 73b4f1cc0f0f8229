import { expect, test } from 'vitest'
import { resample } from '../../../../src/engine/math/sound/resample'

const sine = (frequency: number, rate: number, length: number): Float32Array =>
  Float32Array.from({ length }, (_, t) => Math.sin((2 * Math.PI * frequency * t) / rate))

test.each([
  [44100, 16000],
  [8000, 16000],
  [48000, 44100],
])('a tone keeps its pitch and loudness from %i to %i Hz', (from, to) => {
  const out = resample(sine(1000, from, from / 10), from, to, to / 10)
  const want = sine(1000, to, to / 10)
  for (let t = 200; t < out.length - 200; t++) expect(Math.abs(out[t]! - want[t]!)).toBeLessThan(2e-4)
})

test('what the new rate cannot hold is taken away, not folded back', () => {
  // 7 kHz folds to 1 kHz at 8 kHz where samples are merely dropped or joined by lines.
  const out = resample(sine(7000, 16000, 1600), 16000, 8000, 800)
  expect(Math.max(...out.subarray(100, 700).map(Math.abs))).toBeLessThan(1e-4)
})

test('the same rate cuts or pads', () => {
  expect(Array.from(resample(Float32Array.from([1, 2, 3]), 8000, 8000, 5))).toEqual([1, 2, 3, 0, 0])
  expect(Array.from(resample(Float32Array.from([1, 2, 3]), 8000, 8000, 2))).toEqual([1, 2])
})
