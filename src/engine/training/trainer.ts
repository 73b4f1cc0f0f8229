/**
 * The training loop: epochs over shuffled samples, updates in place over flat weights, the best epoch kept.
 * With one seed and one machine it gives the same weights every time, on any number of threads.
 */
import type { Task } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { Batch } from '../data/dataset'
import type { Random } from '../math/random'
import type { Model } from '../onnx'
import { loadCheckpoint, saveCheckpoint, stopAsked } from './checkpoint'
import { HeldOut, type Held } from './held-out'
import type { LossSpec } from './losses'
import { mixed } from './mixing'
import { clipNorm, createOptimizer, rateAt } from './optimizer'
import type { Samples } from './samples'
import type { LearningSettings } from './settings'
import { countedRows, StepRunner, type Example, type LossSettings } from './step'
import type { Teacher } from './teacher'
import { Parameters } from './trainable'

/** What a pass adds to the plain loop. `done` is 0 … 1 of the whole training. */
export interface Constraint {
  /** Before an update: may change gradients, add a penalty's. */
  gradients?(values: Float32Array, gradients: Float32Array, done: number): void
  /** After an update: may change values. */
  values?(values: Float32Array, done: number): void
  /** False while weights are not yet what the pass promises, so that such an epoch is never kept. */
  eligible?(done: number): boolean
}

export interface TrainSetup {
  model: Model
  spec: LossSpec
  task: Task
  parameters: Parameters
  samples: Samples
  training: readonly number[]
  heldOut: readonly number[]
  micro: number
  settings: LearningSettings
  loss: LossSettings
  /** Share of batches of blended samples; needs a teacher. */
  mixing?: number
  teacher?: Teacher
  classes?: readonly string[]
  constraints?: readonly Constraint[]
  random: Random
  threads?: number
  /** Tells this training from others in checkpoints. */
  key: string
  scratch: string
  /** 0 … 1; throws `cancelled`. */
  progress(done: number, doing?: string): void
  point?(at: { epoch: number; loss: number; quality?: number }): void
}

export type Ending = 'done' | 'early' | 'asked' | 'diverged'

export interface TrainResult {
  /** The best weights. */
  parameters: Parameters
  curve: { epoch: number; loss: number; quality?: number }[]
  bestEpoch: number
  epochs: number
  ending: Ending
  before?: Held
  best?: Held
  /** Seconds a step took, micro-batches added up. */
  secondsPerStep: number
}

/** A number that grows as weights get better: the held-out metric, or agreement with the teacher where there is one. */
function scoreOf(held: Held, taught: boolean): number {
  if (taught || held.quality === undefined) return -held.loss
  // The loss decides between equal answers, which small held-out parts often give.
  return (held.higherIsBetter ? held.quality : -held.quality) - 1e-4 * Math.min(100, held.loss)
}

const LEFT = (seconds: number): string =>
  seconds < 90 ? `${Math.max(1, Math.round(seconds))} s left` : `${Math.round(seconds / 60)} min left`

