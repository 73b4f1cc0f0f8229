/** The front ends that models of sounds are trained with, and which of them an input can take. */
import type { AudioFeatures } from '../../../contract/audio-features'
import { framesOf } from '../../../contract/audio-features'
import type { Dim } from '../../onnx'

/** Samples of a frame, and from one to the next. */
interface Timing {
  window: number
  hop: number
}

/** What an input says by its shape. */
export interface FeatureShape extends Pick<AudioFeatures, 'kind' | 'layout'> {
  width: number
  /** Undefined where the model leaves it open. */
  frames: number | undefined
}

interface Convention {
  words: string
  gains: readonly number[]
  /** Bands that cepstra are made of. */
  bands: number
  features(timing: Timing, sampleRate: number): Partial<AudioFeatures>
}

const power2 = (n: number): number => 2 ** Math.ceil(Math.log2(n))

/** librosa 0.11: `melspectrogram` and `power_to_db` as they are by default; Slaney's scale and areas. */
const LIBROSA: Convention = {
  words: 'as librosa, in decibel',
  gains: [1],
  bands: 128,
  features: ({ window }) => ({
    frame: power2(window),
    fft: power2(window),
    edges: 'zeros',
    mel: 'slaney',
    area: true,
    log: 'decibel',
    floor: 1e-10,
    range: 80,
  }),
}

/** torchaudio 2: `MelSpectrogram` and `MFCC` as they are by default. */
const TORCHAUDIO: Convention = {
  words: 'as torchaudio, in decibel',
  gains: [1],
  bands: 128,
  features: ({ window }) => ({ frame: window, fft: window, log: 'decibel', floor: 1e-10 }),
}

const withRange = (features: Partial<AudioFeatures>): Partial<AudioFeatures> => ({ ...features, range: 80 })

/** Kaldi: `compute-fbank-feats` and `compute-mfcc-feats` as they are by default, of ±1 or of 16 bits. */
const KALDI: Convention = {
  words: 'as Kaldi',
  gains: [1, 2 ** 15],
  bands: 23,
  features: ({ window }) => ({
    frame: window,
    fft: power2(window),
    shape: 'povey',
    periodic: false,
    edges: 'whole',
    removeMean: true,
    preemphasis: 0.97,
    low: 20,
    triangles: 'mel',
    // FLT_EPSILON.
    floor: 2 ** -23,
  }),
}

const MEL: Readonly<Record<string, Convention>> = {
  librosa: LIBROSA,
  'librosa-max': {
    ...LIBROSA,
    words: 'as librosa, in decibel of the loudest',
    features: (...of) => ({ ...LIBROSA.features(...of), relative: true }),
  },
  torchaudio: TORCHAUDIO,
  'torchaudio-ln': {
    ...TORCHAUDIO,
    words: 'as torchaudio, logarithm of energies and 1e-6',
    features: (...of) => ({ ...TORCHAUDIO.features(...of), log: 'ln', floor: 1e-6, floorAdded: true }),
  },
  kaldi: KALDI,
  /** openai/whisper, audio.py. */
  whisper: {
    ...TORCHAUDIO,
    words: 'as Whisper',
    features: (...of) => ({
      ...TORCHAUDIO.features(...of),
      mel: 'slaney',
      area: true,
      log: 'log10',
      range: 8,
      mean: [-4],
      std: [4],
    }),
  },
}

const MFCC: Readonly<Record<string, Convention>> = {
  librosa: { ...LIBROSA, words: 'cepstra as librosa' },
  torchaudio: {
    ...TORCHAUDIO,
    words: 'cepstra as torchaudio',
    features: (...of) => withRange(TORCHAUDIO.features(...of)),
  },
  kaldi: {
    ...KALDI,
    words: 'cepstra as Kaldi',
    features: (...of) => ({ ...KALDI.features(...of), lifter: 22, energy: true }),
  },
}

const tableOf = (kind: AudioFeatures['kind']): typeof MEL => (kind === 'mfcc' ? MFCC : MEL)

export const conventionNames = (kind: AudioFeatures['kind']): string[] => Object.keys(tableOf(kind))

