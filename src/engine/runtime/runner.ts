/** A session that takes any number of samples, also where the model's own batch is fixed, and gives as many answers. */
import { readModel, withScoreTables, type Model } from '../onnx'
import { fromFile } from './edge'
import { addFirst, runsOf } from './samples'
import { openSession, type Session, type SessionOptions } from './session'
import { signatureOf, type Signature } from './signature'
import { concatRows, moveAxis, sliceRows, type Value, type Values } from './value'

export interface Runner {
  readonly model: Model
  readonly signature: Signature
  /** Outputs seen to change their size with the data; their rows end in zeros where others are larger. */
  readonly varying: ReadonlySet<string>
  /** Runs samples (first axis of each input counts them); the first axis of every output counts them too. */
  run(samples: Values, fetches?: readonly string[]): Promise<Values>
  release(): Promise<void>
}

/**
 * Opens a model for evaluation; scores that it gives as maps come as tables. Throws `model/not-loadable`; its runs throw `data/shape-mismatch` when samples
 * lack an input of the model or have it in another type or shape.
 */
export async function openRunner(source: Model | string, options: SessionOptions = {}): Promise<Runner> {
  const original = typeof source === 'string' ? readModel(source) : source
  const { model } = withScoreTables(original)
  const session = await openSession(model === original ? source : model, options)
  return new SampleRunner(model, signatureOf(model), session)
}

class SampleRunner implements Runner {
  readonly varying = new Set<string>()
  private readonly tensors: readonly string[]

  constructor(
    readonly model: Model,
    readonly signature: Signature,
    private readonly session: Session,
  ) {
    this.tensors = signature.outputs.filter(({ dtype }) => dtype).map(({ name }) => name)
  }

  async run(samples: Values, fetches = this.tensors): Promise<Values> {
    const whole = this.needsSingles(fetches) ? undefined : await this.inRuns(samples, fetches)
    return whole ?? (await this.oneByOne(samples, fetches))
  }

  release(): Promise<void> {
    return this.session.release()
  }

  private axisOf(name: string): number | null {
    if (this.varying.has(name)) return null
    return this.signature.outputs.find((port) => port.name === name)?.batchAxis ?? null
  }

  private needsSingles(fetches: readonly string[]): boolean {
    return this.signature.batch === undefined && fetches.some((name) => this.axisOf(name) === null)
  }

  /** Undefined where an output turns out not to have its samples on the axis it was said to have. */
  private async inRuns(samples: Values, fetches: readonly string[]): Promise<Values | undefined> {
    const parts: Values[] = []
    for (const { from, to, feeds } of runsOf(this.signature, samples)) {
      const outputs = await this.session.run(feeds, fetches)
      const rows = this.signature.batch ?? to - from
      const part: Values = {}
      for (const name of fetches) {
        const value = outputs[name]!
        const axis = this.axisOf(name)
        if (axis !== null && value.dims[axis] !== rows) {
          this.varying.add(name)
          if (this.signature.batch === undefined) return undefined
        }
        part[name] = this.rowsOf(name, value, to - from)
      }
      parts.push(part)
    }
    return joined(parts, fetches)
  }

  private async oneByOne(samples: Values, fetches: readonly string[]): Promise<Values> {
    const parts: Values[] = []
    for (const { feeds } of runsOf(this.signature, samples, 1)) {
      const outputs = await this.session.run(feeds, fetches)
      parts.push(Object.fromEntries(fetches.map((name) => [name, this.rowsOf(name, outputs[name]!, 1)])))
    }
    return joined(parts, fetches)
  }

  /** The first `rows` answers an output holds; without an axis of samples it is the answer to each of the run. */
  private rowsOf(name: string, given: Value, rows: number): Value {
    const axis = this.axisOf(name)
    const port = this.signature.outputs.find((output) => output.name === name)
    const value = port ? fromFile(given, port) : given
    if (axis !== null) return sliceRows(moveAxis(value, axis, 0), 0, rows)
    return concatRows(Array.from({ length: rows }, () => addFirst(value)))
  }
}

function joined(parts: readonly Values[], names: readonly string[]): Values {
  if (parts.length === 1) return parts[0]!
  return Object.fromEntries(names.map((name) => [name, concatRows(parts.map((part) => part[name]!))]))
}
