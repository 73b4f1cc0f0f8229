/** Runs micro-batches through training graphs for their loss and gradients. */
import type { Batch } from '../data/dataset'
import { sizeOf, type Model } from '../onnx'
import {
  feedOf,
  float32,
  floatsOf,
  int64,
  openSession,
  pickRows,
  signatureOf,
  type Session,
  type Signature,
  type Value,
  type Values,
} from '../runtime'
import type { StructuredMeasure } from '../tasks'
import { buildTrainingGraph, type TrainingGraph } from './graph'
import type { LossSpec } from './losses'
import { tell, toldFeeds } from './structured'
import type { Parameters } from './trainable'

/** A micro-batch with all a loss may want of it. */
export interface Example {
  batch: Batch
  /** What a structured loss says of the outputs, for as many samples as a run takes. */
  told?: StructuredMeasure
  /** The teacher's values for `LossSpec.value`, then for each feature; absent without a teacher. */
  teacher?: readonly Value[]
}

export interface LossSettings {
  /** Share of the teacher in the loss, 0 … 1. */
  alpha: number
  temperature: number
}

/** Labels below zero do not count, as language models mark padding. */
const counts = (label: bigint): boolean => label >= 0n

/** Rows (tokens, pixels) of each sample in the loss; 1 where a sample is one row. */
function rowsOfSample({ kind, classAxis, structured }: LossSpec, { batch, teacher }: Example): number {
  if (kind !== 'cross-entropy' || structured) return 1
  const samples = Math.max(1, batch.indices.length)
  const [logits] = teacher ?? []
  if (logits) return sizeOf(logits.dims) / logits.dims.at(classAxis ?? -1)! / samples
  return batch.labels ? sizeOf(batch.labels.dims) / samples : 1
}

/**
 * Which rows of a batch count in the loss, 1 or 0 each: with labels those that have one, else those that a mask among the
 * inputs keeps. A teacher says something of padding as well, and it is not to be learned.
 */
function countedOf({ hard }: LossSpec, { labels, inputs, indices }: Batch, perSample: number): Uint8Array {
  const rows = indices.length * perSample
  const all = new Uint8Array(rows).fill(1)
  if (perSample === 1 && !hard) return all
  if (labels?.data instanceof BigInt64Array && labels.data.length === rows) {
    const counted = Uint8Array.from(labels.data, (label) => Number(counts(label)))
    // Without labels that say anything the teacher is asked about everything.
    if (hard || counted.includes(1)) return counted
  }
  const mask = Object.entries(inputs).find(([name, { dims }]) => /mask/i.test(name) && sizeOf(dims) === rows)
  return mask ? Uint8Array.from(floatsOf(mask[1]), (kept) => Number(kept > 0)) : all
}

/** How many rows (samples, tokens, pixels) of a batch count in the loss. */
export const countedRows = (spec: LossSpec, example: Example): number =>
  spec.kind === 'cross-entropy' && !spec.structured
    ? countedOf(spec, example.batch, rowsOfSample(spec, example)).reduce((sum, one) => sum + one, 0)
    : example.batch.indices.length

const padTo = (value: Value, rows: number): Value => {
  const have = value.dims[0] ?? 0
  if (have === rows) return value
  return pickRows(
    value,
    Array.from({ length: rows }, (_, i) => Math.min(i, have - 1)),
  )
}

interface Compiled {
  graph: TrainingGraph
  session: Session
  /** Gives the values that labels are held against, where their loss is told beside the graph. */
  before?: { graph: TrainingGraph; session: Session }
  /** Output with the gradient of a weight. */
  gradientOf: ReadonlyMap<string, string>
}

interface StepRunnerOptions {
  model: Model
  spec: LossSpec
  trainable: readonly string[]
  /** Samples a run takes; smaller batches are filled up with rows that count nothing. */
  micro: number
  threads?: number
}

/** Sessions kept for different input lengths before the oldest is let go. */
const MAX_SHAPES = 4

export class StepRunner {
  private readonly compiled = new Map<string, Compiled>()

  private readonly signature: Signature

  constructor(private readonly options: StepRunnerOptions) {
    this.signature = signatureOf(options.model)
  }

  private async compile(inputs: Values): Promise<Compiled> {
    const key = Object.entries(inputs)
      .map(([name, value]) => `${name}[${value.dims.join()}]`)
      .join()
    const found = this.compiled.get(key)
    if (found) return found
    const { model, spec, trainable, threads } = this.options
    const graph = await buildTrainingGraph(model, { feeds: inputs, trainable, loss: spec })
    // Without a memory pattern ONNX Runtime frees as it goes, which the order of the graph relies on.
    const open = (built: TrainingGraph): Promise<Session> =>
      openSession(built.model, { memoryPattern: false, ...(threads && { threads }) })
    const session = await open(graph)
    const forward =
      spec.hard && spec.structured
        ? await buildTrainingGraph(model, { feeds: inputs, trainable, loss: spec, backward: false })
        : undefined
    const [oldest] = this.compiled
    if (oldest && this.compiled.size >= MAX_SHAPES) {
      this.compiled.delete(oldest[0])
      await released(oldest[1])
    }
    const gradientOf = new Map(graph.weights.map((name, i) => [name, graph.gradients[i]!]))
    const before = forward && { graph: forward, session: await open(forward) }
    const compiled = { graph, session, gradientOf, ...(before && { before }) }
    this.compiled.set(key, compiled)
    return compiled
  }

