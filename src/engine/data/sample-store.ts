/** Training samples in any order: held in memory where they fit, streamed from the dataset otherwise. */
import { PareError } from '../../contract/errors'
import type { Batch, Split } from './dataset'
import { concatRows, pickRows, samplesIn, type Value, type Values } from '../runtime'

/** Samples up to this many bytes are decoded once and kept. */
const KEEP_BYTES = 512 * 2 ** 20

const bytesOf = (value: Value): number => (Array.isArray(value.data) ? Infinity : value.data.byteLength)

export class Samples {
  private constructor(
    readonly count: number,
    private readonly from: Split | { inputs: Values; labels?: Value },
    private readonly signal: AbortSignal,
  ) {}

  /** Of inputs that are there, first axis the samples. */
  static of(inputs: Values, signal: AbortSignal): Samples {
    return new Samples(samplesIn(inputs), { inputs }, signal)
  }

  /** Reads the split once if it fits in memory. Throws `data/empty`, `cancelled`. */
  static async open(split: Split, signal: AbortSignal, path: string): Promise<Samples> {
    if (split.length === 0) throw new PareError('data/empty', { path })
    const parts: Batch[] = []
    let bytes = 0
    for await (const batch of split.batches(64, { signal })) {
      bytes += Object.values(batch.inputs).reduce((n, value) => n + bytesOf(value), 0)
      const [first] = parts
      if (bytes > KEEP_BYTES || (first && !sameRows(first, batch)))
        return new Samples(split.length, split, signal)
      parts.push(batch)
    }
    const [first] = parts
    if (!first) throw new PareError('data/empty', { path })
    const inputs: Values = {}
    for (const name of Object.keys(first.inputs))
      inputs[name] = concatRows(parts.map((part) => part.inputs[name]!))
    const labels = first.labels && concatRows(parts.map((part) => part.labels!))
    return new Samples(split.length, { inputs, ...(labels && { labels }) }, signal)
  }

  /** Batches of `size` samples in this order; the last may be smaller. */
  async *batches(order: readonly number[], size: number): AsyncIterable<Batch> {
    const { from, signal } = this
    if ('batches' in from) {
      yield* from.batches(size, { indices: order, signal })
      return
    }
    for (let at = 0; at < order.length; at += size) {
      const indices = order.slice(at, at + size)
      const inputs = Object.fromEntries(
        Object.entries(from.inputs).map(([name, value]) => [name, pickRows(value, indices)]),
      )
      yield { indices, inputs, ...(from.labels && { labels: pickRows(from.labels, indices) }) }
    }
  }
}

function sameRows(a: Batch, b: Batch): boolean {
  return Object.entries(a.inputs).every(
    ([name, value]) => value.dims.slice(1).join() === b.inputs[name]?.dims.slice(1).join(),
  )
}
