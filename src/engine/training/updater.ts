/** One update of the weights: micro-batches through the graph, gradients added up, a step of the optimizer. */
import type { Batch } from '../data/dataset'
import type { Random } from '../math/random'
import { canMix, mixed } from './mixing'
import { clipNorm, createOptimizer, type Optimizer } from './optimizer'
import type { Samples } from './samples'
import { countedRows, type Example, type LossSettings, type StepRunner } from './step'
import type { TrainSetup } from './trainer'

export class Updater {
  readonly optimizer: Optimizer
  private readonly gradients: Float32Array
  private readonly decay: Uint8Array

  constructor(
    private readonly setup: TrainSetup,
    private readonly runner: StepRunner,
  ) {
    const { parameters, settings } = setup
    this.gradients = new Float32Array(parameters.values.length)
    this.decay = decayMask(setup)
    this.optimizer = createOptimizer(settings.optimizer, parameters.values.length, settings)
  }

  /** `done` is 0 … 1 of the whole training. Gives the mean loss; NaN where the step was not finite and not made. */
  async update(batch: readonly Batch[], rate: number, done: number, random: Random): Promise<number> {
    const { setup, gradients } = this
    const { parameters, spec, teacher, settings, constraints = [] } = setup
    gradients.fill(0)
    const examples: Example[] = []
    const blend =
      teacher !== undefined && (setup.mixing ?? 0) > 0 && random.next() < setup.mixing! && batch.every(canMix)
    for (const micro of batch) {
      const shown = blend ? mixed(micro, random) : micro
      examples.push({ batch: shown, ...(teacher && { teacher: await teacher.valuesFor(shown, !blend) }) })
    }
    const counted = batch.reduce((n, micro) => n + countedRows(spec, micro), 0)
    if (counted === 0) return 0
    // The labels of a blend are nobody's: the teacher alone tells what it is.
    const loss: LossSettings = blend ? { ...setup.loss, alpha: 1 } : setup.loss
    let sum = 0
    for (const example of examples)
      sum += await this.runner.accumulate(example, 1 / counted, parameters, gradients, loss)
    for (const constraint of constraints) constraint.gradients?.(parameters.values, gradients, done)
    if (!Number.isFinite(sum) || !Number.isFinite(clipNorm(gradients, settings.clip))) return NaN
    this.optimizer.step(parameters.values, gradients, rate, this.decay)
    for (const constraint of constraints) constraint.values?.(parameters.values, done)
    return sum
  }
}

/** Matrices and kernels decay; biases and scales do not. */
function decayMask({ parameters }: TrainSetup): Uint8Array {
  const mask = new Uint8Array(parameters.values.length)
  parameters.dims.forEach((dims, i) => {
    const start = parameters.offsets[i]!
    if (dims.length > 1) mask.fill(1, start, start + parameters.sizes[i]!)
  })
  return mask
}

/** Samples an update takes: the batch size rounded up to whole micro-batches. */
export function batchOf({ settings, micro }: TrainSetup): { micro: number; batch: number } {
  const piece = Math.min(settings.batchSize, micro)
  return { micro: piece, batch: Math.ceil(settings.batchSize / piece) * piece }
}

/** Micro-batches of one update together. */
export async function* wholeBatches(
  samples: Samples,
  order: readonly number[],
  size: { micro: number; batch: number },
): AsyncIterable<Batch[]> {
  let pending: Batch[] = []
  let count = 0
  // Read as one stream, so that samples that are decoded on the way are decoded ahead.
  for await (const batch of samples.batches(order, size.micro)) {
    pending.push(batch)
    count += batch.indices.length
    if (count < size.batch) continue
    yield pending
    pending = []
    count = 0
  }
  if (pending.length > 0) yield pending
}
