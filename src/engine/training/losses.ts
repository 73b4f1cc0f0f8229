/**
 * Losses with their gradients in closed form, written as ONNX nodes. α, T and the weight of every row are
 * inputs, so that one session serves every setting. A row is a sample, a token or a pixel.
 * Sources: arXiv:1503.02531 (knowledge distillation), arXiv:1312.6184 and arXiv:2105.08919 (matching logits),
 * arXiv:1412.6550 (feature matching).
 */
import type { Graph } from '../onnx'
import type { LossKind, OutputChoice, StructuredLoss } from '../tasks'
import type { Tape } from './gradients'
import { range } from './gradients/tape'

/** What a student and its teacher are compared by. */
export const COMPARED = ['probabilities', 'logits'] as const
type Compared = (typeof COMPARED)[number]

export interface LossSpec {
  kind: LossKind
  /** The value compared: logits, or the output itself for squared error. */
  value: string
  /** Axis of the classes, counted from the front; for cross entropy. */
  classAxis?: number
  /** Uses labels. */
  hard: boolean
  /** Uses a teacher's values of the same shape. */
  soft: boolean
  /** How a teacher's classes are compared; default probabilities. Squared error has no other way. */
  compared?: Compared
  /** Values whose distance to a teacher's is added, each mean square error × weight. */
  features?: readonly { value: string; weight: number }[]
  /** What labels say is told beside the graph; `hard` says whether they are used. */
  structured?: Structured
}

/** A loss of a task's own, with the outputs it reads and the values behind them, in one order. */
export interface Structured extends Pick<StructuredLoss, 'measure'> {
  choice: OutputChoice
  values: readonly string[]
}

/** Names of the inputs a loss reads and of the value it gives. */
export interface LossPorts {
  loss: string
  /** int64 [rows] for cross entropy, float32 of the value's shape otherwise. */
  labels?: string
  /** float32, the value's shape. */
  teacher?: string
  /** float32 [rows]: share of each row in the loss; zero leaves it out. */
  rows: string
  /** float32 [samples], for features: the sum of their rows' shares. */
  samples?: string
  alpha?: string
  temperature?: string
  /** float32, in the order of `LossSpec.features`. */
  features: string[]
  /** What a structured loss tells: a number of the whole batch, and its slopes by `Structured.values` in their shapes. */
  told?: { loss: string; slopes: { port: string; dims: readonly number[] }[] }
  rowCount: number
}

interface LossGradients {
  ports: LossPorts
  seeds: { value: string; gradient: string }[]
}

const input = (graph: Graph, base: string, dtype: 'float32' | 'int64', dims: readonly number[]): string => {
  const name = graph.freshName(`loss/${base}`)
  graph.inputs.push({ name, dtype, dims })
  return name
}

/** [rows, classes] with the class axis last, and the way back. */
function asRows(
  t: Tape,
  value: string,
  dims: readonly number[],
  axis: number,
): { flat: string; rows: number; classes: number; back(gradient: string): string } {
  const classes = dims[axis]!
  const rows = dims.reduce((n, dim) => n * dim, 1) / classes
  const perm = [...range(dims.length).filter((i) => i !== axis), axis]
  const turned = perm.map((i) => dims[i]!)
  return {
    rows,
    classes,
    flat: t.reshape(t.transpose(value, perm), [rows, classes]),
    back: (gradient) =>
      t.transpose(
        t.reshape(gradient, turned),
        range(dims.length).map((i) => perm.indexOf(i)),
      ),
  }
}

interface Parts {
  /** float [rows] */
  loss: string
  /** float [rows, width], not yet weighted by rows */
  gradient: string
}

interface Mixed {
  hard?: Parts
  soft?: Parts
}

/** ½·mean((z − z_teacher)²): what T²·KL tends to as T grows, except that a common shift of all logits counts too. */
function halfSquares(t: Tape, z: string, teacher: string, width: number): Parts {
  const off = t.sub(z, teacher)
  return {
    loss: t.scale(t.reduceSum(t.mul(off, off), [1], false), 1 / (2 * width)),
    gradient: t.scale(off, 1 / width),
  }
}

function crossEntropy(
  t: Tape,
  z: string,
  labels: string | undefined,
  teacher: string | undefined,
  temperature: string | undefined,
  classes: number,
): Mixed {
  const sum = (value: string): string => t.reduceSum(value, [1], false)
  const log = (value: string): string => t.op('LogSoftmax', [value], { axis: { int: 1 } })
  const mixed: Mixed = {}
  if (labels) {
    const logP = log(z)
    const oneHot = t.op('OneHot', [labels, t.ints([classes]), t.floats([2], [0, 1])])
    mixed.hard = { loss: t.neg(sum(t.mul(logP, oneHot))), gradient: t.sub(t.op('Exp', [logP]), oneHot) }
  }
  if (teacher && !temperature) mixed.soft = halfSquares(t, z, teacher, classes)
  if (teacher && temperature) {
    const logQ = log(t.div(z, temperature))
    const logP = log(t.div(teacher, temperature))
    const p = t.op('Exp', [logP])
    const squared = t.mul(temperature, temperature)
    mixed.soft = {
      loss: t.mul(squared, sum(t.mul(p, t.sub(logP, logQ)))),
      gradient: t.mul(temperature, t.sub(t.op('Exp', [logQ]), p)),
    }
  }
  return mixed
}

