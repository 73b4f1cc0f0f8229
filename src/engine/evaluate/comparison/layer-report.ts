/** What quantization did to each layer, measured: SQNR of its weights and of its outputs on calibration data. */
import type { LayerReport } from '../../../contract/report'
import { SqnrMeter } from '../../math/quantize/sqnr'
import type { Model } from '../../onnx'
import { BY_TURNS, computedValues, floatsOf, withOutputs } from '../../runtime'
import { sideBySide } from './side-by-side'
import type { Batches } from '../../data/feeds'

/** Decibel of values that exist under the same name in both models, run side by side on the same batches. */
export async function activationSqnr(
  original: Model,
  candidate: Model,
  names: readonly string[],
  batches: Batches,
): Promise<Map<string, number>> {
  const inBoth = new Set(computedValues(candidate))
  const before = new Set(computedValues(original))
  const shared = [...new Set(names)].filter((name) => inBoth.has(name) && before.has(name))
  if (shared.length === 0) return new Map()
  const meters = new Map(shared.map((name) => [name, new SqnrMeter()]))
  await sideBySide(
    withOutputs(original, shared),
    [withOutputs(candidate, shared)],
    batches,
    (reference, actual) => {
      for (const [name, meter] of meters)
        if (reference[name]!.dtype.startsWith('float'))
          meter.add(floatsOf(reference[name]!), floatsOf(actual[name]!))
    },
    { session: BY_TURNS, fetches: shared },
  )
  return new Map([...meters].map(([name, meter]) => [name, meter.decibel]))
}

export interface LayerTreatment {
  layer: string
  op: string
  treatment: string
  /** The value to compare, where it is not the layer's own output but what became of it (after Relu, say). */
  value?: string
  bytesBefore?: number
  bytesAfter?: number
  weightSqnr?: number
  reason?: string
}

/** Joins what is known of each layer with what its output measured. Infinite decibels (equal values) are left out. */
export function layerReports(
  sources: readonly LayerTreatment[],
  measured: ReadonlyMap<string, number>,
): LayerReport[] {
  return sources.map(({ value, weightSqnr, ...source }) => ({
    ...source,
    weightSqnr: finite(weightSqnr),
    activationSqnr: finite(measured.get(value ?? source.layer)),
  }))
}

const finite = (decibel: number | undefined): number | undefined =>
  decibel !== undefined && Number.isFinite(decibel) ? Math.round(decibel * 100) / 100 : undefined
