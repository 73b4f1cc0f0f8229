/** What labels are, and the targets a task makes of them. */
import type { Preprocessing, Task } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import { sizeOf } from '../onnx'
import { floatsOf, type Value, type Values } from '../runtime/value'
import { naturalOrder, placesIn } from './names'
import type { MadeLabels, RawLabels, Rows, Source } from './source'

/** Properties of labels that tell one task from another. */
export type LabelFacts =
  | { kind: 'none' }
  | { kind: 'names'; names: string[] }
  | { kind: 'made'; task: Task; names: readonly string[]; ordered?: boolean; reason: string }
  | {
      kind: 'numbers'
      /** Shape of one label; [] for a single number. */
      dims: readonly number[]
      integer: boolean
      /** Only 0 and 1. */
      binary: boolean
      /** Exactly one 1 among zeros. */
      oneHot: boolean
      min: number
      max: number
      /** Smallest label from 0 on, where the only one below is −1 or −100: the usual marks for no label. */
      floor?: number
    }

/** Single numbers are looked at in full, larger labels at this many samples. */
const LOOK = 512

const CHUNK = 8192

/** scikit-learn's and PyTorch's labels of samples that have none. */
const NO_CLASS = [-1, -100]

export async function labelFacts(sources: readonly Source[]): Promise<LabelFacts> {
  const labels = sources.map((source) => source.labels)
  if (labels.length === 0 || labels.some((label) => label === undefined)) return { kind: 'none' }
  const names = new Set<string>()
  for (const label of labels) if (label!.kind !== 'rows') for (const name of label!.names) names.add(name)
  if (labels.every((label) => label!.kind === 'names'))
    return { kind: 'names', names: [...names].sort(naturalOrder) }
  const [made] = labels
  if (made?.kind === 'made' && labels.every((label) => label?.kind === 'made' && label.task === made.task))
    return { ...made, ...(!made.ordered && { names: [...names] }) }
  const rows = labels.flatMap((label) => (label!.kind === 'rows' ? [label!.rows] : []))
  const [first] = rows
  if (rows.length < labels.length || rows.some((other) => sizeOf(other.dims) !== sizeOf(first!.dims)))
    throw new PareError('data/shape-mismatch', {
      input: 'labels',
      expected: `the same form in every split`,
      got: labels
        .map((l) => (l!.kind === 'rows' ? `numbers [${l!.rows.dims.join(', ')}]` : l!.kind))
        .join('; '),
    })
  return numberFacts(rows)
}

async function numberFacts(all: readonly Rows[]): Promise<LabelFacts> {
  const dims = all[0]!.dims
  const size = sizeOf(dims)
  const facts = {
    kind: 'numbers' as const,
    dims: size === 1 ? [] : dims,
    integer: true,
    binary: true,
    oneHot: size > 1,
    min: Infinity,
    max: -Infinity,
  }
  let floor = Infinity
  let negative = NaN
  let marks = true
  for (const rows of all)
    for await (const values of scan(rows, size === 1 ? rows.length : LOOK)) {
      for (let row = 0; row < values.length; row += size) {
        let ones = 0
        for (let i = row; i < row + size; i++) {
          const value = values[i]!
          if (!Number.isInteger(value)) facts.integer = false
          if (value !== 0 && value !== 1) facts.binary = false
          if (value === 1) ones++
          if (value >= 0) floor = Math.min(floor, value)
          else {
            marks &&= NO_CLASS.includes(value) && (Number.isNaN(negative) || value === negative)
            negative = value
          }
          if (value < facts.min) facts.min = value
          if (value > facts.max) facts.max = value
        }
        if (ones !== 1) facts.oneHot = false
      }
    }
  facts.oneHot &&= facts.binary
  return size === 1 && marks && facts.min < 0 && floor < Infinity ? { ...facts, floor } : facts
}

async function* scan(rows: Rows, limit: number): AsyncGenerator<Float32Array> {
  const end = Math.min(rows.length, limit)
  for (let from = 0; from < end; from += CHUNK) {
    const count = Math.min(CHUNK, end - from)
    yield floatsOf(await rows.read(Array.from({ length: count }, (_, i) => from + i)))
  }
}

/** How labels become targets; made by `recogniseTask`. */
export type TargetPlan =
  | { kind: 'none' }
  /** Class index = (label − offset) / step, or the position of its name; `ignored` is the label of those without. */
  | {
      kind: 'class'
      classes: readonly string[]
      offset: number
      step?: number
      ignored?: number
      byName: boolean
    }
  | { kind: 'one-hot'; classes: readonly string[] }
  /** float32 [N, …dims]. */
  | { kind: 'values'; dims: readonly number[] }
  /** A class per position: int64 [N, …dims]. */
  | { kind: 'class-map'; classes: number; dims: readonly number[] }
  /** The labels make them. */
  | { kind: 'made'; classes: readonly string[] }
  /** Targets are the ids themselves, one step later. */
  | { kind: 'next-token'; ids: string; mask?: string }

export interface Targets {
  /** Class of each sample of the source, where each has one (−1: none). */
  ids?: Int32Array
  /** Targets for positions of the source whose inputs were read. */
  of(indices: readonly number[], inputs: Values, preprocessing: Preprocessing): Promise<Value | undefined>
}

/** Position not scored, as PyTorch's cross entropy has it. */
const IGNORED = -100n

