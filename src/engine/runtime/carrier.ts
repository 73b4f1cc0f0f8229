/** Samples that go on where others ended are run with the states that the model itself made of those. */
import type { Runner } from './runner'
import { sampleDims, type Port, type Signature } from './signature'
import { concatRows, pickRows, sliceRows, type Values } from './value'

/** Inputs that carry a state of one size from a sample to the next; none where any of them grows, as caches of keys do. */
export function carriedStates({ inputs }: Signature): Port[] {
  const states = inputs.filter(({ state }) => state !== undefined)
  const keepsSize = (port: Port): boolean =>
    sampleDims(port).every((dim) => typeof dim === 'number' && dim > 0)
  return states.every(keepsSize) ? states : []
}

/** Runs clips in order, as the model is used: whatever it is given, a step gets what came out of the one before. */
export class Carrier {
  private readonly fed: Port[]
  /** What the last sample of the last call left, by input. */
  private left?: Values

  /** `signature` is the original's, which a candidate's states are named by. */
  constructor(
    private readonly runner: Runner,
    private readonly signature: Signature,
  ) {
    this.fed = carriedStates(signature)
  }

  /** The outputs that are no states, where there are such. */
  private get answers(): string[] {
    const tensors = this.signature.outputs.filter(({ dtype }) => dtype)
    const own = tensors.filter(({ state }) => state === undefined)
    return (own.length > 0 ? own : tensors).map(({ name }) => name)
  }

  /**
   * As a runner does, one run for the steps of the same place in their clips. `follows` says of each sample whether it
   * goes on where the one before it ended, that of the call before counting too; others start with the state given.
   */
  async run(
    samples: Values,
    follows: readonly boolean[],
    fetches: readonly string[] = this.answers,
  ): Promise<Values> {
    if (this.fed.length === 0) return this.runner.run(samples, fetches)
    const all = [...new Set([...fetches, ...this.fed.map(({ state }) => state!)])]
    const starts = [...follows.keys()].filter((row) => row === 0 || !follows[row])
    const parts: Values[] = []
    const places: number[] = []
    const ends = starts.map((_, i) => starts[i + 1] ?? follows.length)
    let before: { rows: number[]; states: Values } | undefined
    for (let step = 0; ; step++) {
      const rows = starts.flatMap((from, i) => (from + step < ends[i]! ? [from + step] : []))
      if (rows.length === 0) break
      const given = picked(samples, rows)
      const states = before
        ? picked(
            before.states,
            rows.map((row) => before!.rows.indexOf(row - 1)),
          )
        : this.withLeft(given, follows[0] === true)
      const outputs = await this.runner.run({ ...given, ...states }, all)
      before = {
        rows,
        states: Object.fromEntries(this.fed.map(({ name, state }) => [name, outputs[state!]!])),
      }
      const last = rows.indexOf(follows.length - 1)
      if (last >= 0) this.left = picked(before.states, [last])
      parts.push(Object.fromEntries(fetches.map((name) => [name, outputs[name]!])))
      places.push(...rows)
    }
    const back = places.map((_, row) => places.indexOf(row))
    return Object.fromEntries(
      fetches.map((name) => [name, pickRows(concatRows(parts.map((part) => part[name]!)), back)]),
    )
  }

  /** The first clip of a call may have begun in the call before. */
  private withLeft(given: Values, goesOn: boolean): Values {
    const { left } = this
    if (!goesOn || !left) return {}
    return Object.fromEntries(
      Object.entries(left).map(([name, state]) => {
        const own = given[name]!
        return [name, concatRows([state, sliceRows(own, 1, own.dims[0]!)])]
      }),
    )
  }
}

const picked = (values: Values, rows: readonly number[]): Values =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, pickRows(value, rows)]))
