/** From a model, data and settings to a trained model: what every pass that learns does first and last. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import type { Task } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import { plural } from '../../contract/format'
import { metricWords } from '../../contract/metric-table'
import { formatMetric } from '../../contract/metrics'
import type { Batch, Dataset, Split } from '../data/dataset'
import type { Random } from '../math/random'
import type { Model } from '../onnx'
import { signatureOf } from '../runtime'
import { augmentationFor } from './augmentation'
import { keepShared, keepZeros, maskedNames } from './constraints'
import { matchingFeatures, otherOutputs } from './feature-pairs'
import type { LossSpec } from './losses'
import { chooseObjective, type Objective } from './objective'
import { Samples } from '../data/sample-store'
import type { LearningSettings, TeacherSettings } from './settings'
import { Teacher } from './teacher'
import { noneOf } from '../layers/left-out'
import { withWeightInitializers } from '../layers/normalize'
import { Parameters, trainableWeights } from './trainable'
import type { Constraint } from './setup'
import { train, type TrainResult } from './trainer'
import { taskOf } from '../tasks'

/** The part of a pass's context that learning needs. */
export interface LearningContext {
  data?: Dataset
  progress(done: number, doing?: string): void
  signal: AbortSignal
  random: Random
  scratch: string
  stopRequested?(): boolean
  timeFor?(seconds: number): number
  point?(at: { epoch: number; loss: number; quality?: number }): void
}

interface LearnOptions {
  /** Pass on whose behalf; named in errors. */
  by: string
  settings: LearningSettings
  /** Uses labels where the data has some. */
  labels: boolean
  /** Updates to aim for where the number of epochs is left open; default 450. */
  updates?: number
  /** Holds outputs that no label says anything of to what it gives; default: the teacher. */
  original?: Model
  teacher?: {
    model: Model
    settings: TeacherSettings
    /** Weight of matching intermediate values of equal name and shape; 0 or absent for none. */
    features?: number
  }
  /** Names among the float32 initializers that learn; default: all weights. */
  trainable?(model: Model): string[]
  constraints?(parameters: Parameters): Constraint[]
  /** Keeps values that many weights share shared; default true. */
  keepShared?: boolean
}

export interface Learned {
  model: Model
  result: TrainResult
  /** Plain sentences: labels were missing, the training split was small, … */
  notes: string[]
}

/** Below this many samples nothing is held out: too few to judge by. */
const LEAST_HELD_OUT = 16
/** Below this many training samples the calibration samples are learned from too. */
const LEAST_TRAINING = 8

function splitFor(
  data: Dataset | undefined,
  taught: boolean,
  by: string,
  notes: string[],
): { data: Dataset; split: Split } {
  if (!data) throw new PareError('data/split-missing', { split: 'training', by })
  const { training, calibration } = data.splits
  if (training.length >= LEAST_TRAINING) return { data, split: training }
  if (taught && calibration.length > training.length) {
    notes.push(
      `There are ${training.length} training samples, so the original was imitated on the ${calibration.length} calibration samples.`,
    )
    return { data, split: calibration }
  }
  if (training.length === 0) throw new PareError('data/split-missing', { split: 'training', by })
  return { data, split: training }
}

const ONE_CLASS = 'all training samples are of one class'
const NO_LABELS = 'the data has no labels'

function unlearnable(trouble: string, { labels }: Batch, by: string): PareError {
  if (!labels) return new PareError('data/labels-missing', { by })
  if (trouble === ONE_CLASS) return new PareError('data/one-class', { by })
  return new PareError('model/nothing-to-do', { by, reason: trouble })
}

/** How labels can be used: a reason not to, or undefined. Throws where a label names no class. */
async function labelTrouble(samples: Samples, objective: Objective, task: Task): Promise<string | undefined> {
  if (task === 'unlabelled') return NO_LABELS
  if (objective.trouble !== undefined) return objective.trouble
  if (!taskOf(task).loss.labels && !objective.structured)
    return `labels of ${task} are no loss that can be learned here`
  const seen = new Set<number>()
  const isClass = taskOf(task).protects === 'class'
  const all = Array.from({ length: samples.count }, (_, i) => i)
  // Of two classes told by one score.
  const classes = isClass && objective.kind === 'binary-cross-entropy' ? 2 : objective.classes
  for await (const { labels } of samples.batches(all, 256)) {
    if (!labels) return NO_LABELS
    if ((objective.kind !== 'cross-entropy' && !isClass) || objective.structured) return undefined
    for (const label of labels.data as BigInt64Array) {
      const value = Number(label)
      if (value === -100 && !isClass) continue
      if (!(value >= 0 && value < classes))
        throw new PareError('data/labels-out-of-range', { label: String(value), classes })
      seen.add(value)
    }
  }
  return seen.size < 2 && isClass ? ONE_CLASS : undefined
}

