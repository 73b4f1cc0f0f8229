/**
 * The training loop: epochs over shuffled samples, updates in place over flat weights, the best epoch kept.
 * With one seed and one machine it gives the same weights every time, on any number of threads.
 */
import { PareError } from '../../contract/errors'
import { loadCheckpoint, saveCheckpoint } from './checkpoint'
import { Validator, type Validation } from './validator'
import type { TrainSetup } from './setup'
import { rateAt } from './optimizer'
import { findLearningRate } from './learning-rate-finder'
import { StepRunner } from './step'
import type { Parameters } from './trainable'
import { batchOf, Updater, wholeBatches } from './updater'

type Ending = 'done' | 'early' | 'asked' | 'diverged'

export interface TrainResult {
  /** The best weights. */
  parameters: Parameters
  /** Loss of the held-out part, or of the training where nothing is held out; epoch 0 is the start. */
  curve: { epoch: number; loss: number; quality?: number }[]
  bestEpoch: number
  epochs: number
  ending: Ending
  before?: Validation
  best?: Validation
  /** The learning rate used, given or found. */
  rate: number
  /** There was not time for all epochs: the schedule was made as short. */
  shortened: boolean
}

/** A number that grows as weights get better: the held-out metric, or agreement with the teacher where there is one. */
function scoreOf(held: Validation, taught: boolean): number {
  if (taught || held.quality === undefined) return -held.loss
  // The loss decides between equal answers, which small held-out parts often give.
  return (held.higherIsBetter ? held.quality : -held.quality) - 1e-4 * Math.min(100, held.loss)
}

/** What a checkpoint keeps beside arrays. */
interface Progress {
  epoch: number
  rate: number
  bestEpoch: number
  bestScore: number
  sinceBest: number
  curve: TrainResult['curve']
}

/** Trains. Throws `cancelled` between steps; a checkpoint of the last whole epoch then lies in `scratch`. */
export async function train(setup: TrainSetup): Promise<TrainResult> {
  const { validation } = setup
  const trainables = { ...setup, trainable: setup.parameters.names }
  const runner = new StepRunner(trainables)
  const validator =
    validation && validation.indices.length > 0
      ? new Validator({
          ...trainables,
          samples: validation.samples ?? setup.samples,
          // A teacher remembers values by position, which means something else in another split.
          remember: validation.samples === undefined,
          indices: validation.indices,
          settings: setup.loss,
          random: setup.random.fork('held out'),
        })
      : undefined
  try {
    return await trainWith(setup, runner, validator)
  } finally {
    await runner.release()
    await validator?.release()
  }
}

async function trainWith(
  setup: TrainSetup,
  runner: StepRunner,
  validator: Validator | undefined,
): Promise<TrainResult> {
  const { parameters, settings, constraints = [] } = setup
  const { values } = parameters
  const size = batchOf(setup)
  const perEpoch = Math.ceil(setup.training.length / size.batch)
  const wanted = perEpoch * settings.epochs
  let total = wanted
  const best = new Float32Array(values)
  const updater = new Updater(setup, runner)
  const { optimizer } = updater
  const kept = [values, best, ...optimizer.state]
  const state: Progress = {
    epoch: 0,
    rate: settings.learningRate,
    bestEpoch: 0,
    bestScore: -Infinity,
    sinceBest: 0,
    curve: [],
  }
  let before: Validation | undefined
  let bestValidation: Validation | undefined
  let ending: Ending = 'done'
  let updates = 0

  const eligible = (done: number): boolean => constraints.every((c) => c.eligible?.(done) ?? true)
  const consider = (held: Validation | undefined, epoch: number, done: number): void => {
    if (!eligible(done)) return
    // Without held-out samples the latest counts as best.
    const score = held ? scoreOf(held, setup.teacher !== undefined) : epoch
    state.sinceBest++
    if (!(score > state.bestScore)) return
    Object.assign(state, { bestScore: score, bestEpoch: epoch, sinceBest: 0 })
    best.set(values)
    bestValidation = held
  }
  const report = (epoch: number, loss: number, held: Validation | undefined): void => {
    const at = { epoch, loss, ...(held?.quality !== undefined && { quality: held.quality }) }
    state.curve.push(at)
    setup.point?.(at)
  }

  // When updates began, had nothing come between them: after the first one, which compiles the graph.
  let began = 0
  /** Seconds that judging an epoch takes. */
  let judging = 0
  const judge = async (): Promise<Validation | undefined> => {
    const start = performance.now()
    const held = await validator?.measure(parameters)
    judging = (performance.now() - start) / 1000
    began += 1000 * judging
    return held
  }

  const lengths = kept.map((array) => array.length)
  const stored = loadCheckpoint(setup.scratch, setup.key, lengths)
  if (stored) {
    stored.arrays.forEach((array, i) => kept[i]!.set(array))
    const { steps, epoch, rate, bestEpoch, bestScore, sinceBest, curve } = stored.head
    Object.assign(state, { epoch, rate, bestEpoch, bestScore: bestScore ?? -Infinity, sinceBest, curve })
    optimizer.steps = steps
    for (const constraint of constraints) constraint.restart?.()
    for (const at of curve) setup.point?.(at)
  } else {
    before = await judge()
    consider(before, 0, 0)
    if (before) report(0, before.loss, before)
    if (state.rate === 0) state.rate = (await findLearningRate(setup, runner, validator)).rate
  }

  while (state.epoch * perEpoch < total && ending === 'done') {
    const random = setup.random.fork(`epoch ${state.epoch}`)
    const order = random.shuffle(setup.training)
    let sum = 0
    let step = 0
    for await (const batch of wholeBatches(setup.samples, order, size)) {
      const at = state.epoch * perEpoch + step
      if (at === total) break
      if (updates > 2) {
        const perUpdate = (performance.now() - began) / 1000 / (updates - 1) + judging / perEpoch
        const share = setup.timeFor?.((wanted - at) * perUpdate) ?? 1
        // The rate and the zeros have to come to their end: a training that is cut off has neither.
        total = at + Math.max(1, Math.floor((wanted - at) * Math.min(1, share)))
      }
      setup.progress(Math.min(1, at / total), `epoch ${state.epoch + 1} of ${settings.epochs}`)
      // Lets messages of the engine process through: running the graph blocks its thread.
      await new Promise(setImmediate)
      const rate = rateAt(at, total, state.rate, settings.warmUp)
      const loss = await updater.update(batch, rate, (at + 1) / total, random)
      if (updates++ === 0) began = performance.now()
      step++
      sum += loss
      if (!Number.isFinite(loss)) ending = 'diverged'
      else if (setup.stopRequested?.()) ending = 'asked'
      if (ending !== 'done') break
    }
    if (ending === 'diverged') break
    state.epoch++
    const held = await judge()
    if (held && !Number.isFinite(held.loss)) {
      ending = 'diverged'
      break
    }
    const done = Math.min(1, (state.epoch * perEpoch) / total)
    consider(held, state.epoch, done)
    report(state.epoch, held?.loss ?? sum / Math.max(1, step), held)
    saveCheckpoint(setup.scratch, { key: setup.key, ...state, steps: optimizer.steps }, kept)
    if (ending === 'done' && validator && state.sinceBest >= settings.patience && eligible(done))
      ending = 'early'
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
    best: bestValidation,
    rate: state.rate,
    shortened: total < wanted,
  }
}
