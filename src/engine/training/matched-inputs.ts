/**
 * Inputs made to match what a model's BatchNormalization layers learned, for calibration without data: noise is changed by
 * gradients until what reaches each of these layers has the mean and deviation, channel by channel, that it had in training.
 * Source: arXiv:2001.00281 (ZeroQ), section 3.1; distances are in units of each channel's deviation.
 */
import { PareError, type ErrorCode } from '../../contract/errors'
import { learnedStatistics, type Learned } from '../data/witness'
import { withWeightInitializers } from '../layers/normalize'
import { seeded } from '../math/random'
import { sizeOf, Tensor, type Model } from '../onnx'
import {
  concatRows,
  float32,
  openSession,
  shapesAt,
  signatureOf,
  traceShapes,
  workingFeeds,
  workOf,
  type Session,
  type Values,
} from '../runtime'
import { Tape } from './gradients'
import { range } from './gradients/tape'
import { buildTrainingGraph, type TrainingGraph } from './graph'
import { createOptimizer, rateAt } from './optimizer'
import { Parameters } from './trainable'

interface MatchedInputs {
  /** BatchNormalization layers they were matched to. */
  layers: number
  samples: number
  /** By input, samples on the first axis; the same numbers each time on one machine. Takes STEPS runs forth and back. */
  make(): Promise<Values>
}

const STEPS = 60
const MOST = 32
const LEAST = 8
/** Multiply-accumulates of all steps together, forth and back: some ten seconds of one core, or twenty where kernels are small. */
const AFFORDABLE = 1e11
/** Of the input's own scale; the optimizer begins anew with each, for it remembers how steep it was at first. */
const RATES = [0.6, 0.2, 0.05]
/** Powers of four between which the scale of the input is looked for: from numbers of 1/64 to those of bytes. */
const SCALES = range(8).map((i) => 4 ** (i - 3))
/** Inputs of more channels have one scale for all: each is looked for by some runs. */
const CHANNELS = 16
/** How often a channel's own scale may be four times larger or smaller. */
const FURTHER = 12
const EPSILON = 1e-12
const UNFIT: readonly ErrorCode[] = ['model/unsupported-op', 'model/nothing-to-do', 'model/opset-too-old']

/**
 * Undefined where nothing can be matched: no layer that learned statistics, inputs that are no samples of float32, or an
 * operator without a gradient. Throws `model/not-loadable`, `model/no-working-input`.
 */
export async function matchedInputs(original: Model, seed = 0): Promise<MatchedInputs | undefined> {
  const { model } = withWeightInitializers(original)
  const learned = learnedStatistics(model)
  const { inputs, batch } = signatureOf(model)
  const isOpen = inputs.every(
    ({ dtype, edge, batchAxis, state }) =>
      dtype === 'float32' && edge === undefined && batchAxis === 0 && state === undefined,
  )
  if (learned.length === 0 || inputs.length === 0 || !isOpen) return undefined
  const one = await workingFeeds(model, { seed })
  const work = workOf(model, await traceShapes(model, { feeds: one })) / (batch ?? 1)
  const samples = Math.min(MOST, Math.max(LEAST, Math.floor(AFFORDABLE / (3 * STEPS * work))))
  const feeds = await workingFeeds(model, { batch: batch ?? samples, seed })
  const graph = await statisticsGraph(model, learned, feeds)
  if (!graph) return undefined
  const names = inputs.map(({ name }) => name)
  const rows = feeds[names[0]!]!.dims[0]!
  const rounds = Math.max(1, Math.ceil(samples / rows))
  return {
    layers: learned.length,
    samples: rounds * rows,
    async make() {
      const session = await openSession(graph.model, { memoryPattern: false })
      try {
        const made: Values[] = []
        let scales: Float32Array | undefined
        for (const round of range(rounds)) {
          const next = await matched(session, graph, feeds, seed + round, scales)
          made.push(next.values)
          scales = next.scales
        }
        return Object.fromEntries(
          names.map((name) => [name, concatRows(made.map((values) => values[name]!))]),
        )
      } finally {
        await session.release()
      }
    },
  }
}

/** The model with its inputs as weights that learn, and how far each layer's statistics are off as what is learned. */
async function statisticsGraph(
  model: Model,
  learned: readonly Learned[],
  feeds: Values,
): Promise<TrainingGraph | undefined> {
  const { graph } = model
  for (const [name, { dims, data }] of Object.entries(feeds))
    graph.initializers.set(name, Tensor.float32(dims, data as Float32Array))
  graph.inputs = graph.inputs.filter(({ name }) => !(name in feeds))
  const shapes = await shapesAt(
    model,
    learned.map(({ value }) => value),
    {},
  )
  const tape = new Tape(graph, model.opset, new Map(), new Set())
  const parts = learned.flatMap(({ value, mean, variance }) => {
    const channels = mean.length
    const axes = range(shapes.get(value)!.dims.length).filter((axis) => axis !== 1)
    // All layers count alike, however many channels they have.
    const weight = Math.sqrt(channels)
    const unit = tape.floats(
      [1, channels],
      variance.map((v) => 1 / (weight * Math.sqrt(v))),
    )
    const inUnits = (is: string): string => tape.mul(tape.reshape(is, [1, channels]), unit)
    const average = tape.reduceMean(value, axes)
    const apart = tape.sub(value, average)
    const spread = tape.op('Sqrt', [
      tape.add(tape.reduceMean(tape.mul(apart, apart), axes), tape.scalar(EPSILON)),
    ])
    const wanted = tape.floats(
      [1, channels],
      mean.map((m, c) => m / (weight * Math.sqrt(variance[c]!))),
    )
    return [tape.sub(inUnits(average), wanted), tape.sub(inUnits(spread), tape.scalar(1 / weight))]
  })
  const value = tape.op('Concat', parts, { axis: { int: 1 } })
  graph.nodes.push(...tape.nodes)
  graph.outputs = [{ name: value, dtype: 'float32' }]
  try {
    return await buildTrainingGraph(model, {
      feeds: {},
      trainable: Object.keys(feeds),
      loss: { kind: 'squared-error', value, hard: true, soft: false },
    })
  } catch (cause) {
    if (cause instanceof PareError && UNFIT.includes(cause.data.code)) return undefined
    throw cause
  }
}

