/** What a model answers on labelled samples, and how much of the labels it tells. */
import type { SplitName } from '../../contract/dataset'
import { argmax } from '../math/argmax'
import { logOf, logSumExp } from '../math/log-scores'
import type { Runner } from '../runtime'
import { isFloat, sizeOf } from '../onnx'
import { floatsOf, type Values } from '../runtime/value'
import type { Batch, Dataset } from './dataset'

/** Answers of which each is right or wrong: one per sample, or several where a sample has several classes or pixels. */
export interface ClassAnswers {
  kind: 'classes'
  samples: number
  /** Scores of an answer. */
  width: number
  /** Logarithms of likelihoods up to a constant, row by row. */
  scores: Float64Array
  labels: Int32Array
  /** The sample of each answer. */
  of: Int32Array
}

interface NumberAnswers {
  kind: 'numbers'
  samples: number
  answers: number[][]
  labels: number[][]
}

export type Answers = ClassAnswers | NumberAnswers

/** Positions of splits whose samples are read. */
export type Sampling = readonly { split: SplitName; indices: readonly number[] }[]

/** Pixels of a class map that are looked at. */
const PIXELS = 64
const BATCH = 32

/** Tasks whose answers can be held against labels here. */
export const isJudged = ({ task }: Dataset): boolean =>
  task === 'classification' ||
  task === 'multi-label' ||
  task === 'events' ||
  task === 'regression' ||
  task === 'segmentation'

export async function* samplesOf(
  dataset: Dataset,
  sampling: Sampling,
  signal?: AbortSignal,
): AsyncGenerator<Batch> {
  for (const { split, indices } of sampling)
    if (indices.length > 0)
      yield* dataset.splits[split].batches(BATCH, { indices, ...(signal && { signal }) })
}

/** The model's answers to batches of a dataset of a task that is judged here. */
export async function answersTo(
  runner: Runner,
  dataset: Dataset,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
): Promise<Answers> {
  const numbers: NumberAnswers = { kind: 'numbers', samples: 0, answers: [], labels: [] }
  const rows: { scores: number[]; label: number; sample: number }[] = []
  const { task } = dataset
  let samples = 0
  let output: string | undefined
  for await (const { inputs, labels, indices } of batches) {
    if (!labels) continue
    const outputs = await runner.run(inputs, output === undefined ? undefined : [output])
    output ??= judgedOutput(outputs, indices.length, dataset)
    const value = outputs[output]!
    const [given, truth] = [floatsOf(value), floatsOf(labels)]
    const [size, width] = [given.length / indices.length, truth.length / indices.length]
    const lastAxis =
      value.dims.length > 2 && value.dims[2] !== labels.dims[1 + (labels.dims.length > 3 ? 1 : 0)]
    for (const i of indices.keys()) {
      const answer = given.subarray(i * size, (i + 1) * size)
      const label = truth.subarray(i * width, (i + 1) * width)
      if (task === 'regression') {
        numbers.answers.push([...answer])
        numbers.labels.push([...label])
      } else
        for (const row of rowsOf(dataset, answer, label, lastAxis)) rows.push({ ...row, sample: samples })
      samples++
    }
  }
  if (task === 'regression') return { ...numbers, samples }
  return classAnswers(rows, samples)
}

/** The output named by the spec; else the first one of a score per class; else the first. */
function judgedOutput(outputs: Values, rows: number, { spec, classes }: Dataset): string {
  const names = Object.keys(outputs)
  if (spec.output !== undefined && names.includes(spec.output)) return spec.output
  const scores = names.filter((name) => isFloat(outputs[name]!.dtype))
  const exact = scores.find((name) => sizeOf(outputs[name]!.dims) === rows * (classes?.length ?? 0))
  return exact ?? scores[0] ?? names[0]!
}

