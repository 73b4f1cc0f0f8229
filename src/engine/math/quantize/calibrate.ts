/**
 * From a histogram of an activation to the range its integers cover.
 * Sources: NVIDIA, "8-bit Inference with TensorRT" (GTC 2017: entropy); arXiv:2004.09602 (percentile);
 * arXiv:1810.05723 (mean squared error).
 */
import { affineOf, codeRange, type IntegerType } from './affine'
import type { Histogram } from './histogram'

export const CALIBRATORS = ['min-max', 'percentile', 'entropy', 'mse'] as const
export type Calibrator = (typeof CALIBRATORS)[number]

export type Range = readonly [min: number, max: number]

interface CalibrationOptions {
  type: IntegerType
  /** Share of values kept by 'percentile'. */
  percentile?: number
}

/** The range for one activation. An empty histogram gives [0, 0]. */
export function calibratedRange(
  histogram: Histogram,
  method: Calibrator,
  options: CalibrationOptions,
): Range {
  if (histogram.count === 0) return [0, 0]
  if (!(histogram.max > histogram.min)) return [histogram.min, histogram.max]
  switch (method) {
    case 'min-max':
      return [histogram.min, histogram.max]
    case 'percentile':
      return percentileRange(histogram, options.percentile ?? 0.9999)
    case 'entropy':
      return entropyRange(histogram, options.type)
    case 'mse':
      return meanSquaredErrorRange(histogram, options.type)
  }
}

/** The range that covers several activations, each calibrated by itself; [0, 0] without any. */
export function jointRange(
  histograms: readonly Histogram[],
  method: Calibrator,
  options: CalibrationOptions,
): Range {
  const ranges = histograms.map((histogram) => calibratedRange(histogram, method, options))
  if (ranges.length === 0) return [0, 0]
  return [Math.min(...ranges.map(([min]) => min)), Math.max(...ranges.map(([, max]) => max))]
}

/** Cuts the same share from both tails; a side without values beyond zero is left alone. */
function percentileRange(histogram: Histogram, share: number): Range {
  const tail = (1 - share) / 2
  const { min, max } = histogram
  return [
    min < 0 ? Math.min(0, histogram.quantile(tail)) : min,
    max > 0 ? Math.max(0, histogram.quantile(1 - tail)) : max,
  ]
}

/**
 * The clip of least expected squared error, lower and upper side searched in turn. Both clipping and rounding
 * are counted on the bins' centres, rounding of bins wider than a step by the uniform-noise model s²/12.
 */
function meanSquaredErrorRange(histogram: Histogram, type: IntegerType): Range {
  const bins = histogram.bins()
  const { min, max, width } = histogram
  const errorOf = (low: number, high: number): number => {
    const { scale, zeroPoint, low: first, high: last } = affineOf(low, high, type)
    let error = 0
    for (const { centre, count } of bins) {
      const code = Math.round(centre / scale) + zeroPoint
      const kept = code < first ? first : code > last ? last : code
      const d = centre - (kept - zeroPoint) * scale
      const inside = kept === code && width > scale / 4
      error += count * (inside ? (scale * scale) / 12 : d * d)
    }
    return error
  }
  const top = Math.max(-min, max)
  let best: Range = type.symmetric ? [-top, top] : [Math.min(0, min), Math.max(0, max)]
  let least = errorOf(...best)
  const shares = Array.from({ length: 64 }, (_, i) => 1 - i / 66)
  for (let round = 0; round < 2; round++) {
    const before = best
    for (const share of shares) {
      const tries: Range[] = type.symmetric
        ? [[before[0] * share, before[1] * share]]
        : [
            [best[0], before[1] * share],
            [before[0] * share, best[1]],
          ]
      for (const attempt of tries) {
        const error = errorOf(...attempt)
        if (error < least) {
          least = error
          best = attempt
        }
      }
    }
    if (best === before) break
  }
  return best
}

/**
 * The threshold whose quantized distribution has the least Kullback–Leibler divergence from the clipped one.
 * One-sided tensors are searched over [0, t] with all levels, others over [−t, t].
 */
function entropyRange(histogram: Histogram, type: IntegerType): Range {
  const { min, max } = histogram
  const oneSided = min >= 0 || max <= 0
  const [low, high] = codeRange(type)
  const levels = oneSided && !type.symmetric ? high - low + 1 : Math.ceil((high - low + 1) / 2)
  const top = Math.max(-min, max)
  const size = Math.max(2048, levels * 8)
  const counts = new Float64Array(size)
  for (const { centre, count } of histogram.bins())
    counts[Math.min(size - 1, Math.floor((Math.abs(centre) / top) * size))]! += count
  // Exact zeros (Relu, padding) carry no information on the range and would drown the rest.
  counts[0] = counts[1]!
  let best = size
  let least = Infinity
  const step = Math.max(1, Math.floor(size / 256))
  for (let kept = levels; kept <= size; kept += step) {
    const divergence = quantizedDivergence(counts, kept, levels)
    if (divergence <= least) {
      least = divergence
      best = kept
    }
  }
  const threshold = (best / size) * top
  return [Math.max(min, -threshold), Math.min(max, threshold)]
}

/** KL(P‖Q): P the first `kept` bins with the rest put on the last, Q the same bins spread over `levels` steps. */
function quantizedDivergence(counts: Float64Array, kept: number, levels: number): number {
  let outliers = 0
  for (let i = kept; i < counts.length; i++) outliers += counts[i]!
  let total = outliers
  for (let i = 0; i < kept; i++) total += counts[i]!
  const inside = total - outliers
  if (total === 0 || inside === 0) return Infinity
  let divergence = 0
  for (let level = 0; level < levels; level++) {
    const from = Math.floor((level * kept) / levels)
    const to = Math.floor(((level + 1) * kept) / levels)
    let sum = 0
    let occupied = 0
    for (let i = from; i < to; i++) {
      sum += counts[i]!
      if (counts[i]! > 0 || (i === kept - 1 && outliers > 0)) occupied++
    }
    if (occupied === 0) continue
    const spread = sum / occupied
    for (let i = from; i < to; i++) {
      const p = (counts[i]! + (i === kept - 1 ? outliers : 0)) / total
      if (p > 0) divergence += p * Math.log(p / Math.max(spread / inside, 1e-12))
    }
  }
  return divergence
}
