/** What quantization did to each layer, measured: SQNR of its weights and of its outputs on calibration data. */
import type { LayerReport } from '../../../contract/report'
import { SqnrMeter } from '../../math/quantize/sqnr'
import type { Model } from '../../onnx'
import { BY_TURNS, computedValues, floatsOf, openSession, withOutputs } from '../../runtime'
import type { Batches } from './observe'

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
  const reference = await openSession(withOutputs(original, shared), BY_TURNS)
  try {
    const actual = await openSession(withOutputs(candidate, shared), BY_TURNS)
    try {
      for await (const feeds of batches()) {
        const a = await reference.run(feeds, shared)
        const b = await actual.run(feeds, shared)
        for (const [name, meter] of meters)
          if (a[name]!.dtype.startsWith('float')) meter.add(floatsOf(a[name]!), floatsOf(b[name]!))
      }
    } finally {
      await actual.release()
    }
  } finally {
    await reference.release()
  }
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
