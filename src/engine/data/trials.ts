/** Readings of a dataset tried on a model: answers to some samples, and what they tell of the labels. */
import { SPLITS, type SplitName } from '../../contract/dataset'
import { seeded } from '../math/random'
import type { Model } from '../onnx'
import { BY_TURNS, openRunner, type Runner } from '../runtime'
import { answersTo, lossesOf, meanOf, samplesOf, type Answers, type Sampling } from './answers'
import type { Dataset, Variant } from './dataset'
import { ordersOf, reordered } from './orders'

export interface Reading extends Variant {
  words: string
  /** How much it supposes, in all: see `INVOLVED`. */
  involved: number
}

export interface Trial extends Reading {
  /** Sample by sample. */
  losses: Float64Array
  /** Mean loss on the samples it was tried on; smaller is better. */
  loss: number
  /** The usual way that it must be better than, for it has more numbers to fit. */
  instead?: Variant
}

export function lostBy(answers: Answers): Pick<Trial, 'loss' | 'losses'> {
  const losses = lossesOf(answers)
  return { losses, loss: meanOf(losses) }
}

/** Training samples that confirm what was found on others, beside those of validation. */
const CONFIRMING = { training: 1024, validation: 2048 }

export interface Samplings {
  /** Few samples, for a first look. */
  few: Sampling
  /** All samples that readings are ranked on. */
  ranked: Sampling
  /** Those and half of the training samples that are left: numbers that are fitted have noise, which more samples lessen. */
  fitting: Sampling
  /** Other samples. */
  confirming: Sampling
}

/** Calibration samples first, then training ones; validation stays unseen until something is to be confirmed. */
export function samplingsOf(dataset: Dataset, few: number, ranked: number): Samplings {
  const order = (name: SplitName): number[] =>
    seeded(0).shuffle(Array.from({ length: dataset.splits[name].length }, (_, i) => i))
  const [calibration, training, validation] = SPLITS.map(order) as [number[], number[], number[]]
  const own = dataset.splits.training.origin === 'shared' ? [] : training
  const taken = calibration.slice(0, ranked)
  const more = own.slice(0, ranked - taken.length)
  const rest = own.slice(more.length)
  const half = Math.ceil(rest.length / 2)
  return {
    few: [
      { split: 'calibration', indices: taken.slice(0, few) },
      { split: 'training', indices: more.slice(0, Math.max(0, few - taken.length)) },
    ],
    ranked: [
      { split: 'calibration', indices: taken },
      { split: 'training', indices: more },
    ],
    fitting: [
      { split: 'calibration', indices: taken },
      { split: 'training', indices: [...more, ...rest.slice(0, half)] },
    ],
    confirming: [
      { split: 'validation', indices: validation.slice(0, CONFIRMING.validation) },
      { split: 'training', indices: rest.slice(half, half + CONFIRMING.training) },
    ],
  }
}

/** Tries readings on one open model. Close it after use. */
export class Trials {
  private constructor(
    readonly dataset: Dataset,
    readonly runner: Runner,
    readonly signal: AbortSignal | undefined,
  ) {}

  static async open(model: Model, dataset: Dataset, signal?: AbortSignal): Promise<Trials> {
    return new Trials(dataset, await openRunner(model, BY_TURNS), signal)
  }

  close(): Promise<void> {
    return this.runner.release()
  }

  read({ preprocessing, classes }: Variant): Dataset {
    return this.dataset.variant({ ...(preprocessing && { preprocessing }), ...(classes && { classes }) })
  }

  answers(reading: Variant, sampling: Sampling): Promise<Answers> {
    this.signal?.throwIfAborted()
    const read = this.read(reading)
    return answersTo(this.runner, read, samplesOf(read, sampling, this.signal))
  }

  /** A reading with its classes as they are, and in the other orders they may have. */
  async all(reading: Reading, sampling: Sampling): Promise<Trial[]> {
    const answers = await this.answers(reading, sampling)
    const plain = { ...reading, ...lostBy(answers) }
    if (answers.kind === 'numbers' || this.dataset.task !== 'classification') return [plain]
    const names = reading.classes ?? this.dataset.classes!
    const others = ordersOf(answers, this.dataset).map(({ classes, words, involved }) => ({
      ...reading,
      classes,
      words: `${reading.words}, with ${words}`,
      involved: reading.involved + involved,
      ...lostBy(reordered(answers, names, classes)),
    }))
    return [plain, ...others.filter(({ loss }) => loss < plain.loss)]
  }
}
