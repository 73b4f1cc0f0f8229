/**
 * What a model takes and gives, sample by sample: along which axis its samples lie, how many a run takes, and
 * which outputs are fed back as inputs. Everything that feeds a model asks here.
 */
import type { Dim, DType, Model, ValueInfo } from '../onnx'
import { edgeTypes, type Edge } from './edge'
import { EXCHANGED } from './value'

export interface Port {
  name: string
  /**
   * Of samples. Absent for sequences, maps, optionals and elements that are not exchanged with ONNX Runtime, such as
   * int4.
   */
  dtype?: DType
  /** How the file has it, where that differs. */
  edge?: Edge
  dims: readonly Dim[]
  /** The axis along which samples lie; null where one value is the whole tensor (scalars, settings, some states). */
  batchAxis: number | null
  /** Of an input: the output that is fed back to it. Of an output: the input it is fed back to. */
  state?: string
}

export interface Signature {
  /** Inputs without a default, in order. */
  inputs: readonly Port[]
  outputs: readonly Port[]
  /** Samples a run takes; undefined where any number goes. */
  batch: number | undefined
}

const BATCH = /batch|^n$|^b$|^bs$/i
/** Names of free axes that count something else than samples. */
export const TIME = /seq|time|len|token|step|frame|past|total/i
/** The only axis of an input, so called, is the length of one sample. */
const LENGTH = /bytes|samples/i
/** Inputs called like what recurrent networks and decoders carry along. */
const STATE = /state|hidden|cell|cache|past|mem|carry|^[hc]\d*(_in|_prev|0)?$/i

export const isFree = (dim: Dim | undefined): boolean => typeof dim !== 'number' || dim <= 0

/** Shape of one sample. */
export const sampleDims = ({ dims, batchAxis }: Port): readonly Dim[] =>
  dims.filter((_, axis) => axis !== batchAxis)

/** Ports of the main graph. Nothing is run. */
export function signatureOf(model: Model): Signature {
  const given = model.graph.requiredInputs
  const { outputs } = model.graph
  const states = statePairs(given, outputs)
  const free = freeAxes(given)
  const batch = free.size > 0 ? undefined : fixedBatch(given, outputs, states)
  const inputs = given.map((info): Port => {
    const state = states.get(info.name)
    const axis = free.size > 0 ? free.get(info.name) : fixedAxis(info, batch!)
    return { ...plain(model, info), batchAxis: axis ?? null, ...(state && { state }) }
  })
  // A state that has room for one sample only keeps the model to one at a time.
  const alone =
    free.size > 0 && inputs.some(({ state, batchAxis }) => state !== undefined && batchAxis === null)
  const symbols = symbolsOf(inputs)
  const backTo = new Map([...states].map(([input, output]) => [output, input]))
  return {
    inputs,
    outputs: outputs.map((info): Port => {
      const state = backTo.get(info.name)
      const from = inputs.find(({ name }) => name === state)
      const axis = outputAxis(info, symbols, batch, from)
      return { ...plain(model, info), batchAxis: axis, ...(state !== undefined && { state }) }
    }),
    batch: alone ? 1 : batch,
  }
}

const plain = (model: Model, info: ValueInfo): Omit<Port, 'batchAxis'> => ({
  name: info.name,
  ...(info.dtype && EXCHANGED.has(info.dtype) && edgeTypes(model, info)),
  dims: info.dims ?? [],
})

const named = (dims: readonly Dim[], symbols: ReadonlySet<string>): number =>
  dims.findIndex((dim) => typeof dim === 'string' && (BATCH.test(dim) || symbols.has(dim)))

/** Inputs whose samples lie along a free axis: by its name, by the name another input gives it, or by being first. */
function freeAxes(inputs: readonly ValueInfo[]): Map<string, number> {
  const first = (info: ValueInfo): number | undefined => {
    const dims = info.dims ?? []
    const at = named(dims, new Set())
    if (at >= 0) return at
    const [dim] = dims
    if (dims.length === 0 || !isFree(dim)) return undefined
    const length = typeof dim === 'string' && (TIME.test(dim) || (dims.length === 1 && LENGTH.test(dim)))
    return length ? undefined : 0
  }
  const found = new Map<string, number>()
  const symbols = new Set<string>()
  for (const info of inputs) {
    const axis = first(info)
    if (axis === undefined) continue
    found.set(info.name, axis)
    const dim = info.dims![axis]
    if (typeof dim === 'string') symbols.add(dim)
  }
  if (found.size === 0) {
    // Steps first, then samples, as recurrent layers have them; [1, length] is one sample of any length.
    for (const { name, dims = [] } of inputs)
      if (
        dims.length >= 3 &&
        dims[0] !== 1 &&
        dims[1] === null &&
        dims.every((dim, axis) => axis === 1 || !isFree(dim))
      )
        found.set(name, 1)
    return found
  }
  for (const info of inputs) {
    if (found.has(info.name)) continue
    const dims = info.dims ?? []
    const same = named(dims, symbols)
    const nameless = dims.flatMap((dim, axis) => (isFree(dim) && typeof dim !== 'string' ? [axis] : []))
    if (same >= 0) found.set(info.name, same)
    else if (nameless.length === 1) found.set(info.name, nameless[0]!)
  }
  return found
}

