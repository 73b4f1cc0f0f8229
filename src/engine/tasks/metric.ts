/** What every metric family offers, and the choice of the output it reads. */
import { PareError } from '../../contract/errors'
import type { Quality, SampleResults } from '../../contract/report'
import { isFloat, sizeOf } from '../onnx'
import type { Value, Values } from '../runtime/value'

/** One batch as a meter sees it; rows of padding are gone. */
export interface Observation {
  /** Position of each sample within its split. */
  indices: readonly number[]
  rows: number
  outputs: Values
  labels?: Value
  /** Outputs of the original on the same samples; the model's own when it is the original. */
  reference: Values
  /** Where samples are steps of clips: whether each goes on where the one before it ended. */
  follows?: readonly boolean[]
}

/** What a metric reads of the model's outputs. Decided once on the original, used for every candidate. */
export interface OutputChoice {
  /** Outputs to fetch; the first is the one the metric is about. */
  names: string[]
  /** 'scores': a score per class; 'single-score': one for class 1 of two; 'labels': classes themselves; 'numbers': one a sample. */
  form: 'scores' | 'single-score' | 'labels' | 'values' | 'numbers'
  scale: 'logits' | 'probabilities'
  /** Classes of the output where it has some. */
  classes: number
  /** Plain words: why this output. */
  reason: string
}

export interface MetricContext {
  rows: number
  /** Class names of the dataset, in the order of the outputs. */
  classes?: readonly string[]
  labels?: Value
  /** How boxes lie in the outputs, where a person says so. */
  boxes?: string
  /** From one sample to the next, where that is known. */
  seconds?: number
}

export interface Measured {
  quality: Omit<Quality, 'split' | 'task'>
  samples: SampleResults
  /**
   * The main metric with each sample counted as often as its weight says, in the order the samples were added: two
   * models under the same weights are compared on the same resample.
   */
  reweighted(weights: Float64Array): number
  /** Rows = truth, columns = answers. */
  confusion?: number[][]
  /** Samples whose output held NaN or infinity; each counts as a sample the model has no skill on. */
  nonFinite: number
  notes: string[]
}

export interface Meter {
  add(observation: Observation): void
  result(): Measured
}

export interface MetricFamily {
  /** Name of the main metric. */
  metric: string
  /** Throws `data/shape-mismatch` where no output fits the labels. */
  choose(outputs: Values, context: MetricContext): OutputChoice
  meter(choice: OutputChoice): Meter
}

export const emptySamples = (): SampleResults => ({ index: [], label: [], answer: [], score: [] })

export function recordSample(
  samples: SampleResults,
  index: number,
  label: number | null,
  answer: number,
  score: number,
): void {
  samples.index.push(index)
  samples.label.push(label)
  samples.answer.push(answer)
  samples.score.push(score)
}

/** Weighted mean of one number a sample; those beyond the end of `values` are left out. */
export function weightedMean(values: ArrayLike<number>, weights: Float64Array): number {
  let sum = 0
  let total = 0
  for (let i = 0; i < values.length; i++) {
    sum += weights[i]! * values[i]!
    total += weights[i]!
  }
  return sum / total
}

export const rowSize = (value: Value): number => sizeOf(value.dims.slice(1))

export const isFloatValue = (value: Value): boolean => isFloat(value.dtype)

/** Numeric outputs whose first axis is the samples, in the model's order. */
export function perSample(outputs: Values, rows: number): [name: string, value: Value][] {
  return Object.entries(outputs).filter(
    ([, value]) => value.dims.length > 0 && value.dims[0] === rows && value.dtype !== 'string',
  )
}

/** The first output with a telling name, else the first. */
export function preferNamed<T>(found: [string, T][], patterns: readonly RegExp[]): [string, T] | undefined {
  for (const pattern of patterns) {
    const named = found.find(([name]) => pattern.test(name))
    if (named) return named
  }
  return found[0]
}

/** The output of so many floats a sample that `named` prefer; throws that there is none, with `what` was looked for. */
export function outputOf(
  outputs: Values,
  rows: number,
  size: number,
  named: readonly RegExp[],
  what: string,
): [string, Value] {
  const fitting = perSample(outputs, rows).filter(
    ([, value]) => isFloatValue(value) && rowSize(value) === size,
  )
  const best = preferNamed(fitting, named)
  if (!best) throw noOutputFits(what, outputs)
  return best
}

/** An output with one score for each of `classes`. */
export const scoresIn = (
  name: string,
  classes: number,
  probabilities: boolean,
  reason: string,
): OutputChoice => ({
  names: [name],
  form: 'scores',
  scale: probabilities ? 'probabilities' : 'logits',
  classes,
  reason,
})

export function noOutputFits(expected: string, outputs: Values): PareError {
  const got = Object.entries(outputs).map(([name, value]) => `${name} [${value.dims.join(', ')}]`)
  return new PareError('data/outputs-unknown', { expected, outputs: got.join('; ') || 'none' })
}

/** True when every row is a distribution: within [0, 1] and summing to 1. */
export function looksLikeProbabilities(data: Float32Array, rows: number, classes: number): boolean {
  for (let row = 0; row < rows; row++) {
    let sum = 0
    for (let i = row * classes; i < (row + 1) * classes; i++) {
      const value = data[i]!
      if (!(value >= 0 && value <= 1.0001)) return false
      sum += value
    }
    if (Math.abs(sum - 1) > 0.01) return false
  }
  return rows > 0
}

/** A label as a class index. Throws `data/labels-out-of-range`. */
export function checkedLabel(label: number, classes: number): number {
  if (Number.isInteger(label) && label >= 0 && label < classes) return label
  throw new PareError('data/labels-out-of-range', { label: String(label), classes })
}

/** Labels of one number a sample, as plain numbers. */
export function labelNumbers(labels: Value | undefined, by: string): ArrayLike<number> {
  if (!labels || Array.isArray(labels.data)) throw new PareError('data/labels-missing', { by })
  const { data } = labels
  if (!(data instanceof BigInt64Array || data instanceof BigUint64Array)) return data
  const numbers = new Float64Array(data.length)
  for (let i = 0; i < numbers.length; i++) numbers[i] = Number(data[i])
  return numbers
}
