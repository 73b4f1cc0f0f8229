/**
 * Finds a learning rate by short trainings from the same start, each with its own fall to zero: what a rate is
 * worth shows only once it has fallen. Idea: arXiv:1506.01186, with the loss of other samples as the measure.
 */
import type { Validator } from './validator'
import { rateAt } from './optimizer'
import type { StepRunner } from './step'
import type { TrainSetup } from './setup'
import { batchOf, Updater, wholeBatches } from './updater'

const LADDERS = {
  adamw: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2],
  sgd: [1e-3, 3e-3, 1e-2, 3e-2, 1e-1],
} as const

/** Updates a trial makes at most. */
const STEPS = 24
const WARM_UP = 0.2
/** A loss this much above the best seen ends the climb. */
const HOPELESS = 2

interface LearningRateTrial {
  rate: number
  loss: number
}

/** Leaves the parameters as they were. The first trial is the safest rate; NaN losses end the climb. */
export async function findLearningRate(
  setup: TrainSetup,
  runner: StepRunner,
  validator: Validator | undefined,
): Promise<{ rate: number; trials: LearningRateTrial[] }> {
  const { parameters, settings, samples, training } = setup
  const start = parameters.values.slice()
  const size = batchOf(setup)
  const trials: LearningRateTrial[] = []
  const ladder = LADDERS[settings.optimizer]
  for (const [i, rate] of ladder.entries()) {
    setup.progress(0, `trying learning rate ${rate} (${i + 1} of ${ladder.length})`)
    await new Promise(setImmediate)
    const updater = new Updater(setup, runner)
    // The same samples in the same order for every rate.
    const random = setup.random.fork('rate trial')
    const order = random.shuffle(training)
    const steps = Math.min(STEPS, Math.ceil(order.length / size.batch))
    let at = 0
    let tail = 0
    for await (const batch of wholeBatches(samples, order.slice(0, steps * size.batch), size)) {
      const loss = await updater.update(batch, rateAt(at, steps, rate, WARM_UP), 0, random)
      if (++at > (3 * steps) / 4) tail += loss / (steps - Math.floor((3 * steps) / 4))
      if (!Number.isFinite(loss)) tail = Infinity
    }
    const loss = Number.isFinite(tail) ? ((await validator?.measure(parameters))?.loss ?? tail) : Infinity
    parameters.values.set(start)
    for (const constraint of setup.constraints ?? []) constraint.restart?.()
    const best = Math.min(...trials.map((trial) => trial.loss))
    trials.push({ rate, loss: Number.isFinite(loss) ? loss : Infinity })
    if (!(loss < best * HOPELESS)) break
  }
  const best = trials.reduce((a, b) => (b.loss < a.loss ? b : a))
  return { rate: best.rate, trials }
}