  /** Weights that have a gradient for inputs like these. */
  async weightsFor(batch: Batch): Promise<string[]> {
    return (await this.compile(this.padded(batch.inputs))).graph.weights
  }

  private padded(inputs: Values): Values {
    return feedOf(this.signature, inputs, { size: this.options.micro })
  }

  /**
   * Writes this micro-batch's share of the gradients over `into`, flat like the parameters, zero for weights the
   * loss does not reach; gives its share of the loss. `share` is 1 / rows of the whole batch.
   */
  async gradients(
    example: Example,
    share: number,
    parameters: Parameters,
    into: Float32Array,
    settings: LossSettings,
  ): Promise<number> {
    const inputs = this.padded(example.batch.inputs)
    const { graph, session, gradientOf, before } = await this.compile(inputs)
    // A teacher that has the whole loss leaves nothing to ask of labels.
    const told =
      before && settings.alpha < 1 ? await this.told(before, inputs, example, parameters) : undefined
    const full = told ? { ...example, told } : example
    const feeds: Values = { ...inputs, ...lossFeeds(graph, this.options, full, share, settings) }
    const loss = new Float32Array(1)
    const fetches: Values = { [graph.ports.loss]: float32([], loss) }
    parameters.names.forEach((name, i) => {
      const dims = parameters.dims[i]!
      feeds[name] = float32(dims, parameters.view(i))
      const output = gradientOf.get(name)
      if (output) fetches[output] = float32(dims, parameters.view(i, into))
      else parameters.view(i, into).fill(0)
    })
    await session.run(feeds, fetches)
    return loss[0]!
  }

  private async told(
    { graph, session }: NonNullable<Compiled['before']>,
    inputs: Values,
    example: Example,
    parameters: Parameters,
  ): Promise<StructuredMeasure | undefined> {
    const { spec } = this.options
    const feeds: Values = {
      ...inputs,
      ...lossFeeds(graph, this.options, example, 0, { alpha: 0, temperature: 1 }),
      ...parameters.fed(graph.weights),
    }
    return tell(spec, await session.run(feeds, [...new Set(spec.structured!.values)]), example.batch.labels)
  }

  async release(): Promise<void> {
    for (const one of this.compiled.values()) await released(one)
    this.compiled.clear()
  }
}

async function released({ session, before }: Compiled): Promise<void> {
  await session.release()
  await before?.session.release()
}

/** Of each `width` numbers. */
function sumsOf(values: Float32Array, width: number): Float32Array {
  const sums = new Float32Array(values.length / width)
  values.forEach((value, i) => (sums[Math.floor(i / width)]! += value))
  return sums
}

/** What the loss part of a graph is fed. */
export function lossFeeds(
  graph: { ports: TrainingGraph['ports'] },
  options: { spec: LossSpec; micro: number },
  { batch, teacher, told }: Example,
  share: number,
  settings: LossSettings,
): Values {
  const { ports } = graph
  const { spec, micro } = options
  const rows = batch.indices.length
  const perSample = ports.rowCount / micro
  const weights = new Float32Array(ports.rowCount)
  if (spec.structured) weights.fill(share / perSample, 0, rows * perSample)
  else if (spec.kind === 'cross-entropy')
    countedOf(spec, batch, perSample).forEach((counted, row) => (weights[row] = counted * share))
  else weights.fill(share, 0, rows * perSample)
  const feeds: Values = {}
  if (ports.told) Object.assign(feeds, toldFeeds(ports.told, spec.structured!, told, share, settings.alpha))
  if (ports.labels && batch.labels) {
    const labels = padTo(batch.labels, micro)
    if (spec.kind === 'cross-entropy') {
      const classes = BigInt64Array.from(labels.data as BigInt64Array, (label) =>
        counts(label) ? label : 0n,
      )
      feeds[ports.labels] = int64([ports.rowCount], classes)
    } else {
      const values = floatsOf(labels)
      feeds[ports.labels] = float32([ports.rowCount, values.length / ports.rowCount], values)
    }
  }
  feeds[ports.rows] = float32([ports.rowCount], weights)
  if (ports.teacher) feeds[ports.teacher] = padTo(teacher![0]!, micro)
  if (ports.alpha) feeds[ports.alpha] = float32([], Float32Array.of(settings.alpha))
  if (ports.temperature) feeds[ports.temperature] = float32([], Float32Array.of(settings.temperature))
  if (ports.samples) feeds[ports.samples] = float32([micro], sumsOf(weights, perSample))
  ports.features.forEach((name, i) => (feeds[name] = padTo(teacher![i + 1]!, micro)))
  return feeds
}
