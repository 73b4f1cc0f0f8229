/** Intermediate values, batch by batch, with nothing kept: what calibration looks at. */
import { sizeOf, type Model } from '../onnx'
import { computedValues, prefixOf } from './expose'
import { BY_TURNS, withSession, type Session, type SessionOptions } from './session'
import { shapesAt } from './trace'
import { EXCHANGED, type Value, type Values } from './value'

interface StreamOptions {
  /** Bytes of exposed values held at once; more names than fit are streamed in several rounds. Default 256 MiB; without end nothing is run to find sizes. */
  maxBytes?: number
  session?: SessionOptions
  /** Called after each batch of each round; may throw to stop. */
  progress?(done: { round: number; rounds: number; batch: number }): void
}

interface Streamed {
  batches: number
  /** Names that are constants, sequences, of a type that cannot be handed over (int4) or not in the main graph: no values were given for them. */
  skipped: string[]
}

/**
 * Calls `visit` with each named value (inputs and outputs of the model may be named too) for each batch.
 * `batches` is opened once per round, so it must give the same batches again. float16 values are bits.
 * Values are the visitor's own; keep what you like.
 */
export async function streamActivations(
  model: Model,
  names: readonly string[],
  batches: () => AsyncIterable<Values> | Iterable<Values>,
  visit: (name: string, value: Value, batch: number) => void | Promise<void>,
  options: StreamOptions = {},
): Promise<Streamed> {
  const inputs = new Set(model.graph.requiredInputs.map((input) => input.name))
  const computed = new Set(computedValues(model))
  const wanted = [...new Set(names)]
  const fed = wanted.filter((name) => inputs.has(name))
  const { rounds, exposed } = await planRounds(
    model,
    wanted.filter((name) => computed.has(name)),
    batches,
    options,
  )
  let count = 0
  for (const [round, asked] of rounds.entries()) {
    count = 0
    const stream = async (session?: Session): Promise<void> => {
      // The element type of a value is known once ONNX Runtime has inferred it.
      const chunk = (session?.outputTypes ?? [])
        .filter(({ dtype }) => dtype !== undefined && EXCHANGED.has(dtype))
        .map(({ name }) => name)
      for (const name of asked) if (!chunk.includes(name)) exposed.delete(name)
      for await (const feeds of batches()) {
        if (round === 0) for (const name of fed) await visit(name, feeds[name]!, count)
        const values = session && chunk.length > 0 ? await session.run(feeds, chunk) : {}
        for (const name of chunk) {
          await visit(name, values[name]!, count)
          delete values[name]
        }
        options.progress?.({ round, rounds: rounds.length, batch: count })
        count++
      }
    }
    const how: SessionOptions = { ...BY_TURNS, optimization: 'basic', ...options.session }
    await (asked.length > 0 ? withSession(prefixOf(model, asked), how, stream) : stream())
  }
  return { batches: count, skipped: wanted.filter((name) => !inputs.has(name) && !exposed.has(name)) }
}

/** Groups names so that each group's values at the first batch fit into the memory allowed. */
async function planRounds(
  model: Model,
  names: readonly string[],
  batches: () => AsyncIterable<Values> | Iterable<Values>,
  options: StreamOptions,
): Promise<{ rounds: string[][]; exposed: Set<string> }> {
  const limit = options.maxBytes ?? 2 ** 28
  if (limit === Infinity) return { rounds: [[...names]], exposed: new Set(names) }
  for await (const feeds of batches()) {
    const shapes = await shapesAt(model, names, feeds)
    const rounds: string[][] = [[]]
    let bytes = 0
    for (const [name, { dims }] of shapes) {
      const size = sizeOf(dims) * 4
      if (bytes + size > limit && rounds[rounds.length - 1]!.length > 0) {
        rounds.push([])
        bytes = 0
      }
      rounds[rounds.length - 1]!.push(name)
      bytes += size
    }
    return { rounds, exposed: new Set(shapes.keys()) }
  }
  return { rounds: [], exposed: new Set(names) }
}
