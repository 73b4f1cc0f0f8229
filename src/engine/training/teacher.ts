/** The teacher's values for training samples: computed once each where they fit in memory. */
import type { Batch } from '../data/dataset'
import { sizeOf, type Model } from '../onnx'
import {
  feedOf,
  openSession,
  pickRows,
  signatureOf,
  withOutputs,
  type Session,
  type Signature,
  type Value,
} from '../runtime'

/** Values of one teacher kept up to this many bytes. */
const KEEP_BYTES = 512 * 2 ** 20

export class Teacher {
  private readonly kept = new Map<number, Float32Array[]>()
  private bytes = 0

  private constructor(
    private readonly session: Session,
    private readonly signature: Signature,
    private readonly values: readonly string[],
    private readonly batch: number,
  ) {}

  /** `values` are names within the teacher; `batch` is the number of samples a run takes. */
  static async open(
    model: Model,
    values: readonly string[],
    batch: number,
    threads?: number,
  ): Promise<Teacher> {
    // Threads that spin between runs would take cores from the session that trains.
    const session = await openSession(withOutputs(model, values), {
      spinning: false,
      ...(threads && { threads }),
    })
    return new Teacher(session, signatureOf(model), values, batch)
  }

  /** Whether it need not be asked about these samples again. */
  knows(indices: readonly number[]): boolean {
    return indices.every((index) => this.kept.has(index))
  }

  /** Values for a batch, first axis its samples. `keep: false` for inputs that were augmented. */
  async valuesFor(batch: Batch, keep = true): Promise<Value[]> {
    if (keep && this.knows(batch.indices)) return this.recall(batch.indices)
    const rows = batch.indices.length
    const feeds = feedOf(this.signature, batch.inputs, { size: this.batch })
    const outputs = await this.session.run(feeds, [...this.values])
    const found = this.values.map((name) => {
      const value = outputs[name]!
      return rows === this.batch
        ? value
        : pickRows(
            value,
            batch.indices.map((_, i) => i),
          )
    })
    this.remember(batch.indices, found, keep)
    return found
  }

  private dims: (readonly number[])[] = []

  private remember(indices: readonly number[], found: readonly Value[], keep: boolean): void {
    const dims = found.map((value) => value.dims.slice(1))
    if (!keep || (this.dims.length > 0 && this.dims.join('/') !== dims.join('/'))) return
    this.dims = dims
    indices.forEach((index, row) => {
      if (this.kept.has(index) || this.bytes > KEEP_BYTES) return
      const rows = found.map((value) => {
        const width = sizeOf(value.dims.slice(1))
        return (value.data as Float32Array).slice(row * width, (row + 1) * width)
      })
      this.bytes += rows.reduce((n, part) => n + part.byteLength, 0)
      this.kept.set(index, rows)
    })
  }

  private recall(indices: readonly number[]): Value[] {
    return this.dims.map((dims, v) => {
      const width = sizeOf(dims)
      const data = new Float32Array(indices.length * width)
      indices.forEach((index, i) => data.set(this.kept.get(index)![v]!, i * width))
      return { dtype: 'float32', dims: [indices.length, ...dims], data }
    })
  }

  release(): Promise<void> {
    return this.session.release()
  }
}