/** softplus(z) − y·z, mean over classes. */
function binaryCrossEntropy(
  t: Tape,
  z: string,
  labels: string | undefined,
  teacher: string | undefined,
  temperature: string | undefined,
  width: number,
): Mixed {
  const part = (logits: string, target: string, gain: string): Parts => ({
    loss: t.mul(
      t.mul(gain, gain),
      t.scale(t.reduceSum(t.sub(t.op('Softplus', [logits]), t.mul(target, logits)), [1], false), 1 / width),
    ),
    gradient: t.mul(gain, t.scale(t.sub(t.op('Sigmoid', [logits]), target), 1 / width)),
  })
  const mixed: Mixed = {}
  if (labels) mixed.hard = part(z, labels, t.scalar(1))
  if (teacher && !temperature) mixed.soft = halfSquares(t, z, teacher, width)
  if (teacher && temperature)
    mixed.soft = part(t.div(z, temperature), t.op('Sigmoid', [t.div(teacher, temperature)]), temperature)
  return mixed
}

function squaredError(
  t: Tape,
  z: string,
  labels: string | undefined,
  teacher: string | undefined,
  width: number,
): Mixed {
  const part = (target: string): Parts => {
    const off = t.sub(z, target)
    return {
      loss: t.scale(t.reduceSum(t.mul(off, off), [1], false), 1 / width),
      gradient: t.scale(off, 2 / width),
    }
  }
  return { hard: labels ? part(labels) : undefined, soft: teacher ? part(teacher) : undefined }
}

/** Writes a loss; `t.graph` gains the inputs named in the ports. */
export function writeLoss(t: Tape, spec: LossSpec): LossGradients {
  const { graph } = t
  const dims = t.shape(spec.value)
  const axis = spec.classAxis ?? dims.length - 1
  const samples = dims[0] ?? 1
  const byClass = spec.kind === 'cross-entropy'
  const size = dims.reduce((n, dim) => n * dim, 1)
  const view = byClass
    ? asRows(t, spec.value, dims, axis)
    : {
        rows: samples,
        classes: size / samples,
        flat: t.reshape(spec.value, [samples, size / samples]),
        back: (gradient: string) => t.reshape(gradient, dims),
      }
  const rows = input(graph, 'rows', 'float32', [view.rows])
  const { structured } = spec
  const told =
    spec.hard && structured
      ? {
          loss: input(graph, 'told', 'float32', []),
          slopes: structured.values.map((value) => ({
            port: input(graph, 'slope', 'float32', t.shape(value)),
            dims: t.shape(value),
          })),
        }
      : undefined
  const labels =
    spec.hard && !told
      ? byClass
        ? input(graph, 'labels', 'int64', [view.rows])
        : input(graph, 'labels', 'float32', [view.rows, view.classes])
      : undefined
  const teacher = spec.soft ? input(graph, 'teacher', 'float32', dims) : undefined
  const both = spec.hard && spec.soft
  const alpha = both ? input(graph, 'alpha', 'float32', []) : undefined
  const temperature =
    spec.soft && spec.kind !== 'squared-error' && spec.compared !== 'logits'
      ? input(graph, 'temperature', 'float32', [])
      : undefined
  const shaped =
    teacher && (byClass ? asRows(t, teacher, dims, axis).flat : t.reshape(teacher, [view.rows, view.classes]))

  const mixed =
    spec.kind === 'cross-entropy'
      ? crossEntropy(t, view.flat, labels, shaped, temperature, view.classes)
      : spec.kind === 'binary-cross-entropy'
        ? binaryCrossEntropy(t, view.flat, labels, shaped, temperature, view.classes)
        : squaredError(t, view.flat, labels, shaped, view.classes)
  const mix = (hard: string | undefined, soft: string | undefined): string | undefined => {
    if (told && soft && alpha) return t.mul(alpha, soft)
    if (!hard || !soft || !alpha) return hard ?? soft
    return t.add(t.mul(alpha, soft), t.mul(t.sub(t.scalar(1), alpha), hard))
  }

  const seeds: LossGradients['seeds'] = (told?.slopes ?? []).map(({ port }, i) => ({
    value: structured!.values[i]!,
    gradient: port,
  }))
  const losses: string[] = told ? [told.loss] : []
  const perRow = mix(mixed.hard?.loss, mixed.soft?.loss)
  const gradient = mix(mixed.hard?.gradient, mixed.soft?.gradient)
  if (perRow && gradient) {
    losses.push(t.reduceSum(t.mul(perRow, rows), [0], false))
    seeds.push({ value: spec.value, gradient: view.back(t.mul(gradient, t.reshape(rows, [view.rows, 1]))) })
  }
  const sampleWeights = spec.features?.length ? input(graph, 'samples', 'float32', [samples]) : undefined
  const features = (spec.features ?? []).map(({ value, weight }) => {
    const shape = t.shape(value)
    const target = input(graph, 'feature', 'float32', shape)
    // What has the loss's own positions counts by them: padding has none.
    const byPosition = byClass && axis === 2 && dims.length === 3 && shape[1] === dims[1]
    const parts = byPosition ? view.rows : samples
    const width = shape.reduce((n, dim) => n * dim, 1) / parts
    const off = t.reshape(t.sub(value, target), [parts, width])
    const share = t.reshape(byPosition ? rows : sampleWeights!, [parts, 1])
    const weighted = t.mul(off, share)
    losses.push(t.scale(t.reduceSum(t.mul(off, weighted), [0, 1], false), weight / width))
    seeds.push({ value, gradient: t.reshape(t.scale(weighted, (2 * weight) / width), shape) })
    return target
  })
  // What is fed is no output of its own.
  const loss = losses.length > 1 || told ? t.op('Sum', losses) : losses[0]!
  return {
    seeds,
    ports: {
      loss,
      labels,
      teacher,
      rows,
      samples: sampleWeights,
      alpha,
      temperature,
      features,
      told,
      rowCount: view.rows,
    },
  }
}
