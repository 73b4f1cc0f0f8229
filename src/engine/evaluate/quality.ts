/**
 * Quality of a model and of its candidates over one pass of a split: every batch is decoded once and run
 * through all of them, so that they are compared on the same samples.
 */
import type { SplitName, Task } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { Fidelity, Quality, SampleResults } from '../../contract/report'
import type { Batch, Dataset } from '../data/dataset'
import { seeded } from '../math/random'
import { blocksOf, bootstrap, type Blocks, type Interval } from '../math/statistics'
import type { Model } from '../onnx'
import {
  aligned,
  BY_TURNS,
  Carrier,
  openRunner,
  type Runner,
  type SessionOptions,
  type Values,
} from '../runtime'
import { besideOutputs, BesideMeter, type Beside } from './beside'
import { FidelityMeter, taskOf, type Meter, type OutputChoice } from '../tasks'

interface QualityOptions {
  dataset: Dataset
  /** Default: validation. */
  split?: SplitName
  /** Samples a batch; default 64. */
  batchSize?: number
  /** Only the first so many samples. */
  limit?: number
  /** Shuffles the samples with this seed before the first are taken. */
  shuffle?: number
  /** Settings the model will run with; they change what quantized operators compute. */
  session?: SessionOptions
  progress?(done: number, total: number): void
  signal?: AbortSignal
}

export interface ModelQuality {
  quality: Quality
  /** Against the original; absent for the original itself. */
  fidelity?: Fidelity
  samples: SampleResults
  /** See `Measured`. */
  reweighted(weights: Float64Array): number
  /** Where samples are steps of clips, which depend on each other. */
  blocks?: Blocks
  /** Of a candidate: the outputs that the task does not read. */
  beside?: readonly Beside[]
  confusion?: number[][]
  /** Samples whose output held NaN or infinity. */
  nonFinite: number
  /** Which output was read, and why. */
  output: OutputChoice
  notes: string[]
}

export interface MeasuredQuality {
  original: ModelQuality
  candidates: ModelQuality[]
}

interface Contender {
  answers: Answering
  meter: Meter
  fidelity?: FidelityMeter
  beside?: BesideMeter
}

/**
 * Measures the original and its candidates. Throws `data/empty` for an empty split, `data/shape-mismatch` when
 * inputs or outputs do not fit the data, `data/labels-out-of-range`, `model/not-loadable`, `cancelled`.
 */
export async function measureQuality(
  original: Model | string,
  candidates: readonly (Model | string)[],
  options: QualityOptions,
): Promise<MeasuredQuality> {
  const { dataset, session, signal } = options
  const split = dataset.splits[options.split ?? 'validation']
  const total = Math.min(split.length, options.limit ?? Infinity)
  const runners: Runner[] = []
  let answering: Answering[] | undefined
  let contenders: Contender[] | undefined
  let choice: OutputChoice | undefined
  let fetched: string[] | undefined
  const follows: boolean[] = []
  let done = 0
  try {
    // One model alone keeps its threads spinning, for its runs then start sooner.
    const settings = candidates.length > 0 ? { ...BY_TURNS, ...session } : session
    for (const model of [original, ...candidates]) runners.push(await openRunner(model, settings))
    for await (const batch of ahead(
      split.batches(options.batchSize ?? 64, { limit: options.limit, shuffle: options.shuffle, signal }),
    )) {
      if (signal?.aborted) throw new PareError('cancelled', { during: 'measuring quality' })
      const rows = batch.indices.length
      answering ??= runners.map((runner) => new Answering(runner, runners[0]!))
      const before = await answering[0]!.to(batch, fetched)
      choice ??= taskOf(dataset.task).choose(judged(before, dataset), {
        rows,
        classes: dataset.classes,
        labels: batch.labels,
        boxes: dataset.spec.boxes,
        seconds: secondsOf(dataset),
      })
      const { unused } = dataset.spec
      const { signature } = runners[0]!
      fetched ??= [...choice.names, ...besideOutputs(before, rows, signature, choice, unused)]
      contenders ??= answering.map((answers, i) => contend(answers, i > 0, choice!, fetched!, dataset.task))
      for (const [i, contender] of contenders.entries()) {
        const [outputs, reference] =
          i === 0
            ? [before, before]
            : await outputsOf(contender.answers, batch, fetched, before, runners[0]!.varying)
        contender.meter.add({
          indices: batch.indices,
          rows,
          outputs,
          labels: batch.labels,
          reference,
          follows: batch.follows,
        })
        contender.fidelity?.add(outputs, reference, rows)
        contender.beside?.add(outputs, reference, rows)
      }
      follows.push(...(batch.follows ?? new Array<boolean>(rows).fill(false)))
      done += rows
      options.progress?.(done, total)
    }
  } finally {
    for (const runner of runners) await runner.release()
  }
  if (!contenders || !choice) throw new PareError('data/empty', { path: dataset.path })
  const where = dataset.kind === 'random' ? ('random' as const) : split.name
  const blocks = blocksOf(follows)
  const results = contenders.map((contender) => conclude(contender, choice, dataset.task, where, blocks))
  const [first, ...rest] = results as [ModelQuality, ...ModelQuality[]]
  for (const result of rest) addAgreement(result, first, dataset.task)
  return { original: first, candidates: rest }
}

