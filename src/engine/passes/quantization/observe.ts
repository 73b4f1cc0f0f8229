/** Histograms of activations over a stream of calibration batches: one pass, nothing stored. */
import { Histogram } from '../../math/quantize/histogram'
import type { Model } from '../../onnx'
import { floatsOf, streamActivations, type Values } from '../../runtime'
import {
  calibratedRange,
  type CalibrationOptions,
  type Calibrator,
  type Range,
} from '../../math/quantize/calibrate'

export type Batches = () => AsyncIterable<Values>

export interface Observed {
  histograms: Map<string, Histogram>
  batches: number
}

/** One histogram a value. Values that are no tensors of floats get none. */
export async function observe(
  model: Model,
  names: readonly string[],
  batches: Batches,
  progress?: (batch: number) => void,
): Promise<Observed> {
  const histograms = new Map<string, Histogram>()
  const streamed = await streamActivations(
    model,
    names,
    batches,
    (name, value) => {
      if (!value.dtype.startsWith('float')) return
      let histogram = histograms.get(name)
      if (!histogram) histograms.set(name, (histogram = new Histogram()))
      histogram.add(floatsOf(value))
    },
    { maxBytes: 2 ** 26, progress: ({ batch }) => progress?.(batch) },
  )
  return { histograms, batches: streamed.batches }
}

/** The range that covers all the given values, each calibrated by itself. */
export function rangeOf(
  names: readonly string[],
  histograms: ReadonlyMap<string, Histogram>,
  method: Calibrator,
  options: CalibrationOptions,
): Range {
  let [min, max] = [Infinity, -Infinity]
  for (const name of names) {
    const histogram = histograms.get(name)
    if (!histogram) continue
    const range = calibratedRange(histogram, method, options)
    min = Math.min(min, range[0])
    max = Math.max(max, range[1])
  }
  return min <= max ? [min, max] : [0, 0]
}

/**
 * True for values that one integer range cannot hold: infinities, or two clusters with nearly all of the range
 * empty between them, which is what an attention mask added to scores looks like.
 */
export function looksLikeMask(histogram: Histogram): boolean {
  if (histogram.nonFinite > 0) return true
  const spread = Math.max(Math.abs(histogram.min), Math.abs(histogram.max))
  return spread >= 1e3 && histogram.widestGap() > 0.8
}