/** Updates that a training without a given number of epochs aims for, and the epochs it is kept between at an effort of 1. */
const ENOUGH_UPDATES = 450
const FEWEST_EPOCHS = 2
const MOST_EPOCHS = 30

function withEpochs(settings: LearningSettings, samples: number, updates: number): LearningSettings {
  const { effort, epochs, patience, batchSize } = settings
  const needed = Math.round(updates / Math.ceil(samples / batchSize))
  const usual = epochs > 0 ? epochs : Math.min(MOST_EPOCHS, Math.max(FEWEST_EPOCHS, needed))
  const times = (count: number): number => Math.max(1, Math.round(count * effort))
  return { ...settings, epochs: times(usual), patience: times(patience) }
}

export async function firstBatch(samples: Samples, size: number): Promise<Batch> {
  const indices = Array.from({ length: size }, (_, i) => i % samples.count)
  for await (const batch of samples.batches(indices, size)) return batch
  throw new RangeError('no samples')
}

function keyOf(parameters: Parameters, about: unknown): string {
  const hash = createHash('sha256').update(JSON.stringify(about))
  hash.update(
    new Uint8Array(parameters.values.buffer, parameters.values.byteOffset, parameters.values.byteLength),
  )
  return hash.digest('hex')
}

/**
 * Trains `model`. Throws `data/split-missing`, `data/labels-missing`, `data/one-class`,
 * `data/labels-out-of-range`, `data/shape-mismatch`, `model/nothing-to-do`, `model/unsupported-op`,
 * `model/non-finite` where not even the first steps were finite, `cancelled`.
 */
export async function learn(
  source: Model,
  context: LearningContext,
  options: LearnOptions,
): Promise<Learned> {
  const { by, teacher: taughtBy } = options
  const notes: string[] = []
  const { model } = withWeightInitializers(source)
  const { data, split } = splitFor(context.data, taughtBy !== undefined, by, notes)
  context.progress(0, 'reading training samples')
  fs.mkdirSync(context.scratch, { recursive: true })
  const samples = await Samples.open(split, context.signal, data.path)
  const settings = withEpochs(options.settings, samples.count, options.updates ?? ENOUGH_UPDATES)
  const micro = signatureOf(model).batch ?? Math.min(settings.microBatch, settings.batchSize)
  const first = await firstBatch(samples, micro)
  const example = taughtBy?.model ?? options.original
  const objective = await chooseObjective(model, data, first, example)
  const trouble =
    (await labelTrouble(samples, objective, data.task)) ?? (taughtBy ? objective.doubt : undefined)
  if (trouble && !taughtBy) throw objective.cause ?? unlearnable(trouble, first, by)
  const hard = options.labels && !trouble && !(taughtBy && taughtBy.settings.teacherShare === 1)
  if (trouble && options.labels) notes.push(`Only the original was learned from, as ${trouble}.`)
  const soft = taughtBy !== undefined && (taughtBy.settings.teacherShare > 0 || !hard)
  const features = taughtBy?.features
    ? await matchingFeatures(model, taughtBy.model, first.inputs, taughtBy.features, [objective.value])
    : []
  const names = options.trainable?.(model) ?? trainableWeights(model.graph)
  if (names.length === 0)
    throw new PareError('model/nothing-to-do', {
      by,
      reason: noneOf(model.graph, 'float32 weights that can learn'),
    })
  if (example) {
    // What labels say of an output is not to be held back by what the original says of it.
    const learned = hard && !taughtBy ? (objective.structured?.choice.names ?? []) : []
    const left = [...(data.spec.unused ?? []), ...learned]
    const others = await otherOutputs(model, example, first.inputs, objective, names, left)
    features.push(...others.pairs)
    if (others.left.length > 0)
      notes.push(`Nothing was learned for ${others.left.join(', ')}: no gradient comes back from there.`)
  }
  const spec: LossSpec = {
    kind: objective.kind,
    value: objective.value,
    classAxis: objective.classAxis,
    hard,
    soft,
    ...(taughtBy && { compared: taughtBy.settings.compared }),
    features: features.map((pair) => ({ value: pair.student, weight: pair.weight })),
    ...(objective.structured && { structured: objective.structured }),
  }
  let teacher: Teacher | undefined
  try {
    if (soft || features.length > 0)
      teacher = await openTeacher(example!, data, objective, first, features, micro)
    const parameters = Parameters.of(model, names)
    const shared = options.keepShared === false ? { names: [] } : keepShared(parameters)
    const zeros = keepZeros(parameters, maskedNames(model))
    const own = options.constraints?.(parameters) ?? []
    const constraints = [shared.constraint, zeros, ...own].filter((c): c is Constraint => c !== undefined)
    const all = Array.from({ length: samples.count }, (_, i) => i)
    const validation = await validationSamples(data, split, settings.heldOut, context.signal)
    const order = context.random.fork('held out').shuffle(all)
    const held = validation ? 0 : Math.floor(settings.heldOut * samples.count)
    const apart = held >= LEAST_HELD_OUT ? held : 0
    if (apart === 0 && !validation)
      notes.push('Too few training samples to hold some out: the last epoch was kept.')
    // An augmented sample keeps its classes; other labels would have to be augmented with it.
    const labelsHold = !hard || taskOf(data.task).loss.augmentable === true
    const augment = labelsHold ? augmentationFor(first, data, settings.augmentation) : undefined
    const result = await train({
      model,
      spec,
      task: data.task,
      parameters,
      samples,
      training: order.slice(apart).sort((a, b) => a - b),
      validation: validation ?? { indices: order.slice(0, apart) },
      micro,
      settings,
      loss: { alpha: taughtBy?.settings.teacherShare ?? 0, temperature: taughtBy?.settings.temperature ?? 1 },
      mixup: taughtBy?.settings.mixup,
      augment,
      teacher,
      classes: data.classes,
      constraints,
      random: context.random.fork('training'),
      key: keyOf(parameters, { by, settings, spec, teacher: taughtBy?.settings, data: data.path }),
      scratch: context.scratch,
      progress: (done, doing) => context.progress(done, doing),
      stopRequested: () => context.stopRequested?.() ?? false,
      timeFor: (seconds) => context.timeFor?.(seconds) ?? 1,
      point: (at) => context.point?.(at),
    })
    notes.push(...endingNotes(result, settings))
    return { model: result.parameters.intoModel(model), result, notes }
  } finally {
    await teacher?.release()
  }
}

