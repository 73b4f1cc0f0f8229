/**
 * Fits scale and offset of the inputs to labelled samples, where none of the usual ones is right: Fisher scoring, with the
 * derivatives of answers by finite differences, so that any operator will do. Steps end where what is left to gain is noise.
 */
import type { Preprocessing } from '../../contract/dataset'
import { logSumExp } from '../math/log-scores'
import { solveDamped } from '../math/solve'
import { answersTo, lossesOf, meanOf, samplesOf, temperature, type Answers, type Sampling } from './answers'
import type { Batch, Dataset } from './dataset'
import { between, fitted, inputLayer, type InputLayer, type Parameters } from './input-fit'
import { noise, snapped } from './snap'
import type { Trials } from './trials'

/** Numbers of inputs that are held at once. */
const NUMBERS = 2 ** 23
const STEPS = 12
const RETRIES = 4
/** In deviations of the input: above the noise of float32 and of quantized inputs, below what bends the answers. */
const DIFFERENCE = 0.02
const LONGEST_STEP = 0.7

/** Undefined where nothing is to be gained beyond noise. */
export async function fitPreprocessing(
  trials: Trials,
  reading: Dataset,
  sampling: Sampling,
  signal?: AbortSignal,
): Promise<Preprocessing | undefined> {
  const batches: Batch[] = []
  let room = NUMBERS
  for await (const batch of samplesOf(reading, sampling, signal)) {
    batches.push(batch)
    room -= Object.values(batch.inputs).reduce((sum, { data }) => sum + data.length, 0)
    if (room < 0) break
  }
  let best: Preprocessing | undefined
  for (const byChannel of [false, true]) {
    const layer = inputLayer(reading.preprocessing, batches, byChannel)
    if (!layer || (byChannel && layer.channels === 1)) break
    const parameters = await fitLayer(trials, reading, batches, layer, signal)
    const way = parameters && fitted(reading.preprocessing, layer, parameters)
    if (way) best = await rounded(trials, reading, batches, layer, way, signal)
  }
  return best
}

async function rounded(
  trials: Trials,
  reading: Dataset,
  batches: readonly Batch[],
  layer: InputLayer,
  way: Preprocessing,
  signal: AbortSignal | undefined,
): Promise<Preprocessing> {
  const { preprocessing } = reading
  if (!between(preprocessing, way, layer)) return way
  return snapped(way, async (to) => {
    signal?.throwIfAborted()
    const at = between(preprocessing, to, layer)!
    return natsOf(
      await answersTo(
        trials.runner,
        reading,
        batches.map((batch) => layer.apply(batch, at)),
      ),
    )
  })
}

/** Against the labels of all samples; numbers are taken as normal, with the deviation that they have. */
function natsOf(answers: Answers): number {
  const loss = meanOf(lossesOf(answers))
  return (
    answers.samples * (answers.kind === 'numbers' ? Math.log(Math.max(loss, Number.MIN_VALUE)) / 2 : loss)
  )
}

async function fitLayer(
  trials: Trials,
  reading: Dataset,
  batches: readonly Batch[],
  layer: InputLayer,
  signal: AbortSignal | undefined,
): Promise<Parameters | undefined> {
  const answersAt = (parameters: Parameters): Promise<Answers> => {
    signal?.throwIfAborted()
    return answersTo(
      trials.runner,
      reading,
      batches.map((batch) => layer.apply(batch, parameters)),
    )
  }
  const count = layer.gainOnly ? layer.channels : 2 * layer.channels
  let at: Parameters = new Float64Array(2 * layer.channels)
  let answers = await answersAt(at)
  let loss = meanOf(lossesOf(answers))
  let damping = 1e-3
  let moved = false
  for (let step = 0; step < STEPS; step++) {
    const nearby: Answers[] = []
    for (let p = 0; p < count; p++) nearby.push(await answersAt(shifted(at, p, DIFFERENCE)))
    const { curvature, slope } = scoring(answers, nearby)
    if (!(promised(curvature, slope, answers, loss) > noise(count))) break
    let better = false
    for (let retry = 0; retry < RETRIES && !better; retry++) {
      const move = solveDamped(curvature, slope, damping)
      const longest = Math.max(...move.map(Math.abs))
      const factor = Math.min(1, LONGEST_STEP / longest)
      const to = at.map((value, p) => value - factor * (move[p] ?? 0))
      const there = await answersAt(to)
      const lossThere = meanOf(lossesOf(there))
      better = lossThere < loss
      if (better) [at, answers, loss, moved] = [to, there, lossThere, true]
      damping *= better ? 0.2 : 10
    }
    if (!better) break
  }
  return moved ? at : undefined
}

const shifted = (parameters: Parameters, p: number, by: number): Parameters =>
  parameters.map((value, i) => (i === p ? value + by : value))

interface Scoring {
  curvature: Float64Array
  slope: Float64Array
}

/** Slope of the mean loss and its Fisher information, by the parameters that the nearby answers were moved in. */
function scoring(answers: Answers, nearby: readonly Answers[]): Scoring {
  const n = nearby.length
  const [curvature, slope] = [new Float64Array(n * n), new Float64Array(n)]
  const add = (
    rows: number,
    columns: readonly Float64Array[],
    residual: Float64Array,
    weigh: Weigh,
  ): void => {
    const weighed = columns.map(weigh)
    for (let p = 0; p < n; p++) {
      slope[p]! += dot(columns[p]!, residual) / rows
      for (let q = 0; q <= p; q++) {
        const value = dot(columns[q]!, weighed[p]!) / rows
        curvature[p * n + q]! += value
        if (q < p) curvature[q * n + p]! += value
      }
    }
  }
  if (answers.kind === 'numbers')
    for (const [i, answer] of answers.answers.entries())
      add(
        answers.samples,
        nearby.map((near) => derivative((near as typeof answers).answers[i]!, answer, 0, answer.length, 1)),
        Float64Array.from(answer, (value, d) => value - answers.labels[i]![d]!),
        (column) => column,
      )
  else {
    const { scores, width, labels } = answers
    const sharpness = temperature(answers)
    for (const [i, label] of labels.entries()) {
      const from = i * width
      const norm = logSumExp(scores, from, width, sharpness)
      const p = Float64Array.from({ length: width }, (_, k) => Math.exp(sharpness * scores[from + k]! - norm))
      add(
        labels.length,
        nearby.map((near) => derivative((near as typeof answers).scores, scores, from, width, sharpness)),
        p.map((value, k) => value - Number(k === label)),
        (column) => {
          const mean = dot(p, column)
          return column.map((value, k) => p[k]! * (value - mean))
        },
      )
    }
  }
  return { curvature, slope }
}

type Weigh = (column: Float64Array) => Float64Array

const derivative = (
  near: ArrayLike<number>,
  here: ArrayLike<number>,
  from: number,
  size: number,
  factor: number,
): Float64Array =>
  Float64Array.from({ length: size }, (_, k) => (factor * (near[from + k]! - here[from + k]!)) / DIFFERENCE)

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

/** Nats that all samples together would gain by a full step. */
function promised(
  curvature: Float64Array,
  slope: Float64Array,
  { kind, samples }: Answers,
  loss: number,
): number {
  const gain = dot(solveDamped(curvature, slope, 0), slope) / 2
  return samples * (kind === 'numbers' ? gain / Math.max(loss, Number.MIN_VALUE) : gain)
}