/** Samples a run takes where no axis is free: what the inputs that are no states agree on, if an output has it too. */
function fixedBatch(
  inputs: readonly ValueInfo[],
  outputs: readonly ValueInfo[],
  states: ReadonlyMap<string, string>,
): number {
  const samples = inputs.filter(({ name, dims }) => !states.has(name) && (dims?.length ?? 0) > 0)
  const [first] = samples.length > 0 ? samples : inputs
  const size = first?.dims?.[0]
  if (typeof size !== 'number' || size <= 0) return 1
  const gives = outputs.some(
    ({ dims }) => !dims || (dims.length > 0 && (isFree(dims[0]) || dims[0] === size)),
  )
  return gives && samples.every(({ dims }) => dims![0] === size) ? size : 1
}

function fixedAxis({ dims = [] }: ValueInfo, batch: number): number | undefined {
  if (dims[0] === batch) return 0
  const axes = dims.flatMap((dim, axis) => (dim === batch ? [axis] : []))
  return batch > 1 && axes.length === 1 ? axes[0] : undefined
}

const symbolsOf = (inputs: readonly Port[]): ReadonlySet<string> =>
  new Set(
    inputs.flatMap(({ dims, batchAxis }) => {
      const dim = batchAxis === null ? undefined : dims[batchAxis]
      return typeof dim === 'string' ? [dim] : []
    }),
  )

/** What a run then shows wins over this: declared shapes of outputs are often wrong. */
function outputAxis(
  { dims }: ValueInfo,
  symbols: ReadonlySet<string>,
  batch: number | undefined,
  fedBackTo: Port | undefined,
): number | null {
  const at = named(dims ?? [], symbols)
  if (at >= 0) return at
  if (fedBackTo && (!dims || dims.length === fedBackTo.dims.length)) return fedBackTo.batchAxis
  if (dims?.length === 0) return null
  if (batch === undefined || !dims || isFree(dims[0])) return 0
  return fixedAxis({ name: '', dims }, batch) ?? null
}

const alike = (a: readonly Dim[] | undefined, b: readonly Dim[] | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  a.length === b.length &&
  a.every((dim, axis) => isFree(dim) || isFree(b[axis]) || dim === b[axis])

/** What is left of the name of a state without what says whether it goes in or comes out. */
const stem = (name: string): string =>
  name
    .toLowerCase()
    .replace(
      /(past|present)(_key_values)?|prev(ious)?|next|new|init(ial)?|_?(in|out|n|0)$|^(in|out)_|[^a-z0-9]/g,
      '',
    )

/**
 * Outputs that are fed back as inputs, by the name of the input: of one type and shape, and called alike, or
 * called a state and the only such output left, or the last ones on both sides. The first input and the first
 * output are what the model is for, unless their names say otherwise.
 */
function statePairs(inputs: readonly ValueInfo[], outputs: readonly ValueInfo[]): Map<string, string> {
  const pairs = new Map<string, string>()
  const free = new Set(outputs.slice(1))
  const fits = (input: ValueInfo, output: ValueInfo): boolean =>
    input.dtype === output.dtype &&
    (input.dims?.length ?? 0) > 0 &&
    alike(input.dims, output.dims ?? input.dims)
  const pair = (input: ValueInfo, output: ValueInfo): void => {
    pairs.set(input.name, output.name)
    free.delete(output)
  }
  // Features of a sample are seldom of three axes and more; without a telling name less says nothing.
  const telling = ({ name, dims = [] }: ValueInfo): boolean => STATE.test(name) || dims.length >= 3
  for (const input of inputs) {
    if (!telling(input) || (input === inputs[0] && !STATE.test(input.name))) continue
    const twin = [...free].find((output) => stem(output.name) === stem(input.name) && fits(input, output))
    if (twin) pair(input, twin)
  }
  const rest = inputs.slice(1).filter(({ name }) => !pairs.has(name))
  for (const input of rest) {
    const [only, another] = [...free].filter((output) => fits(input, output))
    if (only && telling(input) && (STATE.test(input.name) || (rest.length === 1 && !another)))
      pair(input, only)
  }
  return pairs
}