/** Fewest calibration samples to judge epochs by, and most. */
const LEAST_VALIDATION = 64
const MOST_VALIDATION = 2048

/**
 * Calibration samples judge the epochs where there are enough: the original may have been trained on the
 * training samples, and is then too sure of them to tell a good student from one that learned them by heart.
 */
async function validationSamples(
  data: Dataset,
  split: Split,
  share: number,
  signal: AbortSignal,
): Promise<{ samples: Samples; indices: number[] } | undefined> {
  const { calibration } = data.splits
  if (
    share === 0 ||
    split === calibration ||
    calibration.origin === 'shared' ||
    calibration.length < LEAST_VALIDATION
  )
    return undefined
  const samples = await Samples.open(calibration, signal, data.path)
  return { samples, indices: Array.from({ length: Math.min(MOST_VALIDATION, samples.count) }, (_, i) => i) }
}

async function openTeacher(
  model: Model,
  data: Dataset,
  student: Objective,
  first: Batch,
  features: readonly { teacher: string }[],
  micro: number,
): Promise<Teacher> {
  const objective = await chooseObjective(model, data, first)
  if (objective.dims.join() !== student.dims.join())
    throw new PareError('data/shape-mismatch', {
      input: `output ${student.value} of the student`,
      expected: `[${objective.dims.join(', ')}], as the teacher gives`,
      got: `[${student.dims.join(', ')}]`,
    })
  return Teacher.open(
    model,
    [objective.value, ...features.map((pair) => pair.teacher)],
    signatureOf(model).batch ?? micro,
  )
}

function endingNotes(result: TrainResult, { epochs }: LearningSettings): string[] {
  if (result.ending === 'diverged')
    return [
      'Training diverged: the loss was no number any more. The best weights before that were kept; try a smaller learning rate.',
    ]
  if (result.ending === 'asked')
    return [`Stopped on request after ${result.epochs} epochs; the best weights so far were kept.`]
  if (result.ending === 'early')
    return [`Stopped after ${result.epochs} epochs, as the held-out samples no longer improved.`]
  if (result.shortened) return [`There was no time for ${epochs} epochs: the schedule was made as short.`]
  return []
}

/** What a pass answers of its training: `what` was done opens the summary, notes end it. */
export const trainingAnswer = (learned: Learned, what: string, notes: readonly string[] = []) => ({
  model: learned.model,
  summary: [`${what}${describeTraining(learned)}.`, ...notes, ...learned.notes].join(' '),
  curve: learned.result.curve,
})

/** One sentence of what training did, for summaries. */
function describeTraining({ result }: Learned): string {
  const { before, best, bestEpoch, epochs, rate } = result
  const metric = best?.metric ?? 'loss'
  const [was, is] = [before, best].map((held) => held && (held.quality ?? held.loss))
  const quality =
    was === undefined || is === undefined
      ? ''
      : `; ${metricWords(metric).said} on held-out samples ${formatMetric(metric, was)} → ${formatMetric(metric, is)}`
  if (epochs === 0) return 'nothing learned in the whole network'
  return `${plural(epochs, 'epoch')} at learning rate ${Number(rate.toPrecision(2))}, best after ${bestEpoch}${quality}`
}
