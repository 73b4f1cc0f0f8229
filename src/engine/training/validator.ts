/** Loss and quality on samples kept out of the training, with the current weights. */
import type { Task } from '../../contract/dataset'
import type { Batch } from '../data/dataset'
import type { Random } from '../math/random'
import { taskOf, type Meter, type OutputChoice } from '../tasks'
import type { Model } from '../onnx'
import { feedOf, openSession, signatureOf, sliceRows, type Session, type Value } from '../runtime'
import type { Augment } from './augmentation'
import { buildTrainingGraph, type TrainingGraph } from './graph'
import type { LossSpec } from './losses'
import type { Samples } from '../data/sample-store'
import { countedRows, lossFeeds, type LossSettings } from './step'
import { answersIn, tell, toldLoss } from './structured'
import type { Teacher } from './teacher'
import type { Parameters } from './trainable'

export interface Validation {
  loss: number
  /** The task's main metric; absent where there is nothing to compare with. */
  quality?: number
  metric?: string
  higherIsBetter: boolean
}

interface ValidatorOptions {
  model: Model
  spec: LossSpec
  trainable: readonly string[]
  samples: Samples
  /** Lets the teacher keep what it said. */
  remember: boolean
  indices: readonly number[]
  micro: number
  task: Task
  teacher?: Teacher
  classes?: readonly string[]
  settings: LossSettings
  /** Augmented samples count in the loss beside the samples themselves: the same ones each time, from `random`. */
  augment?: Augment
  random?: Random
  threads?: number
}

/** Few samples judge poorly: each has as many augmented copies as bring this many, at least one, and at most so many. */
const ENOUGH_SAMPLES = 512
const MOST_COPIES = 4

/** What a teacher says of held-out samples is kept up to this many bytes: they are the same each time. */
const KEEP_BYTES = 128 * 2 ** 20

export class Validator {
  private compiled: { key: string; graph: TrainingGraph; session: Session } | undefined
  private readonly teacherLogits: Value[][] = []
  private teacherLogitsBytes = 0

  constructor(private readonly options: ValidatorOptions) {}

  private async compile(inputs: Record<string, Value>): Promise<{ graph: TrainingGraph; session: Session }> {
    const key = JSON.stringify(Object.values(inputs).map((value) => value.dims))
    if (this.compiled?.key === key) return this.compiled
    await this.release()
    const { model, spec, trainable, threads } = this.options
    const graph = await buildTrainingGraph(model, { feeds: inputs, trainable, loss: spec, backward: false })
    // Threads that spin between epochs would take cores from the session that trains.
    const session = await openSession(graph.model, { spinning: false, ...(threads && { threads }) })
    this.compiled = { key, graph, session }
    return this.compiled
  }

  async measure(parameters: Parameters): Promise<Validation> {
    const { remember, micro, task, teacher, spec, settings, classes } = this.options
    const signature = signatureOf(this.options.model)
    let shown = 0
    let sum = 0
    let rows = 0
    let choice: OutputChoice | undefined
    let meter: Meter | undefined
    for await (const { batch, augmented } of this.shown()) {
      const inputs = feedOf(signature, batch.inputs, { size: micro })
      const { graph, session } = await this.compile(inputs)
      const logits = teacher && (await this.logitsOf(batch, shown++, remember && !augmented))
      const example = { batch, ...(logits && { teacher: logits }) }
      const feeds = {
        ...inputs,
        ...lossFeeds(graph, { spec, micro }, example, 1, settings),
      }
      const outputs = await session.run({ ...feeds, ...parameters.fed(graph.weights) })
      const told = tell(spec, outputs, batch.labels)
      sum += (outputs[graph.ports.loss]!.data as Float32Array)[0]!
      if (told) sum += toldLoss(told, 1, settings.alpha)
      rows += countedRows(spec, example)
      if (augmented) continue
      const count = batch.indices.length
      const labels = batch.labels
      const { structured, value } = spec
      const given = structured ? answersIn(structured, outputs) : { [value]: outputs[value]! }
      const answer = Object.fromEntries(
        Object.entries(given).map(([name, whole]) => [name, sliceRows(whole, 0, count)]),
      )
      const reference = logits ? { [structured?.choice.names[0] ?? value]: logits[0]! } : answer
      if (!labels && !logits) continue
      const isJudged = labels && (taskOf(task).loss.labels ?? structured)
      const family = taskOf(isJudged ? task : 'unlabelled')
      if (isJudged) choice ??= structured?.choice
      choice ??= family.choose(reference, {
        rows: count,
        ...(classes && { classes }),
        ...(labels && { labels }),
      })
      meter ??= family.meter(choice)
      meter.add({
        indices: batch.indices,
        rows: count,
        outputs: answer,
        ...(labels && { labels }),
        reference,
      })
    }
    const measured = meter?.result().quality
    return {
      loss: sum / Math.max(1, rows),
      ...(measured && { quality: measured.value, metric: measured.metric }),
      higherIsBetter: measured?.higherIsBetter ?? true,
    }
  }

  /** What the teacher says of the batch shown as number `at`. `remember` leaves it to the teacher to know. */
  private async logitsOf(batch: Batch, at: number, remember: boolean): Promise<Value[]> {
    const teacher = this.options.teacher!
    const known = this.teacherLogits[at]
    if (remember || known) return known ?? teacher.valuesFor(batch)
    const values = await teacher.valuesFor(batch, false)
    this.teacherLogitsBytes += values.reduce((n, { data }) => n + (data as Float32Array).byteLength, 0)
    if (this.teacherLogitsBytes <= KEEP_BYTES) this.teacherLogits[at] = values
    return values
  }

  /** Each batch, then its augmented copies: of one length, so that one graph serves them. */
  private async *shown(): AsyncIterable<{ batch: Batch; augmented: boolean }> {
    const { samples, indices, micro, augment, random } = this.options
    const copies = augment && random ? Math.min(MOST_COPIES, Math.ceil(ENOUGH_SAMPLES / indices.length)) : 0
    const drawn = Array.from({ length: copies }, (_, copy) => random!.fork(`copy ${copy}`))
    for await (const batch of samples.batches(indices, micro)) {
      yield { batch, augmented: false }
      for (const own of drawn) yield { batch: augment!(batch, own), augmented: true }
    }
  }

  async release(): Promise<void> {
    await this.compiled?.session.release()
    this.compiled = undefined
  }
}
