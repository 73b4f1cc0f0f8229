/** Collects rows of numbers that a text or column format gives one by one. */
import { sizeOf } from '../onnx'
import { requireMemory } from '../onnx/budget'
import { npyRows } from './npy'
import type { Rows } from './source'
import { Spool, type SpoolOptions } from './spool'

const CHUNK_ELEMENTS = 2 ** 17

const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array }

/** Row by row in, any order out; memory stays bounded (`Spool`). */
export class RowWriter {
  private readonly spool: Spool
  private readonly size: number
  private chunk: Float32Array | Float64Array | Int32Array
  private at = 0
  private rows = 0
  private wholeBytes = true
  private high = -Infinity

  constructor(
    readonly dims: readonly number[],
    readonly dtype: keyof typeof ARRAYS,
    options: SpoolOptions = {},
  ) {
    this.spool = new Spool(options)
    this.size = sizeOf(dims)
    requireMemory(this.size * 8 * 2, `a row of ${this.size} numbers`)
    this.chunk = this.fresh()
  }

  get length(): number {
    return this.rows
  }

  /** Whether all numbers are whole and in 0 … 255 and use most of that range: the pixels of pictures. */
  get looksLikeBytes(): boolean {
    return this.wholeBytes && this.high > 100
  }

  private fresh(): Float32Array | Float64Array | Int32Array {
    return new ARRAYS[this.dtype](Math.max(1, Math.ceil(CHUNK_ELEMENTS / Math.max(1, this.size))) * this.size)
  }

  /** Adds one row; `values` has as many numbers as a row. */
  async push(values: ArrayLike<number>): Promise<void> {
    if (values.length !== this.size)
      throw new RangeError(`a row of ${values.length} numbers, not ${this.size}`)
    for (let i = 0; i < this.size; i++) {
      const value = values[i]!
      if (value > this.high) this.high = value
      if (this.wholeBytes && !(value >= 0 && value <= 255 && Number.isInteger(value))) this.wholeBytes = false
    }
    this.chunk.set(values, this.at)
    this.at += this.size
    this.rows++
    if (this.at === this.chunk.length) await this.flush()
  }

  private async flush(): Promise<void> {
    if (this.at === 0) return
    const { buffer } = this.chunk
    await this.spool.append(new Uint8Array(buffer as ArrayBuffer, 0, this.at * this.chunk.BYTES_PER_ELEMENT))
    this.chunk = this.fresh()
    this.at = 0
  }

  async finish(): Promise<Rows> {
    await this.flush()
    const itemBytes = this.chunk.BYTES_PER_ELEMENT
    const shape = [this.rows, ...this.dims]
    const header = {
      dtype: this.dtype,
      itemBytes,
      bigEndian: false,
      fortranOrder: false,
      shape,
      dataOffset: 0,
    }
    return npyRows(header, await this.spool.finish(), 'rows')
  }

  discard(): Promise<void> {
    return this.spool.discard()
  }
}
