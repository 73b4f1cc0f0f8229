/** What a model carries from step to step of a clip: found where the data recorded it, made by the model where not. */
import type { Preprocessing } from '../../contract/dataset'
import { sizeOf, type Model } from '../onnx'
import { carriedStates, Carrier, openRunner, signatureOf, type Port, type Runner } from '../runtime'
import { concatRows, floatsOf, pickRows, sliceRows, type Value, type Values } from '../runtime/value'
import type { Source } from './source'

/** Samples a run of the model on its own data, steps of the same place in their clips together. */
const CHUNK = 256
/** Samples that tell whether any are steps of a clip. */
const LOOK = 64
/** Another version of the runtime that recorded the data rounds otherwise; relative to the largest number of a state. */
const SAME = 1e-3
/** Bytes of states that are kept to be read again. */
const KEPT = 2 ** 28

/**
 * The samples with what they say of clips: where the data has clips, the states of later steps are those that `model`
 * makes; where it recorded them sample after sample, samples whose states came out of the ones before are recognised.
 */
export async function withCarriedStates(
  source: Source,
  model: Model,
  preprocessing: Preprocessing,
  signal?: AbortSignal,
): Promise<Source> {
  const states = carriedStates(signatureOf(model))
  if (states.length === 0) return source
  if (source.follows) return withMadeStates(source, model, states)
  const follows = await recordedClips(source, model, states, preprocessing, signal)
  return follows ? withFollows(source, (index) => follows[index] === 1) : source
}

/** Undefined where no clips are recorded, and where the model does not run on the samples. */
async function recordedClips(
  source: Source,
  model: Model,
  states: readonly Port[],
  preprocessing: Preprocessing,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const runner = await openRunner(model).catch(() => undefined)
  if (!runner) return undefined
  try {
    const follows = new Uint8Array(source.length)
    let before: Values | undefined
    for (let from = 0; from < source.length; from += LOOK) {
      signal?.throwIfAborted()
      const indices = Array.from({ length: Math.min(LOOK, source.length - from) }, (_, i) => from + i)
      const { inputs, kept } = await source.read(indices, preprocessing, signal)
      if (kept) return undefined
      const outputs = await runner
        .run(
          inputs,
          states.map(({ state }) => state!),
        )
        .catch(() => undefined)
      if (!outputs) return undefined
      for (const [row, index] of indices.entries()) {
        const made = row > 0 ? rowsOf(outputs, row - 1) : before
        const goesOn = ({ name, state }: Port): boolean => isSame(made![state!]!, rowOf(inputs[name]!, row))
        if (made && states.every(goesOn)) follows[index] = 1
      }
      before = rowsOf(outputs, indices.length - 1)
      if (from === 0 && follows.reduce((sum, yes) => sum + yes, 0) * 2 < indices.length - 1) return undefined
    }
    return follows.includes(1) ? follows : undefined
  } finally {
    await runner.release()
  }
}

const rowOf = (value: Value, row: number): Value => sliceRows(value, row, row + 1)
const rowsOf = (values: Values, row: number): Values =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, rowOf(value, row)]))

function isSame(made: Value, given: Value): boolean {
  const [a, b] = [floatsOf(made), floatsOf(given)]
  if (a.length !== b.length) return false
  const size = a.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  return size > 0 && a.every((x, i) => Math.abs(x - b[i]!) <= SAME * size)
}

/** The same samples, of which `follows` says which are steps of clips. */
function withFollows(source: Source, follows: (index: number) => boolean): Source {
  return {
    length: source.length,
    labels: source.labels,
    suggested: source.suggested,
    get notes() {
      return source.notes
    },
    follows,
    read: (...asked) => source.read(...asked),
    preview: (...asked) => source.preview(...asked),
    ...(source.hasGap && { hasGap: (indices: readonly number[]) => source.hasGap!(indices) }),
    ...(source.identity && { identity: (indices: readonly number[]) => source.identity!(indices) }),
    close: () => source.close(),
  }
}

