/** One update of the weights: micro-batches through the graph, gradients added up, a step of the optimizer. */
import type { Batch } from '../data/dataset'
import type { Random } from '../math/random'
import { canMix, mixup } from './mixup'
import { clipScale, createOptimizer, type Optimizer, type Span } from './optimizer'
import type { Samples } from '../data/sample-store'
import { countedRows, type Example, type LossSettings, type StepRunner } from './step'
import type { Parameters } from './trainable'
import type { TrainSetup } from './setup'

export class Updater {
  readonly optimizer: Optimizer
  private readonly gradients: Float32Array
  /** Gradients of one micro-batch, where an update has several. */
  private part: Float32Array | undefined
  private readonly spans: readonly Span[]

  constructor(
    private readonly setup: TrainSetup,
    private readonly runner: StepRunner,
  ) {
    const { parameters, settings } = setup
    this.gradients = new Float32Array(parameters.values.length)
    this.spans = decaySpans(parameters)
    this.optimizer = createOptimizer(settings.optimizer, parameters.values.length, settings)
  }

  /** `done` is 0 … 1 of the whole training. Gives the mean loss; NaN where the step was not finite and not made. */
  async update(batch: readonly Batch[], rate: number, done: number, random: Random): Promise<number> {
    const { setup, gradients } = this
    const { parameters, spec, teacher, settings, constraints = [] } = setup
    const examples: Example[] = []
    const { augment } = setup
    const blend =
      teacher !== undefined && (setup.mixup ?? 0) > 0 && random.next() < setup.mixup! && batch.every(canMix)
    for (const micro of batch) {
      const augmented = augment ? augment(micro, random) : micro
      const shown = blend ? mixup(augmented, random) : augmented
      const known = shown === micro
      examples.push({ batch: shown, ...(teacher && { teacher: await teacher.valuesFor(shown, known) }) })
    }
    const counted = examples.reduce((n, example) => n + countedRows(spec, example), 0)
    if (counted === 0) return 0
    // The labels of a blend are nobody's: the teacher alone tells what it is.
    const loss: LossSettings = blend ? { ...setup.loss, alpha: 1 } : setup.loss
    let sum = 0
    for (const [i, example] of examples.entries()) {
      const into = i === 0 ? gradients : (this.part ??= new Float32Array(gradients.length))
      sum += await this.runner.gradients(example, 1 / counted, parameters, into, loss)
      if (i > 0) addTo(gradients, into)
    }
    for (const constraint of constraints) constraint.gradients?.(parameters.values, gradients, done)
    const scale = clipScale(gradients, settings.clip)
    if (!Number.isFinite(sum) || Number.isNaN(scale)) return NaN
    this.optimizer.step(parameters.values, gradients, rate, this.spans, scale)
    for (const constraint of constraints) constraint.values?.(parameters.values, done)
    return sum
  }
}

/** Matrices and kernels decay; biases and scales do not. */
function decaySpans({ dims, offsets, sizes }: Parameters): Span[] {
  return dims.map((d, i) => ({ from: offsets[i]!, to: offsets[i]! + sizes[i]!, decays: d.length > 1 }))
}

// By itself, as a loop within a function that is made anew each time is compiled anew each time.
function addTo(sum: Float32Array, part: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!
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
