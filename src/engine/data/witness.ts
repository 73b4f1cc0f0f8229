/**
 * What a model itself tells of whether unlabelled samples are read as it was trained on them: how clearly the classes of its
 * answers stand apart, or how near what its first layer gives is to the statistics that a BatchNormalization behind it learned.
 */
import { isFloat, sizeOf, type Model } from '../onnx'
import { prefixOf } from '../runtime/expose'
import { sampleDims, signatureOf } from '../runtime/signature'
import { floatsOf, type Value } from '../runtime/value'
import type { Dataset } from './dataset'

export interface Testimony {
  /** Larger is better. */
  value: number
  /** By how much this is better than another reading of the same samples, one number for each thing that can tell. */
  gains(other: this): number[]
}

export interface Witness {
  measure: 'separation' | 'statistics'
  /** Computes as much as is looked at. */
  model: Model
  output: string
  /** Of values [samples, …], batch by batch. */
  tell(values: readonly Value[]): Testimony
}

/** Undefined where the model has neither: nothing tells how its samples are to be read. */
export const witnessOf = (model: Model, dataset: Dataset): Witness | undefined =>
  byStatistics(model) ?? bySeparation(model, dataset)

/** Sample by sample, whatever the batches. */
function* rowsOf(values: readonly Value[]): Generator<Float32Array> {
  for (const value of values) {
    const [all, size] = [floatsOf(value), sizeOf(value.dims.slice(1))]
    for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size)
  }
}

const CALLED_SCORES = /logit|prob|score|class|pred|softmax/i

/** One score for each of several classes, as far as the model says so: numbers of another meaning stand apart by nature. */
function bySeparation(model: Model, { spec, classes }: Dataset): Witness | undefined {
  const { outputs } = signatureOf(model)
  const port = spec.output === undefined ? outputs[0] : outputs.find(({ name }) => name === spec.output)
  if (!port || !isFloat(port.dtype ?? 'float32')) return undefined
  const dims = sampleDims(port)
  const isScores =
    classes !== undefined ||
    CALLED_SCORES.test(port.name) ||
    model.graph.producer(port.name)?.is('Softmax', 'LogSoftmax') === true
  if (dims.length !== 1 || (typeof dims[0] === 'number' && dims[0] < 3) || !isScores) return undefined
  return {
    measure: 'separation',
    model,
    output: port.name,
    tell: (values) => separationOf([...rowsOf(values)]),
  }
}

const LEAST = 1e-12

interface Separation extends Testimony {
  each: Float64Array
  classes: number[]
}

/**
 * How far the first class of a sample stands above the second, in deviations of all scores, once what is common to all
 * samples is taken off: scores that are all alike, or larger by a factor, stand apart no more for it. Probabilities are
 * taken as logarithms.
 */
export function separationOf(given: readonly Float32Array[]): Separation {
  const isShares = given.every((row) => row.every((v) => v >= 0 && v <= 1))
  const scores = given.map((row) =>
    Float64Array.from(row, (v) => (isShares ? Math.log(Math.max(v, LEAST)) : v)),
  )
  const classes = scores.map((row) => row.indexOf(Math.max(...row)))
  const width = scores[0]?.length ?? 0
  for (const row of scores) {
    const mean = row.reduce((sum, v) => sum + v, 0) / width
    for (let k = 0; k < width; k++) row[k]! -= mean
  }
  let squares = 0
  for (let k = 0; k < width; k++) {
    const mean = scores.reduce((sum, row) => sum + row[k]!, 0) / scores.length
    for (const row of scores) {
      row[k]! -= mean
      squares += row[k]! ** 2
    }
  }
  const deviation = Math.sqrt(squares / (scores.length * width))
  const each = Float64Array.from(scores, (row) => {
    const [first, second] = row.toSorted((a, b) => b - a) as unknown as [number, number]
    return deviation > 0 ? (first - second) / deviation : 0
  })
  const value = each.reduce((sum, v) => sum + v, 0) / Math.max(1, each.length)
  return {
    value: Number.isFinite(value) ? value : 0,
    each,
    classes,
    // An answer that stays what it was says nothing of which reading is the right one.
    gains: (other) =>
      [...each.keys()].filter((i) => classes[i] !== other.classes[i]).map((i) => each[i]! - other.each[i]!),
  }
}

export interface Learned {
  /** What flows into the layer. */
  value: string
  mean: Float32Array
  variance: Float32Array
}

/** BatchNormalization layers behind another layer, with the numbers they learned; untrained ones tell nothing. */
export function learnedStatistics({ graph }: Model): Learned[] {
  const inputs = new Set(graph.inputs.map(({ name }) => name))
  return graph.nodes.flatMap((node) => {
    const value = node.inputs[0]!
    if (!node.is('BatchNormalization') || inputs.has(value)) return []
    const [mean, variance] = [node.inputs[3], node.inputs[4]].map((name) => graph.constant(name!)?.floats())
    const isTold = mean?.some((v) => v !== 0) || variance?.some((v) => v !== 1)
    return isTold && mean && variance?.every((v) => v > 0) ? [{ value, mean, variance }] : []
  })
}

/** Groups of samples that are held against the statistics one by one. */
const GROUPS = 32

interface Statistics extends Testimony {
  each: Float64Array
}

/** Layers of weights. What is behind several of them goes by what samples show as much as by how they are read. */
const WEIGHTED = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'FusedConv', 'LSTM', 'GRU', 'RNN'] as const

function byStatistics(model: Model): Witness | undefined {
  const [found] = learnedStatistics(model)
  if (!found) return undefined
  const output = found.value
  const part = prefixOf(model, [output])
  if (part.graph.nodes.filter((node) => node.is(...WEIGHTED)).length > 1) return undefined
  return {
    measure: 'statistics',
    model: part,
    output,
    tell: (values) => statisticsOf([...rowsOf(values)], found.mean, found.variance),
  }
}

/**
 * Kullback–Leibler divergence in nats per channel of what flows in from what was learned, both taken as normal, negative;
 * group by group of samples, channel after channel. Source: the statistics as evidence of the right inputs, Y. Li et al.,
 * arXiv:1603.04779.
 */
export function statisticsOf(
  rows: readonly Float32Array[],
  means: Float32Array,
  variances: Float32Array,
): Statistics {
  const groups = Math.max(1, Math.min(GROUPS, Math.floor(rows.length / 4)))
  const each = Float64Array.from({ length: groups }, (_, group) => {
    const own = rows.filter((_, i) => i % groups === group)
    let sum = 0
    for (const [channel, mean] of means.entries()) {
      const variance = variances[channel]!
      let [n, first, second] = [0, 0, 0]
      for (const row of own) {
        const inner = row.length / means.length
        for (let i = channel * inner; i < (channel + 1) * inner; i++) {
          n++
          first += row[i]!
          second += row[i]! * row[i]!
        }
      }
      const at = first / n
      const spread = Math.max(second / n - at * at, variance * LEAST)
      sum += ((spread + (at - mean) ** 2) / variance - 1 - Math.log(spread / variance)) / 2
    }
    return -sum / means.length
  })
  const value = each.reduce((sum, v) => sum + v, 0) / groups
  return {
    value,
    each,
    // What is left must be less than what was taken away: statistics drift with how training samples were altered.
    gains: (other) => (value > other.value / 2 ? [...each].map((v, i) => v - other.each[i]!) : []),
  }
}
