/** Histograms of activations over a stream of calibration batches: one pass, nothing stored. */
import { addMeans, type ChannelMeans } from './channels'
import { EXTREME, Histogram } from '../../math/quantize/histogram'
import type { Batches } from '../../data/feeds'
import type { Model } from '../../onnx'
import { floatsOf, streamActivations } from '../../runtime'
import {
  calibratedRange,
  type CalibrationOptions,
  type Calibrator,
  type Range,
} from '../../math/quantize/calibrate'

export interface ObserveOptions {
  /** Least and largest values are all that is wanted. */
  extremesOnly?: boolean
  progress?: (batch: number) => void
}

export interface Observed {
  histograms: Map<string, Histogram>
  channels: Map<string, ChannelMeans>
}

/**
 * One histogram a value, and means by channel of those that `axisOf` names an axis for. Values that are no
 * tensors of floats get none.
 */
export async function observe(
  model: Model,
  names: readonly string[],
  batches: Batches,
  axisOf: ReadonlyMap<string, number>,
  { extremesOnly, progress }: ObserveOptions = {},
): Promise<Observed> {
  const histograms = new Map<string, Histogram>()
  const channels = new Map<string, ChannelMeans>()
  await streamActivations(
    model,
    names,
    batches,
    (name, value) => {
      if (!value.dtype.startsWith('float')) return
      let histogram = histograms.get(name)
      if (!histogram) histograms.set(name, (histogram = new Histogram(extremesOnly)))
      histogram.add(floatsOf(value))
      const axis = axisOf.get(name)
      if (axis !== undefined) addMeans(channels, name, value, axis)
    },
    { maxBytes: 2 ** 26, progress: ({ batch }) => progress?.(batch) },
  )
  return { histograms, channels }
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
  return spread >= EXTREME && histogram.widestGap() > 0.8
}