function* rowsOf(
  { task, classes }: Dataset,
  answer: Float32Array,
  label: Float32Array,
  lastAxis: boolean,
): Generator<{ scores: number[]; label: number }> {
  if (task === 'classification') {
    if (label[0]! >= 0) yield { scores: scoresOf(answer, classes!.length), label: label[0]! }
  } else if (task === 'multi-label' || task === 'events')
    for (const [k, score] of answer.entries()) yield { scores: [score], label: label[k]! }
  else {
    const classes = answer.length / label.length
    const place = (at: number, k: number): number => (lastAxis ? at * classes + k : k * label.length + at)
    const step = Math.max(1, Math.floor(label.length / PIXELS))
    for (let at = 0; at < label.length; at += step)
      if (label[at]! >= 0)
        yield {
          scores: Array.from({ length: classes }, (_, k) => answer[place(at, k)]!),
          label: label[at]!,
        }
  }
}

/** Models that give the class itself are sure of it. */
const scoresOf = (answer: Float32Array, classes: number): number[] =>
  answer.length === 1 && classes > 2
    ? Array.from({ length: classes }, (_, k) => Number(k === answer[0]))
    : [...answer]

function classAnswers(
  rows: readonly { scores: number[]; label: number; sample: number }[],
  samples: number,
): ClassAnswers {
  const single = rows[0]?.scores.length === 1
  const logs = logOf(rows.map(({ scores }) => scores))
  const width = single ? 2 : (rows[0]?.scores.length ?? 1)
  const scores = new Float64Array(rows.length * width)
  for (const [i, row] of logs.entries())
    if (row.every(Number.isFinite)) scores.set(single ? [0, row[0]!] : row, i * width)
  return {
    kind: 'classes',
    samples,
    width,
    scores,
    labels: Int32Array.from(rows, ({ label }) => label),
    of: Int32Array.from(rows, ({ sample }) => sample),
  }
}

/** The most likely class of each answer. */
export const classesOf = ({ scores, width, labels }: ClassAnswers): number[] =>
  Array.from(labels, (_, i) => argmax(scores, i * width, width))

/**
 * What the labels still hold once the answers are known, per sample: nats of classes, at the temperature at which the
 * answers tell most, so that scores too large or too small count for nothing; squared error of numbers.
 */
export function lossesOf(answers: Answers): Float64Array {
  if (answers.kind === 'numbers')
    return Float64Array.from(answers.labels, (label, i) =>
      label.reduce((sum, v, d) => sum + (v - answers.answers[i]![d]!) ** 2, 0),
    )
  return lossesAt(answers, temperature(answers))
}

function lossesAt({ scores, width, labels, of, samples }: ClassAnswers, sharpness: number): Float64Array {
  const sums = new Float64Array(samples)
  const counts = new Float64Array(samples)
  for (const [i, label] of labels.entries()) {
    const at = i * width
    const own = sharpness * scores[at + label]!
    sums[of[i]!]! += logSumExp(scores, at, width, sharpness) - own
    counts[of[i]!]!++
  }
  return sums.map((sum, i) => (counts[i]! > 0 ? sum / counts[i]! : 0))
}

export const meanOf = (values: ArrayLike<number>): number =>
  values.length === 0 ? 0 : Array.from(values).reduce((sum, v) => sum + v, 0) / values.length

const GOLDEN = (Math.sqrt(5) - 1) / 2
/** Sharpness 1e-5 (answers say nothing) to 1e2; the loss is convex in it. */
const [SOFTEST, SHARPEST, STEPS] = [Math.log(1e-5), Math.log(1e2), 24]

/** By how much scores are multiplied so that the mean loss is least: golden section on the logarithm. */
export function temperature(answers: ClassAnswers): number {
  const loss = (log: number): number => meanOf(lossesAt(answers, Math.exp(log)))
  let [low, high] = [SOFTEST, SHARPEST]
  let [a, b] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
  let [lossA, lossB] = [loss(a), loss(b)]
  for (let step = 0; step < STEPS; step++)
    if (lossA <= lossB) {
      ;[high, b, lossB] = [b, a, lossA]
      a = high - GOLDEN * (high - low)
      lossA = loss(a)
    } else {
      ;[low, a, lossA] = [a, b, lossB]
      b = low + GOLDEN * (high - low)
      lossB = loss(b)
    }
  return Math.exp((low + high) / 2)
}
