/**
 * A constant of a graph. Its bytes lie in memory, in a range of a file, or are computed when asked for, so
 * that a model of gigabytes is held as a few kilobytes. Tensors are immutable and shared between models.
 */
import { createHash } from 'node:crypto'
import { bitsOf, packedBytes, type DType } from './dtype'
import { decode, encode, type NumericArray } from './numeric'
import type { ByteSource } from './source'
import { byteLengthOf } from './text'

export interface TensorSource {
  /** Packed little-endian bytes; for strings, see `Tensor.strings()`. */
  bytes(): Uint8Array
  /** Where the bytes lie when they are a plain range, so that a writer can copy them in pieces. */
  range?: { source: ByteSource; offset: number }
  strings?: readonly string[]
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1)

export class Tensor {
  readonly size: number
  private key: string | undefined

  constructor(
    readonly dtype: DType,
    readonly dims: readonly number[],
    readonly source: TensorSource,
    /** Kept for writing back: doc string, metadata and fields this version does not know. */
    readonly extra: readonly Uint8Array[] = [],
  ) {
    this.size = sizeOf(dims)
  }

  /** `bytes` are not copied and must not change afterwards. */
  static fromBytes(dtype: DType, dims: readonly number[], bytes: Uint8Array): Tensor {
    const tensor = new Tensor(dtype, dims, { bytes: () => bytes })
    if (bytes.length !== tensor.byteLength)
      throw new RangeError(
        `${dtype}[${dims.join(',')}] takes ${tensor.byteLength} bytes, not ${bytes.length}`,
      )
    return tensor
  }

  static float32(dims: readonly number[], values: Float32Array | readonly number[]): Tensor {
    const floats = values instanceof Float32Array ? values : Float32Array.from(values)
    return Tensor.fromBytes(
      'float32',
      dims,
      new Uint8Array(floats.buffer as ArrayBuffer, floats.byteOffset, floats.byteLength),
    )
  }

  static int64(values: readonly number[], dims: readonly number[] = [values.length]): Tensor {
    return Tensor.of('int64', dims, values)
  }

  static scalar(dtype: DType, value: number): Tensor {
    return Tensor.of(dtype, [], [value])
  }

  /** Numbers encoded as `dtype`; integers are rounded half to even and saturated. */
  static of(dtype: DType, dims: readonly number[], values: ArrayLike<number>): Tensor {
    return Tensor.fromBytes(dtype, dims, encode(dtype, values))
  }

  /** Bytes computed each time they are needed: for weight passes over models larger than memory. */
  static lazy(dtype: DType, dims: readonly number[], compute: () => Uint8Array): Tensor {
    return new Tensor(dtype, dims, { bytes: compute })
  }

  static fromStrings(dims: readonly number[], strings: readonly string[]): Tensor {
    return new Tensor('string', dims, {
      strings,
      bytes: () => {
        throw new TypeError('a string tensor has no raw bytes')
      },
    })
  }

  /** Packed size in bytes. */
  get byteLength(): number {
    if (this.source.strings) return this.source.strings.reduce((n, s) => n + byteLengthOf(s), 0)
    return packedBytes(this.dtype, this.size)
  }

  bytes(): Uint8Array {
    return this.source.bytes()
  }

  strings(): readonly string[] {
    if (!this.source.strings) throw new TypeError(`${this.dtype} tensor is not a string tensor`)
    return this.source.strings
  }

  /** Elements in their own type. Read-only: may share memory with the model. */
  values(): NumericArray {
    return decode(this.dtype, this.source.bytes(), this.size)
  }

  /** Elements as float32. Read-only: copy before writing. */
  floats(): Float32Array {
    const values = this.values()
    if (values instanceof Float32Array) return values
    return values instanceof BigInt64Array || values instanceof BigUint64Array
      ? Float32Array.from(values, Number)
      : Float32Array.from(values)
  }

  /** Elements as plain numbers; for shapes, axes and scalars. */
  numbers(): number[] {
    const values = this.values()
    return values instanceof BigInt64Array || values instanceof BigUint64Array
      ? Array.from(values, Number)
      : Array.from(values)
  }

  reshape(dims: readonly number[]): Tensor {
    if (sizeOf(dims) !== this.size) throw new RangeError(`cannot reshape [${this.dims}] to [${dims}]`)
    return new Tensor(this.dtype, dims, this.source, this.extra)
  }

  /** Equal for tensors with the same dtype, shape and content: how tied weights stored twice are seen as one. */
  contentKey(): string {
    if (this.key === undefined) {
      const hash = createHash('sha256').update(`${this.dtype}[${this.dims.join(',')}]`)
      if (this.source.strings) hash.update(JSON.stringify(this.source.strings))
      else for (const chunk of this.chunks()) hash.update(chunk)
      this.key = hash.digest('base64')
    }
    return this.key
  }

  /** The packed bytes in pieces of at most 8 MiB, without holding a file range whole. */
  *chunks(): Iterable<Uint8Array> {
    const { range } = this.source
    if (!range) {
      yield this.source.bytes()
      return
    }
    const piece = 8 * 1024 * 1024
    const length = this.byteLength
    for (let at = 0; at < length; at += piece)
      yield range.source.read(range.offset + at, Math.min(piece, length - at))
  }

  get bits(): number {
    return bitsOf(this.dtype)
  }
}
