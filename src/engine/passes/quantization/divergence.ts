/**
 * How far candidates are from the float model on the same samples, all in one stream: what every automatic
 * choice of the quantizers goes by. No labels are needed.
 */
import { SqnrMeter } from '../../math/quantize/sqnr'
import type { Model } from '../../onnx'
import { BY_TURNS, floatsOf, openSession, type Session, type Value, type Values } from '../../runtime'
import type { Batches } from './observe'

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
  readonly sqnr = new SqnrMeter()
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
      if (top(a, at, width) !== top(b, at, width)) this.changed++
  }

  result(samples: number): Divergence {
    const sqnr = this.sqnr.decibel
    const points = this.rows > 0 ? (100 * this.changed) / this.rows : 100 * 10 ** (-sqnr / 10)
    return {
      points: this.finite ? points : 100,
      sqnr: this.finite ? sqnr : -Infinity,
      samples,
      finite: this.finite,
    }
  }
}

function top(values: Float32Array, from: number, width: number): number {
  let best = 0
  for (let i = 1; i < width; i++) if (values[from + i]! > values[from + best]!) best = i
  return best
}

export async function divergences(
  original: Model,
  candidates: readonly Model[],
  batches: Batches,
  options: DivergenceOptions,
): Promise<Divergence[]> {
  const sessions: Session[] = []
  try {
    for (const model of [original, ...candidates])
      sessions.push(await openSession(model, { ...BY_TURNS, config: options.config }))
    const meters = candidates.map(() => new Meter())
    let samples = 0
    let batch = 0
    for await (const feeds of batches()) {
      const reference = await sessions[0]!.run(feeds)
      const names = Object.keys(reference).filter((name) => reference[name]!.dtype.startsWith('float'))
      for (const [i, meter] of meters.entries()) {
        const outputs = await sessions[i + 1]!.run(feeds)
        for (const name of names) meter.add(reference[name]!, outputs[name]!, options.classes)
      }
      samples += rowsOf(feeds)
      options.progress?.(batch++)
    }
    return meters.map((meter) => meter.result(samples))
  } finally {
    for (const session of sessions) await session.release()
  }
}

export const rowsOf = (feeds: Values): number => Object.values(feeds)[0]?.dims[0] ?? 0
