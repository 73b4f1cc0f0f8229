/**
 * Log-mel energies and cepstra of a wave, as librosa, torchaudio and Kaldi compute them; which one is said by the numbers
 * of `AudioFeatures`.
 */
import { framesOf, widthOf, type AudioFeatures } from '../../../contract/audio-features'
import { PowerSpectrum } from './fft'
import { melBands } from './mel'

interface Features {
  frames: number
  /** Values of a frame. */
  width: number
  /** [frames, width]. */
  data: Float32Array
}

/** What does not depend on the sound is computed once. */
export class FrontEnd {
  private readonly weights: Float64Array
  private readonly spectrum: PowerSpectrum
  private readonly bands: ReturnType<typeof melBands>
  private readonly cosines: Float64Array[]
  readonly width: number

  constructor(
    private readonly features: AudioFeatures,
    sampleRate: number,
  ) {
    this.width = widthOf(features)
    this.weights = windowOf(features)
    this.spectrum = new PowerSpectrum(features.fft)
    this.bands = melBands(features, sampleRate)
    this.cosines = features.kind === 'mfcc' ? cosinesOf(features, this.width) : []
  }

  /** The first `most` frames. */
  of(wave: Float32Array, most = Infinity): Features {
    const { features, width } = this
    const frames = Math.min(most, framesOf(features, wave.length))
    const energies: number[] = []
    const logs = Array.from({ length: frames }, (_, t) => {
      const { values, energy } = this.frame(wave, t)
      energies.push(energy)
      return values
    })
    limit(logs, features)
    const data = new Float32Array(frames * width)
    const { mean, std, energy } = features
    for (const [t, bands] of logs.entries())
      for (let i = 0; i < width; i++) {
        const value =
          features.kind === 'log-mel'
            ? bands[i]!
            : i === 0 && energy
              ? energies[t]!
              : this.cosines[i]!.reduce((sum, weight, b) => sum + weight * bands[b]!, 0)
        data[t * width + i] = (value - mean[i % mean.length]!) / std[i % std.length]!
      }
    return { frames, width, data }
  }

  /** Logarithms of the bands of one frame, and of its whole energy. */
  private frame(wave: Float32Array, t: number): { values: Float64Array; energy: number } {
    const { frame, hop, window, fft, edges, removeMean, preemphasis, power, log, floor, floorAdded } =
      this.features
    const start = t * hop - (edges === 'whole' ? 0 : Math.floor(frame / 2))
    const samples = new Float64Array(frame)
    for (let i = 0; i < frame; i++) samples[i] = sampleAt(wave, start + i, edges)
    if (removeMean) {
      const mean = samples.reduce((a, b) => a + b, 0) / frame
      for (let i = 0; i < frame; i++) samples[i]! -= mean
    }
    const energy = Math.log(
      Math.max(
        floor,
        samples.reduce((sum, v) => sum + v * v, 0),
      ),
    )
    for (let i = frame - 1; preemphasis > 0 && i >= 0; i--)
      samples[i]! -= preemphasis * samples[Math.max(0, i - 1)]!
    const padded = new Float64Array(fft)
    const skipped = Math.floor((frame - window) / 2)
    for (let i = 0; i < window; i++) padded[skipped + i] = samples[skipped + i]! * this.weights[i]!
    const spectrum = this.spectrum.of(padded)
    const values = new Float64Array(this.bands.length)
    for (const [b, { first, weights }] of this.bands.entries()) {
      let sum = 0
      for (let k = 0; k < weights.length; k++) {
        const squared = spectrum[first + k]!
        sum += weights[k]! * (power === 1 ? Math.sqrt(squared) : squared)
      }
      values[b] = logOf(floorAdded ? sum + floor : Math.max(floor, sum), log, power)
    }
    return { values, energy }
  }
}

const logOf = (value: number, log: AudioFeatures['log'], power: number): number =>
  log === 'ln' ? Math.log(value) : (log === 'log10' ? 1 : 20 / power) * Math.log10(value)

/** No more than `range` below the loudest, which is 0 where values are relative to it. */
function limit(logs: readonly Float64Array[], { range, relative }: AudioFeatures): void {
  if (range === undefined && !relative) return
  let most = -Infinity
  for (const bands of logs) for (const value of bands) most = Math.max(most, value)
  const least = range === undefined ? -Infinity : most - range
  for (const bands of logs)
    for (let b = 0; b < bands.length; b++) bands[b] = Math.max(bands[b]!, least) - (relative ? most : 0)
}

/** Beyond the ends: silence, or the wave mirrored at its first and last sample. */
function sampleAt(wave: Float32Array, at: number, edges: AudioFeatures['edges']): number {
  const { length } = wave
  if (at >= 0 && at < length) return wave[at]!
  if (edges !== 'reflect' || length < 2) return 0
  const period = 2 * (length - 1)
  const place = ((at % period) + period) % period
  return wave[place < length ? place : period - place]!
}

/** Povey's window is Kaldi's: Hann's to the power of 0.85. */
function windowOf({ window, shape, periodic }: AudioFeatures): Float64Array {
  const whole = periodic ? window : Math.max(1, window - 1)
  return Float64Array.from({ length: window }, (_, i) => {
    const cosine = Math.cos((2 * Math.PI * i) / whole)
    if (shape === 'hamming') return 0.54 - 0.46 * cosine
    const hann = 0.5 - 0.5 * cosine
    return shape === 'hann' ? hann : hann ** 0.85
  })
}

/** Rows of the orthonormal DCT-II, times the lifter's weights. */
const cosinesOf = ({ bands, lifter }: AudioFeatures, count: number): Float64Array[] =>
  Array.from({ length: count }, (_, i) => {
    const lifted = lifter > 0 ? 1 + (lifter / 2) * Math.sin((Math.PI * i) / lifter) : 1
    const factor = Math.sqrt((i === 0 ? 1 : 2) / bands) * lifted
    return Float64Array.from(
      { length: bands },
      (_, b) => factor * Math.cos((Math.PI * i * (b + 0.5)) / bands),
    )
  })