/** How long a sample lasts: as it is said, or as long as a sound is. */
export function secondsOf({
  spec,
  preprocessing,
}: Pick<Dataset, 'spec' | 'preprocessing'>): number | undefined {
  if (spec.seconds !== undefined) return spec.seconds
  return preprocessing.kind === 'audio' ? preprocessing.samples / preprocessing.sampleRate : undefined
}

/**
 * The outputs to choose from: the one that the data spec names, or all that it does not call unused. Throws `data/spec`
 * where there is none such.
 */
export function judged(outputs: Values, { spec }: Dataset): Values {
  const known = Object.keys(outputs)
  const name = spec.output ?? spec.unused?.find((one) => !known.includes(one))
  if (name === undefined)
    return Object.fromEntries(Object.entries(outputs).filter(([one]) => !spec.unused?.includes(one)))
  const value = outputs[name]
  if (value) return { [name]: value }
  const reason = `the model has no output “${name}”; it has ${Object.keys(outputs).join(', ')}`
  throw new PareError('data/spec', { reason })
}

/** Starts decoding the next batch before the runtime blocks the thread with this one. */
async function* ahead(batches: AsyncIterable<Batch>): AsyncIterable<Batch> {
  const iterator = batches[Symbol.asyncIterator]()
  let next = iterator.next()
  try {
    for (;;) {
      const { done, value } = await next
      if (done) return
      next = iterator.next()
      // The consumer may throw before this is awaited; its rejection then belongs to nobody.
      next.catch(() => undefined)
      yield value
    }
  } finally {
    await iterator.return?.()
  }
}

/** Answers of a model to batches in order; through clips it carries its own states. */
class Answering {
  private readonly carrier: Carrier

  constructor(
    readonly runner: Runner,
    original: Runner,
  ) {
    this.carrier = new Carrier(runner, original.signature)
  }

  to({ inputs, follows }: Batch, names?: readonly string[]): Promise<Values> {
    return follows ? this.carrier.run(inputs, follows, names) : this.runner.run(inputs, names)
  }
}

function contend(
  answers: Answering,
  candidate: boolean,
  choice: OutputChoice,
  fetched: readonly string[],
  task: Task,
): Contender {
  const beside = fetched.slice(choice.names.length)
  return {
    answers,
    meter: taskOf(task).meter(choice),
    ...(candidate && {
      fidelity: new FidelityMeter(choice.names, task === 'unlabelled' ? choice.classes : 0),
      ...(beside.length > 0 && { beside: new BesideMeter(beside) }),
    }),
  }
}

/** A candidate's outputs, and the original's in the same shapes: outputs may vary in size with the data. */
async function outputsOf(
  answers: Answering,
  batch: Batch,
  names: readonly string[],
  before: Values,
  varying: ReadonlySet<string>,
): Promise<[outputs: Values, reference: Values]> {
  const outputs = await answers.to(batch, names)
  const { runner } = answers
  const reference = { ...before }
  for (const name of names) {
    const [mine, its] = [outputs[name]!, before[name]!]
    if ((varying.has(name) || runner.varying.has(name)) && mine.dims.length === its.dims.length) {
      ;[outputs[name], reference[name]] = aligned(mine, its)
      continue
    }
    const expected = before[name]!.dims.join(', ')
    const got = outputs[name]!.dims.join(', ')
    if (got !== expected)
      throw new PareError('data/shape-mismatch', {
        input: `output ${name}`,
        expected: `[${expected}]`,
        got: `[${got}]`,
      })
  }
  return [outputs, reference]
}

function conclude(
  contender: Contender,
  output: OutputChoice,
  task: Task,
  split: Quality['split'],
  blocks: Blocks | undefined,
): ModelQuality {
  const { quality, samples, reweighted, confusion, notes, ...measured } = contender.meter.result()
  const nonFinite = Math.max(measured.nonFinite, contender.beside?.nonFinite ?? 0)
  const beside = contender.beside?.result()
  return {
    quality: {
      ...quality,
      split,
      task,
      ...(beside && { beside: beside.map(({ output, likeness }) => ({ output, likeness })) }),
      ...(blocks && { interval: overBlocks(quality, reweighted, blocks) }),
    },
    ...(blocks && { blocks }),
    ...(beside && { beside }),
    ...(contender.fidelity && { fidelity: contender.fidelity.fidelity() }),
    samples,
    reweighted,
    confusion,
    nonFinite,
    output,
    notes: nonFinite ? [...notes, nonFiniteNote(nonFinite, quality.samples)] : notes,
  }
}

/** Steps of a clip are no independent samples, whatever the metric takes them for. */
const overBlocks = (
  { samples }: Pick<Quality, 'samples'>,
  reweighted: ModelQuality['reweighted'],
  blocks: Blocks,
): Interval => bootstrap(samples, reweighted, seeded(17), undefined, blocks)

const nonFiniteNote = (bad: number, samples: number): string =>
  `${bad} of ${samples} samples gave NaN or infinite outputs; each counts as a sample the model knows nothing about.`

/** Share of samples with the same answer, where an answer is a class. */
function addAgreement(result: ModelQuality, original: ModelQuality, task: Task): void {
  const { agreement } = result.quality.others
  if (result.fidelity && agreement !== undefined) result.fidelity.agreement = agreement
  const { protects } = taskOf(task)
  if (!result.fidelity || (protects !== 'class' && protects !== 'several')) return
  const { answer } = result.samples
  const same = answer.reduce((n, a, i) => n + (a === original.samples.answer[i] ? 1 : 0), 0)
  result.fidelity.agreement = answer.length ? same / answer.length : 0
}