/** The whole description of a front end by its name; undefined where there is none of this name for the kind. */
export function conventionFeatures(
  name: string,
  { kind, width, layout }: FeatureShape,
  timing: Timing,
  sampleRate: number,
): Omit<AudioFeatures, 'frames'> | undefined {
  const convention = tableOf(kind)[name]
  if (!convention) return undefined
  return {
    kind,
    ...timing,
    shape: 'hann',
    periodic: true,
    edges: 'reflect',
    removeMean: false,
    preemphasis: 0,
    power: 2,
    bands: kind === 'mfcc' ? Math.max(width, convention.bands) : width,
    low: 0,
    high: sampleRate / 2,
    mel: 'htk',
    triangles: 'hertz',
    area: false,
    log: 'ln',
    floor: 1e-10,
    floorAdded: false,
    relative: false,
    ...(kind === 'mfcc' && { coefficients: width }),
    lifter: 0,
    energy: false,
    mean: [0],
    std: [1],
    frame: timing.window,
    fft: timing.window,
    ...convention.features(timing, sampleRate),
    layout,
  }
}

/** Milliseconds, then samples, that recipes for speech and for music use. */
const MILLISECONDS = [
  [25, 10],
  [30, 10],
  [30, 20],
  [40, 20],
  [20, 10],
] as const
const SAMPLES = [
  [400, 160],
  [2048, 512],
  [1024, 512],
  [1024, 256],
  [512, 256],
  [512, 128],
] as const

function timingsAt(sampleRate: number): Timing[] {
  const samples = (ms: number): number => Math.round((ms * sampleRate) / 1000)
  const all = [
    ...MILLISECONDS.map(([window, hop]) => ({ window: samples(window), hop: samples(hop) })),
    ...SAMPLES.map(([window, hop]) => ({ window, hop })),
  ]
  return all.filter(
    ({ window, hop }, i) => all.findIndex((one) => one.window === window && one.hop === hop) === i,
  )
}

interface Way {
  features: AudioFeatures
  /** Of the wave, −1…1. */
  scale: number
  words: string
}

/** Of frames that a sound has, one may be left out at its end, as Whisper does. */
const fits = (have: number, want: number): boolean => have === want || have === want + 1

/**
 * The usual front ends that make of so many samples as many frames as the input has; in the order of the table, those of
 * 25 ms every 10 ms first.
 */
export function waysToHear(shape: FeatureShape, samples: number, sampleRate: number): Way[] {
  return timingsAt(sampleRate).flatMap((timing) =>
    Object.entries(tableOf(shape.kind)).flatMap(([name, { gains, words }]) => {
      const whole = conventionFeatures(name, shape, timing, sampleRate)!
      const have = framesOf(whole, samples)
      if (shape.frames !== undefined ? !fits(have, shape.frames) : have === 0) return []
      const features = { ...whole, frames: shape.frames ?? have }
      const every = `${timing.window} samples every ${timing.hop}`
      return gains.map((scale) => ({
        features,
        scale,
        words: `${words}${scale === 1 ? '' : ', waves of 16 bits'}, ${every}`,
      }))
    }),
  )
}

/** Sizes of spectra that are usual: what of two known axes is one of them counts the bands. */
const USUAL = [10, 12, 13, 20, 23, 24, 26, 32, 39, 40, 60, 64, 80, 96, 128, 256]
const FEWEST = 10
const MOST = 512
/** So few values a frame are cepstra. */
const CEPSTRA = 20
/** Less than this is no length of a sound. */
const SHORTEST = 512
const MICROPHONES = 8

/**
 * What a model may take of a sound where that is not its wave, the likelier first: which of two axes counts the bands may
 * be open. Empty for waves and for what is neither.
 */
export function featureShapesOf(dims: readonly Dim[]): FeatureShape[] {
  const axes = dims.filter((dim) => dim !== 1)
  const [a, b] = axes as [Dim, Dim]
  const isWave =
    dims.length === 2 &&
    axes.some((dim) => typeof dim === 'number' && dim <= MICROPHONES) &&
    axes.some((dim) => typeof dim !== 'number' || dim >= SHORTEST)
  if (axes.length !== 2 || isWave) return []
  const of = (width: Dim, frames: Dim, layout: FeatureShape['layout']): FeatureShape[] =>
    typeof width === 'number' && width >= FEWEST && width <= MOST
      ? [
          {
            kind: width <= CEPSTRA ? 'mfcc' : 'log-mel',
            layout,
            width,
            frames: typeof frames === 'number' ? frames : undefined,
          },
        ]
      : []
  const isUsual = ({ width }: FeatureShape): boolean => USUAL.includes(width)
  const all = [...of(a, b, 'bands-first'), ...of(b, a, 'frames-first')].sort((x, y) => x.width - y.width)
  return all.some(isUsual) ? all.filter(isUsual) : all
}
