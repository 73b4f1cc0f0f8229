/** Sizes worth trying for free axes when there is no data: what models of each kind are usually run with. */
import { isFloat } from '../onnx'
import type { FeedOptions } from './feeds'
import { isFree, sampleDims, type Signature } from './signature'

/** Positions are limited, so short texts come first. */
const TOKENS = [16, 8, 4, 2, 1, 32, 64, 128, 256, 512]
/** Frames of features, windows of signals. */
const FRAMES = [16, 8, 4, 2, 1, 32, 64, 76, 96, 100, 128, 200, 256, 300, 512, 1000, 3000]
/** Samples of sound: a second at 16 kHz, then the windows of speech models, down to what front ends need least. */
const WAVE = [16_000, 512, 576, 256, 480, 640, 400, 1024, 1280, 1536, 2048, 4096, 8000, 44_100, 48_000, 16, 4]
const SIDES = [224, 64, 32, 28, 96, 128, 48, 256, 299, 320, 416, 512, 640, 16]

/** Numbers taken out of a refusal are tried up to this size. */
const MOST = 200_000
const MOST_READ = 12

type Sizes = Required<Pick<FeedOptions, 'sequence' | 'side'>>

/** Plain waves are one long free axis of floats beside the samples: [N, T] or [N, 1, T]. */
function lengthsFor(signature: Signature): readonly number[] {
  const [first] = signature.inputs
  if (!first?.dtype || !isFloat(first.dtype)) return TOKENS
  const dims = sampleDims(first)
  const wave = dims.filter((dim) => dim !== 1)
  return wave.length === 1 && isFree(wave[0]) ? WAVE : FRAMES
}

/** In the order they are tried. */
export function likelySizes(signature: Signature): Sizes[] {
  const lengths = lengthsFor(signature)
  const most = Math.max(lengths.length, SIDES.length)
  return Array.from({ length: most }, (_, i) => ({
    sequence: lengths[Math.min(i, lengths.length - 1)]!,
    side: SIDES[Math.min(i, SIDES.length - 1)]!,
  }))
}

/** Sizes that a refusal by ONNX Runtime names: what it expected stands beside what it got. */
export function sizesIn(reason: string): Sizes[] {
  const numbers = [...reason.matchAll(/\d+/g)].map(([digits]) => Number(digits))
  const unique = [...new Set(numbers)].filter((n) => n > 1 && n <= MOST)
  return unique.slice(0, MOST_READ).map((n) => ({ sequence: n, side: n }))
}
