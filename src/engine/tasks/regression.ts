/**
 * Numbers as answers: R² (uniform average over outputs, as scikit-learn), MAE, RMSE, and for control how large errors
 * become: the largest, and what 95 and 99 of 100 stay below.
 * The interval of R² is the normal approximation of the mean squared error with the targets' variance taken as
 * that of the measured samples.
 */
import { meanInterval, quantile } from '../math/statistics'
import { sizeOf } from '../onnx'
import { floatsOf, type Values } from '../runtime/value'
import { PareError } from '../../contract/errors'
import { emptySamples, outputOf, recordSample, rowSize, weightedMean } from './metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from './metric'
import { byDistance, numberText } from './comparisons'
import type { TaskDeclaration } from './task'

/** Squared errors kept for the interval; its spread comes from the first samples where there are more. */
const KEPT_ERRORS = 4_000_000

const NONE = new Float64Array(0)

function choose(outputs: Values, { rows, labels }: MetricContext): OutputChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: 'r2' })
  const width = rowSize(labels)
  const best = outputOf(outputs, rows, width, [/^(output|pred|y)/i], `an output of ${width} numbers a sample`)
  const reason = `${best[0]} has ${width} ${width === 1 ? 'number' : 'numbers'} a sample, as the labels have`
  return { names: [best[0]], form: 'values', scale: 'logits', classes: 0, reason }
}

class RegressionMeter implements Meter {
  private readonly samples = emptySamples()
  private width = 0
  private sum = new Float64Array(0)
  private sumOfSquares = new Float64Array(0)
  private squaredError = new Float64Array(0)
  /** Labels where an output is not finite, by column: their number, sum and sum of squares. */
  private missing: [count: Float64Array, sum: Float64Array, squares: Float64Array] = [NONE, NONE, NONE]
  /** Squared errors, an array a batch. */
  private readonly errors: Float32Array[] = []
  private kept = 0
  private absolute = 0
  private nonFinite = 0
  private worst = 0

  constructor(private readonly choice: OutputChoice) {}

  add({ indices, rows, outputs, labels }: Observation): void {
    if (!labels) throw new PareError('data/labels-missing', { by: 'r2' })
    const data = floatsOf(outputs[this.choice.names[0]!]!)
    const truth = floatsOf(labels)
    if (this.width === 0) this.start(rowSize(labels))
    const { width, sum, sumOfSquares, squaredError, samples } = this
    const errors = new Float32Array(rows * width)
    let absolute = 0
    for (let row = 0; row < rows; row++) {
      const start = row * width
      let rowError = 0
      let bad = false
      for (let column = 0; column < width; column++) {
        const label = truth[start + column]!
        const difference = data[start + column]! - label
        const square = difference * difference
        sum[column]! += label
        sumOfSquares[column]! += label * label
        errors[start + column] = square
        if (square < Infinity) {
          squaredError[column]! += square
          this.worst = Math.max(this.worst, Math.abs(difference))
          rowError += Math.abs(difference)
        } else {
          bad = true
          this.miss(column, label)
        }
      }
      if (bad) this.nonFinite++
      absolute += rowError
      // JSON has no NaN: a sample without an answer shows the size of its label as its error.
      recordSample(
        samples,
        indices[row]!,
        truth[start]!,
        bad ? 0 : data[start]!,
        bad ? Math.abs(truth[start]!) : rowError / width,
      )
    }
    this.absolute += absolute
    if (this.kept + errors.length > KEPT_ERRORS) return
    this.errors.push(errors)
    this.kept += errors.length
  }

  private miss(column: number, label: number): void {
    const [count, sum, squares] = this.missing
    count[column]!++
    sum[column]! += label
    squares[column]! += label * label
  }

  private start(width: number): void {
    this.width = width
    this.sum = new Float64Array(width)
    this.sumOfSquares = new Float64Array(width)
    this.squaredError = new Float64Array(width)
    this.missing = [new Float64Array(width), new Float64Array(width), new Float64Array(width)]
  }