/** One batch, and the scale of each of its elements: looked for where it is not known from another batch. */
async function matched(
  session: Session,
  { weights, gradients, ports, model }: TrainingGraph,
  feeds: Values,
  seed: number,
  known?: Float32Array,
): Promise<{ values: Values; scales: Float32Array }> {
  const inputs = new Parameters(
    weights,
    weights.map((name) => feeds[name]!.dims),
  )
  const slope = new Float32Array(inputs.values.length)
  const target = model.graph.inputs.find(({ name }) => name === ports.labels)!.dims as number[]
  const run = async (): Promise<number> => {
    const loss = new Float32Array(1)
    const fetches: Values = { [ports.loss]: float32([], loss) }
    const fed: Values = {
      [ports.rows]: float32([1], Float32Array.of(1)),
      [ports.labels!]: float32(target, new Float32Array(target[0]! * target[1]!)),
    }
    weights.forEach((name, i) => {
      fed[name] = float32(inputs.dims[i]!, inputs.view(i))
      fetches[gradients[i]!] = float32(inputs.dims[i]!, inputs.view(i, slope))
    })
    await session.run(fed, fetches)
    return loss[0]!
  }
  const random = seeded(seed)
  // What learns is in units of each channel's scale, so that one rate fits all.
  const units = Float32Array.from(inputs.values, () => random.normal())
  const channels = weights.flatMap((_, i) => channelsOf(inputs.dims[i]!, inputs.view(i).byteOffset / 4))
  // A mean by chance would look like the one that is wanted, the more the larger the scale.
  for (const isOwn of channels) centre(units, isOwn)
  const scales = known ?? new Float32Array(units.length)
  const place = (): void => units.forEach((v, i) => (inputs.values[i] = scales[i]! * v))
  const lossAt = async (each: (i: number) => number): Promise<{ loss: number; scales: Float32Array }> => {
    const before = scales.slice()
    scales.forEach((_, i) => (scales[i] = each(i)))
    place()
    const found = { loss: await run(), scales: scales.slice() }
    scales.set(before)
    return found
  }
  const find = async (): Promise<void> => {
    let best = await lossAt(() => SCALES[0]!)
    const better = async (each: (i: number) => number): Promise<boolean> => {
      const next = await lossAt(each)
      const isBetter = next.loss < best.loss
      if (isBetter) best = next
      return isBetter
    }
    for (const scale of SCALES.slice(1)) await better(() => scale)
    for (const isOwn of channels.length > 1 ? channels : [])
      for (const factor of [4, 1 / 4]) {
        const further = (): Promise<boolean> => {
          const { scales: from } = best
          return better((i) => from[i]! * (isOwn(i) ? factor : 1))
        }
        let taken = 0
        while (taken < FURTHER && (await further())) taken++
        if (taken > 0) break
      }
    scales.set(best.scales)
  }
  if (!known) await find()
  const all = [{ from: 0, to: inputs.values.length, decays: false }]
  for (const rate of RATES) {
    const optimizer = createOptimizer('adamw', inputs.values.length, { weightDecay: 0, momentum: 0.9 })
    for (const step of range(STEPS / RATES.length)) {
      place()
      await run()
      slope.forEach((v, i) => (slope[i] = scales[i]! * v))
      optimizer.step(units, slope, rateAt(step, STEPS / RATES.length, rate, 0), all)
    }
  }
  place()
  const values = weights.map((name, i) => [name, float32(inputs.dims[i]!, inputs.view(i).slice())])
  return { values: Object.fromEntries(values), scales }
}

/** Whether an element of all inputs, laid behind each other, belongs to a channel of this one: of the second axis, or of the last where the second is long. */
function channelsOf(dims: readonly number[], from: number): ((i: number) => boolean)[] {
  const axis = dims.findIndex(
    (dim, at) => (at === 1 || (at > 1 && at === dims.length - 1)) && dim <= CHANNELS,
  )
  const [count, inner] = axis < 0 ? [1, 1] : [dims[axis]!, sizeOf(dims.slice(axis + 1))]
  const end = from + sizeOf(dims)
  return range(count).map((c) => (i) => i >= from && i < end && Math.floor((i - from) / inner) % count === c)
}

function centre(values: Float32Array, isOwn: (i: number) => boolean): void {
  const own = [...values.keys()].filter(isOwn)
  const mean = own.reduce((sum, i) => sum + values[i]!, 0) / own.length
  for (const i of own) values[i]! -= mean
}