export async function targetsOf(source: Source, plan: TargetPlan): Promise<Targets> {
  if (plan.kind === 'none') return { of: async () => undefined }
  if (plan.kind === 'next-token')
    return {
      of: async (_, inputs) => nextTokens(inputs[plan.ids]!, plan.mask ? inputs[plan.mask] : undefined),
    }
  const labels = source.labels!
  if (labels.kind === 'made' || plan.kind === 'made') {
    if (labels.kind !== 'made' || plan.kind !== 'made')
      throw new TypeError('targets of another form than the labels')
    return { of: (indices, _, preprocessing) => labels.make(indices, preprocessing, plan.classes) }
  }
  if (plan.kind === 'class' || plan.kind === 'one-hot') {
    const ids = plan.kind === 'class' ? await classIds(labels, plan) : await oneHotIds(labels)
    return {
      ids,
      of: async (indices) => ({
        dtype: 'int64',
        dims: [indices.length],
        data: BigInt64Array.from(indices, (i) => BigInt(ids[i]!)),
      }),
    }
  }
  if (labels.kind === 'names') return namedValues(labels)
  if (plan.kind === 'class-map' && plan.dims.length === 1)
    return { of: async (indices, inputs) => ahead(await numbers(labels.rows, indices, plan), inputs) }
  return { of: (indices) => numbers(labels.rows, indices, plan) }
}

async function classIds(
  labels: Exclude<RawLabels, MadeLabels>,
  plan: Extract<TargetPlan, { kind: 'class' }>,
): Promise<Int32Array> {
  const classes = plan.classes.length
  const placeOf = placesIn(plan.byName ? plan.classes : [])
  if (labels.kind === 'names') {
    const position = labels.names.map((name) => (plan.byName ? placeOf(name) : Number(name) - plan.offset))
    const unknown = position.findIndex((id) => id < 0 || id >= classes)
    if (unknown >= 0)
      throw new PareError('data/labels-out-of-range', { label: labels.names[unknown]!, classes })
    return labels.of.map((name) => (name < 0 ? -1 : position[name]!))
  }
  const ids = new Int32Array(labels.rows.length)
  let at = 0
  for await (const values of scan(labels.rows, labels.rows.length))
    for (const value of values) {
      const id =
        value === plan.ignored
          ? -1
          : plan.byName
            ? placeOf(String(value))
            : (value - plan.offset) / (plan.step ?? 1)
      if (value !== plan.ignored && !(id >= 0 && id < classes))
        throw new PareError('data/labels-out-of-range', { label: String(value), classes })
      ids[at++] = id
    }
  return ids
}

async function oneHotIds(labels: Exclude<RawLabels, MadeLabels>): Promise<Int32Array> {
  if (labels.kind === 'names') throw new TypeError('names are never one-hot')
  const size = sizeOf(labels.rows.dims)
  const ids = new Int32Array(labels.rows.length)
  let at = 0
  for await (const values of scan(labels.rows, labels.rows.length))
    for (let row = 0; row < values.length; row += size)
      ids[at++] = values.subarray(row, row + size).indexOf(1)
  return ids
}

/** Two names as 0 and 1, for a model with one output. */
function namedValues(labels: Extract<RawLabels, { kind: 'names' }>): Targets {
  const value = labels.names.map(placesIn(labels.names.toSorted(naturalOrder)))
  const ids = labels.of.map((name) => (name < 0 ? -1 : value[name]!))
  return {
    ids,
    of: async (indices) => ({
      dtype: 'float32',
      dims: [indices.length, 1],
      data: Float32Array.from(indices, (i) => ids[i]!),
    }),
  }
}

async function numbers(
  rows: Rows,
  indices: readonly number[],
  plan: Extract<TargetPlan, { kind: 'values' | 'class-map' }>,
): Promise<Value> {
  const value = await rows.read(indices)
  const floats = floatsOf(value)
  const dims = [indices.length, ...plan.dims]
  if (plan.kind === 'values') return { dtype: 'float32', dims, data: floats }
  const data = BigInt64Array.from(floats, (v) => {
    if (Number.isInteger(v)) return BigInt(v)
    throw new PareError('data/labels-out-of-range', { label: String(v), classes: plan.classes })
  })
  for (const [i, label] of data.entries()) {
    // 255 is the void of Pascal VOC and Cityscapes.
    if (label === 255n && plan.classes <= 255) data[i] = IGNORED
    else if (label !== IGNORED && (label < 0n || label >= BigInt(plan.classes)))
      throw new PareError('data/labels-out-of-range', { label: String(label), classes: plan.classes })
  }
  return { dtype: 'int64', dims, data }
}

/**
 * Labels that are the ids themselves are meant to be moved one step, as Hugging Face's models do inside: without
 * that every position would be scored on the token it was given.
 */
function ahead(labels: Value, inputs: Values): Value {
  const data = labels.data as BigInt64Array
  const same = Object.values(inputs).some(
    (input) =>
      input.data.length === data.length &&
      /^u?int/.test(input.dtype) &&
      data.every((label, i) => label === IGNORED || label === BigInt(input.data[i]!)),
  )
  if (!same) return labels
  const length = labels.dims[1]!
  return {
    ...labels,
    data: data.map((_, i) => ((i + 1) % length === 0 ? IGNORED : data[i + 1]!)),
  }
}

/** Each position is scored on the token after it; the last and the padding are not scored. */
function nextTokens(ids: Value, mask?: Value): Value {
  const [count, length] = ids.dims as [number, number]
  const tokens = BigInt64Array.from(ids.data as Iterable<bigint | number>, BigInt)
  const kept = mask ? floatsOf(mask) : undefined
  const data = new BigInt64Array(count * length).fill(IGNORED)
  for (let row = 0; row < count; row++)
    for (let t = 0; t + 1 < length; t++) {
      const next = row * length + t + 1
      if (!kept || kept[next] !== 0) data[next - 1] = tokens[next]!
    }
  return { dtype: 'int64', dims: [count, length], data }
}
