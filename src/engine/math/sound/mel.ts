/** Bands of the mel scale. Sources: HTK Book 3.4, 5.4; Slaney, Auditory Toolbox (1998), as librosa and Kaldi have them. */
import type { AudioFeatures } from '../../../contract/audio-features'

/** Slaney: straight up to 1000 Hz, then 27 steps for every factor of 6.4. */
const STRAIGHT = 200 / 3
const KNEE = 1000
const STEP = Math.log(6.4) / 27

interface Scale {
  ofHertz(hertz: number): number
  toHertz(mel: number): number
}

const SCALES: Record<AudioFeatures['mel'], Scale> = {
  htk: {
    ofHertz: (hertz) => 2595 * Math.log10(1 + hertz / 700),
    toHertz: (mel) => 700 * (10 ** (mel / 2595) - 1),
  },
  slaney: {
    ofHertz: (hertz) => (hertz < KNEE ? hertz / STRAIGHT : KNEE / STRAIGHT + Math.log(hertz / KNEE) / STEP),
    toHertz: (mel) =>
      mel < KNEE / STRAIGHT ? mel * STRAIGHT : KNEE * Math.exp(STEP * (mel - KNEE / STRAIGHT)),
  },
}

/** Weights of the frequencies of a spectrum, from `first` on. */
interface Band {
  first: number
  weights: Float64Array
}

export function melBands(
  { bands, low, high, mel, triangles, area, fft }: AudioFeatures,
  sampleRate: number,
): Band[] {
  const { ofHertz, toHertz } = SCALES[mel]
  const [from, to] = [ofHertz(low), ofHertz(high)]
  const corners = Array.from({ length: bands + 2 }, (_, i) => from + (i * (to - from)) / (bands + 1))
  const hertz = corners.map(toHertz)
  const [along, place] = triangles === 'hertz' ? [hertz, (value: number) => value] : [corners, ofHertz]
  const frequencies = Array.from({ length: Math.floor(fft / 2) + 1 }, (_, k) => (k * sampleRate) / fft)
  const at = frequencies.map(place)
  return Array.from({ length: bands }, (_, b) => {
    const [left, middle, right] = [along[b]!, along[b + 1]!, along[b + 2]!]
    const factor = area ? 2 / (hertz[b + 2]! - hertz[b]!) : 1
    const all = at.map((x) =>
      Math.max(0, Math.min((x - left) / (middle - left), (right - x) / (right - middle))),
    )
    const first = Math.max(
      0,
      all.findIndex((weight) => weight > 0),
    )
    const last = all.findLastIndex((weight) => weight > 0)
    return { first, weights: Float64Array.from(all.slice(first, last + 1), (weight) => weight * factor) }
  })
}