/** Trains. Throws `cancelled` between steps; a checkpoint of the last whole epoch then lies in `scratch`. */
export async function train(setup: TrainSetup): Promise<TrainResult> {
  const { parameters, settings, samples, spec, teacher } = setup
  const { values } = parameters
  const gradients = new Float32Array(values.length)
  const decay = decayMask(parameters)
  const optimizer = createOptimizer(settings.optimizer, values.length, settings)
  const constraints = setup.constraints ?? []
  const micro = Math.min(settings.batchSize, setup.micro)
  const perBatch = Math.ceil(settings.batchSize / micro) * micro
  const perEpoch = Math.ceil(setup.training.length / perBatch)
  const total = perEpoch * settings.epochs
  const taught = teacher !== undefined
  const best = new Float32Array(values)
  const state = { epoch: 0, bestEpoch: 0, bestScore: -Infinity, sinceBest: 0, curve: [] as TrainResult['curve'] }
  const kept = [values, best, ...optimizer.state]
  let bestHeld: Held | undefined
  let before: Held | undefined
  let ending: Ending = 'done'
  let seconds = 0
  let measured = 0

  const runner = new StepRunner({ ...setup, trainable: parameters.names })
  const judge =
    setup.heldOut.length > 0
      ? new HeldOut({ ...setup, trainable: parameters.names, indices: setup.heldOut, settings: setup.loss })
      : undefined
  const eligible = (done: number): boolean => constraints.every((c) => c.eligible?.(done) ?? true)
  const consider = (held: Held | undefined, epoch: number, done: number): void => {
    if (!eligible(done)) return
    const score = held ? scoreOf(held, taught) : epoch
    if (!(score > state.bestScore)) {
      state.sinceBest++
      return
    }
    Object.assign(state, { bestScore: score, bestEpoch: epoch, sinceBest: 0 })
    best.set(values)
    bestHeld = held
  }

  try {
    const stored = loadCheckpoint(setup.scratch, setup.key, kept.map((array) => array.length))
    if (stored) {
      stored.arrays.forEach((array, i) => kept[i]!.set(array))
      Object.assign(state, { ...stored.head })
      optimizer.steps = stored.head.steps
      for (const at of state.curve) setup.point?.(at)
    } else {
      before = await judge?.measure(parameters)
      consider(before, 0, 0)
      if (before) report(0, before.loss, before)
    }
    for (let epoch = state.epoch; epoch < settings.epochs; epoch++) {
      const order = setup.random.fork(`epoch ${epoch}`)
      let sum = 0
      let step = 0
      for await (const batch of wholeBatches(samples, order.shuffle(setup.training), perBatch, micro)) {
        const at = epoch * perEpoch + step
        const left = ((total - at) * seconds) / Math.max(1, measured)
        const doing = `epoch ${epoch + 1} of ${settings.epochs}${measured > 2 ? `, ${LEFT(left)}` : ''}`
        setup.progress(Math.min(1, at / total), doing)
        // Lets messages of the engine process through: running the graph blocks its thread.
        await new Promise(setImmediate)
        const start = performance.now()
        const loss = await update(batch, at, order)
        seconds += (performance.now() - start) / 1000
        measured++
        sum += loss
        step++
        if (!Number.isFinite(loss)) ending = 'diverged'
        else if (stopAsked(setup.scratch)) ending = 'asked'
        if (ending !== 'done') break
      }
      if (ending === 'diverged') break
      const done = (epoch + 1) / settings.epochs
      state.epoch = epoch + 1
      const held = await judge?.measure(parameters)
      if (held && !Number.isFinite(held.loss)) {
        ending = 'diverged'
        break
      }
      consider(held, epoch + 1, done)
      report(epoch + 1, sum / Math.max(1, step), held)
      saveCheckpoint(setup.scratch, { key: setup.key, ...state, steps: optimizer.steps }, kept)
      if (ending === 'asked') break
      if (judge && state.sinceBest >= settings.patience && eligible(done)) {
        ending = 'early'
        break
      }
    }
  } finally {
    await runner.release()
    await judge?.release()
  }
  if (state.bestScore === -Infinity) {
    if (ending === 'diverged') throw new PareError('model/non-finite', { tensor: 'loss', by: 'training' })
    // Stopped before the pass kept its promise: what there is, is what was asked for.
    best.set(values)
    state.bestEpoch = state.epoch
  }
  values.set(best)
  return {
    parameters,
    curve: state.curve,
    bestEpoch: state.bestEpoch,
    epochs: state.epoch,
    ending,
    before,
    best: bestHeld,
    secondsPerStep: seconds / Math.max(1, measured),
  }

  function report(epoch: number, loss: number, held: Held | undefined): void {
    const at = { epoch, loss, ...(held?.quality !== undefined && { quality: held.quality }) }
    state.curve.push(at)
    setup.point?.(at)
  }

  async function update(batch: readonly Batch[], at: number, random: Random): Promise<number> {
    gradients.fill(0)
    const examples: Example[] = []
    const blend = teacher !== undefined && (setup.mixing ?? 0) > 0 && random.next() < setup.mixing!
    for (const micro of batch) {
      const shown = blend ? mixed(micro, random) : micro
      examples.push({ batch: shown, ...(teacher && { teacher: await teacher.valuesFor(shown, !blend) }) })
    }
    const counted = batch.reduce((n, micro) => n + countedRows(spec, micro), 0)
    if (counted === 0) return 0
    // The labels of a blend are nobody's: the teacher alone tells what it is.
    const loss: LossSettings = blend ? { ...setup.loss, alpha: 1 } : setup.loss
    let sum = 0
    for (const example of examples) sum += await runner.accumulate(example, 1 / counted, parameters, gradients, loss)
    const done = at / total
    for (const constraint of constraints) constraint.gradients?.(values, gradients, done)
    if (!Number.isFinite(clipNorm(gradients, settings.clip))) return NaN
    optimizer.step(values, gradients, rateAt(at, total, settings.learningRate, settings.warmUp), decay)
    for (const constraint of constraints) constraint.values?.(values, (at + 1) / total)
    return sum
  }
}

/** Matrices and kernels decay; biases and scales do not. */
function decayMask(parameters: Parameters): Uint8Array {
  const mask = new Uint8Array(parameters.values.length)
  parameters.dims.forEach((dims, i) => {
    const start = parameters.offsets[i]!
    if (dims.length > 1) mask.fill(1, start, start + parameters.sizes[i]!)
  })
  return mask
}

/** Micro-batches of one update together. */
async function* wholeBatches(
  samples: Samples,
  order: readonly number[],
  size: number,
  micro: number,
): AsyncIterable<Batch[]> {
  let pending: Batch[] = []
  let count = 0
  // Read as one stream, so that samples that are decoded on the way are decoded ahead.
  for await (const batch of samples.batches(order, micro)) {
    pending.push(batch)
    count += batch.indices.length
    if (count < size) continue
    yield pending
    pending = []
    count = 0
  }
  if (pending.length > 0) yield pending
}
