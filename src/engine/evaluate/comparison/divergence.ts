/**
 * How far candidates are from the float model on the same samples, all in one stream: what every automatic
 * choice of the quantizers goes by. No labels are needed.
 */
import { formatFigure } from '../../../contract/format'
import { argmax } from '../../math/argmax'
import { SqnrMeter } from '../../math/quantize/sqnr'
import type { Model } from '../../onnx'
import { aligned, BY_TURNS, floatsOf, type Value } from '../../runtime'
import { looksLikeProbabilities } from '../../tasks'
import { sideBySide } from './side-by-side'
import type { Batches } from '../../data/feeds'

export interface Divergence {
  /**
   * Of the output that moved most. Where it scores classes: answers out of 100 that changed. Else the share of its
   * variance over the samples that is error, in percent: what an output always says tells nothing, and is no signal.
   */
  points: number
  /** Which of these `points` are. */
  of: 'answers' | 'variance'
  /** Decibel, outputs against the original's. */
  sqnr: number
  samples: number
  finite: boolean
}

type Measure = Divergence['of']

/** What so many points are: a measure of outputs is no point of quality. */
export const shareText = (points: number | string, of: Measure): string =>
  of === 'answers' ? `${points} of 100 answers` : `${points}% of the outputs’ variance`

/** The same of a whole model, to follow a comma. */
export const divergenceText = (points: number, of: Measure): string =>
  of === 'answers'
    ? `${shareText(formatFigure(points), of)} changed`
    : `an error of ${shareText(formatFigure(points), of)}`

interface DivergenceOptions {
  /** The first output scores classes along its last axis, also where its numbers are no probabilities. */
  classes: boolean
  config?: Readonly<Record<string, string>>
  progress?(batch: number): void
}

/** Shares of an output's energy: what repeated samples differ by in float32, and below which a variance is no measure. */
const SAME = 1e-12
const LEAST_SIGNAL = 1e-6

/** One output of one candidate against the original's. */
class OutputMeter {
  private readonly sqnr = new SqnrMeter()
  private changed = 0
  private rows = 0
  private noise = 0
  private elements = 0
  private squares = 0
  /** The first sample: variances are told from what others differ from it by, exactly where none does. */
  private first = new Float32Array(0)
  private offsets = new Float64Array(0)
  private offsetSquares = 0

  constructor(private readonly classes: boolean) {}

  /** False where the candidate has NaN and the original has not. */
  add(reference: Value, actual: Value): boolean {
    const a = floatsOf(reference)
    const b = floatsOf(actual)
    this.sqnr.add(a, b)
    const width = reference.dims[reference.dims.length - 1] ?? 1
    if (width > 1 && (this.classes || this.elements === this.rows * width) && this.scores(a, width)) {
      for (let at = 0; at < a.length; at += width, this.rows++)
        if (argmax(a, at, width) !== argmax(b, at, width)) this.changed++
    }
    const row = Math.max(1, a.length / Math.max(1, reference.dims[0] ?? 1))
    if (this.first.length !== row) {
      this.first = a.slice(0, row).map((x) => (Number.isFinite(x) ? x : 0))
      this.offsets = new Float64Array(row)
    }
    let whole = true
    for (let i = 0; i < a.length; i++) {
      const [x, y] = [a[i]!, b[i]!]
      if (Number.isNaN(y) && !Number.isNaN(x)) whole = false
      if (!Number.isFinite(x) || !Number.isFinite(y)) continue
      this.noise += (x - y) ** 2
      this.squares += x * x
      const offset = x - this.first[i % row]!
      this.offsets[i % row]! += offset
      this.offsetSquares += offset * offset
    }
    this.elements += a.length
    return whole
  }

  private scores(values: Float32Array, width: number): boolean {
    return this.classes || looksLikeProbabilities(values, values.length / width, width)
  }

  get decibel(): number {
    return this.sqnr.decibel
  }

  get of(): Divergence['of'] {
    return this.rows > 0 ? 'answers' : 'variance'
  }

  get points(): number {
    if (this.rows > 0) return (100 * this.changed) / this.rows
    if (this.noise === 0) return 0
    const samples = this.elements / this.first.length
    const shared = this.offsets.reduce((total, offset) => total + offset * offset, 0) / samples
    const variance = this.offsetSquares - shared
    // One sample has no variance, nor has one that is there several times; rounding may leave less than none.
    const told = samples > 1 && variance > SAME * this.squares
    return (100 * this.noise) / (told ? Math.max(variance, LEAST_SIGNAL * this.squares) : this.squares)
  }
}

class Meter {
  samples = 0
  private readonly outputs = new Map<string, OutputMeter>()
  private finite = true

  constructor(private readonly classes: boolean) {}

  add(name: string, reference: Value, actual: Value): void {
    let meter = this.outputs.get(name)
    if (!meter) this.outputs.set(name, (meter = new OutputMeter(this.classes && this.outputs.size === 0)))
    if (!meter.add(reference, actual)) this.finite = false
  }

  result(): Divergence {
    const meters = [...this.outputs.values()]
    const { finite, samples } = this
    const worst = meters.reduce<Pick<Divergence, 'points' | 'of'>>(
      (most, { points, of }) => (points > most.points ? { points, of } : most),
      { points: 0, of: meters[0]?.of ?? 'variance' },
    )
    if (!finite) return { ...worst, points: 100, sqnr: -Infinity, samples, finite }
    return {
      ...worst,
      sqnr: Math.min(Infinity, ...meters.map(({ decibel }) => decibel)),
      samples,
      finite,
    }
  }
}

/** Outputs whose size hangs on the data, such as lists of boxes, are compared as if the shorter ended in zeros. */
function matched(a: Value, b: Value): [Value, Value] {
  if (a.dims.length !== b.dims.length || a.dims.join() === b.dims.join()) return [a, b]
  const whole = (value: Value): Value => ({ ...value, dims: [1, ...value.dims] })
  return aligned(whole(a), whole(b))
}

/** Candidates in one stream; their order is kept. */
export async function divergences(
  original: Model,
  candidates: readonly Model[],
  batches: Batches,
  { classes, config, progress }: DivergenceOptions,
): Promise<Divergence[]> {
  const meters = candidates.map(() => new Meter(classes))
  await sideBySide(
    original,
    candidates,
    batches,
    (reference, actual, candidate, feeds) => {
      const meter = meters[candidate]!
      meter.samples += Object.values(feeds)[0]?.dims[0] ?? 0
      for (const [name, value] of Object.entries(reference))
        if (value.dtype.startsWith('float')) meter.add(name, ...matched(value, actual[name]!))
    },
    { session: { ...BY_TURNS, config }, progress },
  )
  return meters.map((meter) => meter.result())
}