/** States of later steps as the model makes them, whatever the data holds there. */
function withMadeStates(source: Source, model: Model, states: readonly Port[]): Source {
  const walk = new Walk(source, model, states)
  const follows = (index: number): boolean => source.follows!(index)
  return {
    ...withFollows(source, follows),
    async read(indices, preprocessing, signal) {
      const reading = await source.read(indices, preprocessing, signal)
      const later = indices.filter((index) => follows(index))
      if (later.length === 0) return reading
      const made = await walk.statesAt(later, preprocessing, signal)
      return { ...reading, inputs: withStates(reading.inputs, indices, made) }
    },
    async close() {
      await walk.close()
      await source.close()
    },
  }
}

/** Inputs of samples with the states that were made for them in place of the data's. */
function withStates(inputs: Values, indices: readonly number[], made: ReadonlyMap<number, Values>): Values {
  const result = { ...inputs }
  for (const name of Object.keys(made.values().next().value ?? {}))
    result[name] = concatRows(
      indices.map((index, row) => made.get(index)?.[name] ?? rowOf(inputs[name]!, row)),
    )
  return result
}

/** Runs the model through clips from their starts, and keeps what it made of each step. */
class Walk {
  private readonly made = new Map<number, Values>()
  private runner: Promise<Runner> | undefined
  /** One walk at a time: batches are read ahead. */
  private last: Promise<unknown> = Promise.resolve()
  private way = ''

  constructor(
    private readonly source: Source,
    private readonly model: Model,
    private readonly states: readonly Port[],
  ) {}

  /** The states of each sample, by input, each a row. Throws what reading and running throw. */
  statesAt(
    indices: readonly number[],
    preprocessing: Preprocessing,
    signal?: AbortSignal,
  ): Promise<Map<number, Values>> {
    const found = this.last.then(() => this.walk(indices, preprocessing, signal))
    this.last = found.catch(() => undefined)
    return found
  }

  async close(): Promise<void> {
    await this.last
    await (await this.runner)?.release()
  }

  private async walk(
    indices: readonly number[],
    preprocessing: Preprocessing,
    signal?: AbortSignal,
  ): Promise<Map<number, Values>> {
    // Read in another way the model makes other states of the same samples.
    const way = JSON.stringify(preprocessing)
    if (way !== this.way) this.made.clear()
    this.way = way
    const steps = new Set(indices.flatMap((index) => this.before(index)))
    const order = [...steps].sort((a, b) => a - b)
    if (order.length > 0) {
      this.runner ??= openRunner(this.model)
      const runner = await this.runner
      const carrier = new Carrier(runner, runner.signature)
      for (let from = 0; from < order.length; from += CHUNK) {
        const chunk = order.slice(from, from + CHUNK)
        const { inputs } = await this.source.read(chunk, preprocessing, signal)
        const goesOn = chunk.map(
          (index, i) => order[from + i - 1] === index - 1 && this.source.follows!(index),
        )
        const outputs = await carrier.run(
          withStates(inputs, chunk, this.made),
          goesOn,
          this.states.map(({ state }) => state!),
        )
        for (const [row, index] of chunk.entries())
          if (index + 1 < this.source.length && this.source.follows!(index + 1))
            this.made.set(
              index + 1,
              Object.fromEntries(
                this.states.map(({ name, state }) => [name, pickRows(outputs[state!]!, [row])]),
              ),
            )
      }
    }
    const found = new Map(indices.map((index) => [index, this.made.get(index)!]))
    this.forget()
    return found
  }

  /** The steps before a sample, from the start of its clip or the first whose state is known. */
  private before(index: number): number[] {
    const steps: number[] = []
    for (let at = index; this.source.follows!(at) && !this.made.has(at); at--) steps.push(at - 1)
    return steps
  }

  /** The oldest go first: splits are read from start to end. */
  private forget(): void {
    const [first] = this.made.values()
    const bytes = Object.values(first ?? {}).reduce((sum, { dims }) => sum + 4 * sizeOf(dims), 0)
    for (const index of this.made.keys()) {
      if (this.made.size * bytes <= KEPT) return
      this.made.delete(index)
    }
  }
}