  result(): Measured {
    const { width, samples } = this
    const n = samples.index.length
    const mean = this.sum.map((s) => s / n)
    const squaredError = Float64Array.from(this.squaredError)
    let absolute = this.absolute
    // An answer that is not finite counts as the mean of the labels: no skill. For the absolute error this is
    // the most it can be (Cauchy–Schwarz).
    const [count, sum, squares] = this.missing
    for (let c = 0; c < width; c++) {
      const error = Math.max(0, squares[c]! - 2 * mean[c]! * sum[c]! + count[c]! * mean[c]! ** 2)
      squaredError[c]! += error
      absolute += Math.sqrt(count[c]! * error)
    }
    const variation = this.sumOfSquares.map((s, c) => Math.max(0, s - n * mean[c]! ** 2))
    const scores = squaredError.map((error, c) => share(error, variation[c]!))
    const value = width ? scores.reduce((a, b) => a + b, 0) / width : 0
    const elements = n * width || 1
    const absolutes = this.absolutes()
    const errors = this.normalised(n, variation)
    return {
      quality: {
        metric: 'r2',
        value,
        samples: n,
        interval: intervalOf(value, n, errors),
        higherIsBetter: true,
        others: {
          mae: absolute / elements,
          rmse: Math.sqrt(squaredError.reduce((a, b) => a + b, 0) / elements),
          ...(absolutes.length > 0 && {
            error95: quantile(absolutes, 0.95),
            error99: quantile(absolutes, 0.99),
            worstError: this.worst,
          }),
        },
      },
      samples,
      // The targets' variance is that of the measured samples here as well.
      reweighted: (weights) => 1 - weightedMean(errors, weights),
      nonFinite: this.nonFinite,
      notes: [],
    }
  }

  /** Absolute errors of the kept samples, smallest first; of answers that are no numbers there is none. */
  private absolutes(): Float64Array {
    const all = new Float64Array(this.kept)
    let count = 0
    for (const errors of this.errors)
      for (const square of errors) if (square < Infinity) all[count++] = Math.sqrt(square)
    return all.subarray(0, count).sort()
  }

  /** Squared error of each kept sample over the variance of its targets, the mean over the columns. */
  private normalised(n: number, variation: Float64Array): Float64Array {
    const { width } = this
    const each = new Float64Array(width ? this.kept / width : 0)
    let at = 0
    for (const errors of this.errors)
      for (let start = 0; start < errors.length; start += width, at++) {
        let sum = 0
        for (let c = 0; c < width; c++) {
          const error = errors[start + c]!
          if (variation[c]! > 0) sum += error < Infinity ? error / (variation[c]! / n) : 1
        }
        each[at] = sum / width
      }
    return each
  }
}

function intervalOf(value: number, n: number, errors: Float64Array): [number, number] {
  let total = 0
  let squares = 0
  for (const error of errors) {
    total += error
    squares += error * error
  }
  const [low, high] = meanInterval(errors.length, total, squares)
  const half = ((high - low) / 2) * Math.sqrt(errors.length / (n || 1))
  return [value - half, Math.min(1, value + half)]
}

/** R² of one output; a constant target is explained wholly or not at all, as scikit-learn has it. */
const share = (error: number, variation: number): number =>
  variation > 0 ? 1 - error / variation : error === 0 ? 1 : 0

/** Labels of more numbers are cut off in words. */
const TOLD = 8

export const regression: TaskDeclaration = {
  id: 'regression',
  metric: 'r2',
  choose,
  meter: (choice) => new RegressionMeter(choice),
  protects: 'values',
  // R² of 0 is what the mean of the labels scores.
  noSkill: 0,
  comparison: byDistance,
  answerText: numberText,
  carries: 'numbers',
  labelText: (label) =>
    Array.from(floatsOf(label).subarray(0, TOLD), (v) => String(Number(v.toPrecision(5)))).join(', '),
  loss: {
    fits: (dims, labels) => !labels || sizeOf(dims) === sizeOf(labels.dims),
    labels: () => ({ kind: 'squared-error', classAxis: -1 }),
  },
}
