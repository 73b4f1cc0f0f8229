/**
 * How far candidates are from the float model on the same samples, all in one stream: what every automatic
 * choice of the quantizers goes by. No labels are needed.
 */
import { argmax } from '../../math/argmax'
import { SqnrMeter } from '../../math/quantize/sqnr'
import type { Model } from '../../onnx'
import { BY_TURNS, floatsOf, type Value } from '../../runtime'
import { sideBySide } from './side-by-side'
import type { Batches } from '../../data/feeds'

export interface Divergence {
  /**
   * Where the model answers with classes: samples out of 100 whose top answer changed. Else the share of the
   * outputs' energy that is error, in percent.
   */
  points: number
  /** Decibel, outputs against the original's. */
  sqnr: number
  samples: number
  finite: boolean
}

export interface DivergenceOptions {
  /** Outputs are scores of classes along their last axis. */
  classes: boolean
  config?: Readonly<Record<string, string>>
  progress?(batch: number): void
}

class Meter {
  samples = 0
  private readonly sqnr = new SqnrMeter()
  private changed = 0
  private rows = 0
  private finite = true

  add(reference: Value, actual: Value, classes: boolean): void {
    const a = floatsOf(reference)
    const b = floatsOf(actual)
    this.sqnr.add(a, b)
    for (let i = 0; i < b.length; i++) if (Number.isNaN(b[i]) && !Number.isNaN(a[i])) this.finite = false
    const width = reference.dims[reference.dims.length - 1] ?? 1
    if (!classes || width < 2) return
    for (let at = 0; at < a.length; at += width, this.rows++)
      if (argmax(a, at, width) !== argmax(b, at, width)) this.changed++
  }

  result(): Divergence {
    const sqnr = this.sqnr.decibel
    const points = this.rows > 0 ? (100 * this.changed) / this.rows : 100 * 10 ** (-sqnr / 10)
    return {
      points: this.finite ? points : 100,
      sqnr: this.finite ? sqnr : -Infinity,
      samples: this.samples,
      finite: this.finite,
    }
  }
}

/** Candidates in one stream; their order is kept. */
export async function divergences(
  original: Model,
  candidates: readonly Model[],
  batches: Batches,
  { classes, config, progress }: DivergenceOptions,
): Promise<Divergence[]> {
  const meters = candidates.map(() => new Meter())
  await sideBySide(
    original,
    candidates,
    batches,
    (reference, actual, candidate, feeds) => {
      const meter = meters[candidate]!
      meter.samples += Object.values(feeds)[0]?.dims[0] ?? 0
      for (const [name, value] of Object.entries(reference))
        if (value.dtype.startsWith('float')) meter.add(value, actual[name]!, classes)
    },
    { session: { ...BY_TURNS, config }, progress },
  )
  return meters.map((meter) => meter.result())
}
