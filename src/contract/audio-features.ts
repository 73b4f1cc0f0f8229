/** What a model hears of a wave: energies of bands or cepstra, frame by frame. Every convention is numbers of this. */
import { z } from 'zod'

/** More of a frame than any front end looks at. */
const LONGEST = 2 ** 20
const length = z.int().positive().max(LONGEST)

/**
 * In this order: a frame of `frame` samples every `hop`; its mean taken off; pre-emphasis; `window` samples in its middle
 * weighed; filled up with zeros to `fft`; |DFT| to the `power`; triangles of `bands` between `low` and `high` Hz; the
 * logarithm of what is at least `floor` (or of it and `floor`); of cepstra the orthonormal DCT-II and the lifter; then
 * (value − mean) / std, by value of a frame or in all.
 */
export const AudioFeatures = z.strictObject({
  kind: z.enum(['log-mel', 'mfcc']),
  frame: length,
  hop: length,
  /** Frames of a sample: the first of the sound. */
  frames: length,
  window: length,
  fft: length,
  shape: z.enum(['hann', 'hamming', 'povey']).default('hann'),
  /** The window is a period of its wave (as for spectra), not symmetric. */
  periodic: z.boolean().default(true),
  /** Beyond the ends of the sound: mirrored, silent, or no frame reaches there. */
  edges: z.enum(['reflect', 'zeros', 'whole']).default('reflect'),
  removeMean: z.boolean().default(false),
  preemphasis: z.number().min(0).max(1).default(0),
  power: z.union([z.literal(1), z.literal(2)]).default(2),
  bands: z.int().positive().max(1024),
  low: z.number().min(0).default(0),
  high: z.number().positive(),
  mel: z.enum(['htk', 'slaney']).default('htk'),
  /** What triangles are straight over: hertz, or the mel scale. */
  triangles: z.enum(['hertz', 'mel']).default('hertz'),
  /** Triangles of equal area (Slaney) or of equal height. */
  area: z.boolean().default(false),
  /** decibel: 10·log10 of power, 20·log10 of magnitude. */
  log: z.enum(['ln', 'log10', 'decibel']).default('ln'),
  floor: z.number().positive(),
  /** The floor is added to energies, not what they are at least. */
  floorAdded: z.boolean().default(false),
  /** Logarithms are at least the largest of the sound less this. */
  range: z.number().positive().optional(),
  /** The largest of the sound is 0. */
  relative: z.boolean().default(false),
  /** Of cepstra: how many, from the first on. */
  coefficients: z.int().positive().max(1024).optional(),
  /** 1 + lifter / 2 · sin(π · i / lifter) times the i-th cepstrum; 0 for none. */
  lifter: z.number().min(0).default(0),
  /** The logarithm of the frame's energy, before pre-emphasis, stands for the first cepstrum. */
  energy: z.boolean().default(false),
  mean: z.array(z.number()).min(1).default([0]),
  std: z.array(z.number()).min(1).default([1]),
  /** Which axis of an input is which. */
  layout: z.enum(['bands-first', 'frames-first']),
})
export type AudioFeatures = z.output<typeof AudioFeatures>

/** Values of a frame. */
export const widthOf = ({ kind, bands, coefficients = bands }: AudioFeatures): number =>
  kind === 'mfcc' ? coefficients : bands

/** Frames of a sound of so many samples. */
export function framesOf(
  { edges, frame, hop }: Pick<AudioFeatures, 'edges' | 'frame' | 'hop'>,
  samples: number,
): number {
  const beyond = edges === 'whole' ? 0 : 2 * Math.floor(frame / 2)
  return samples + beyond < frame ? 0 : 1 + Math.floor((samples + beyond - frame) / hop)
}
