/**
 * Protocol Buffers wire format, read from anything with random access so that a field of gigabytes is
 * skipped by its length instead of being loaded.
 * Source: protobuf.dev/programming-guides/encoding.
 */
import { PareError } from '../../contract/errors'
import type { ByteSource } from './source'
import { bytesOf, textOf } from './text'

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

const WINDOW = 64 * 1024

/** int64 as a number where it is exact, else as a bigint: INT64_MAX stands in many Slice nodes. */
export type Int64 = number | bigint

export class WireReader {
  private window: Uint8Array = new Uint8Array(0)
  private start = 0

  constructor(
    readonly source: ByteSource,
    public position = 0,
    readonly end = source.length,
  ) {
    if (end > source.length) throw this.truncated()
  }

  truncated(): PareError {
    return new PareError('model/truncated', { file: this.source.name, at: this.position })
  }

  malformed(reason: string): PareError {
    return new PareError('model/not-onnx', {
      file: this.source.name,
      reason: `${reason} at byte ${this.position}`,
    })
  }

  get done(): boolean {
    return this.position >= this.end
  }

  private byte(): number {
    if (this.position >= this.end) throw this.truncated()
    let offset = this.position - this.start
    if (offset < 0 || offset >= this.window.length) {
      this.start = this.position
      this.window = this.source.read(this.position, Math.min(WINDOW, this.source.length - this.position))
      offset = 0
    }
    this.position++
    return this.window[offset]!
  }

  /** A varint as unsigned 64 bits. */
  varint(): Int64 {
    let low = 0
    let scale = 1
    for (let i = 0; i < 7; i++) {
      const b = this.byte()
      low += (b & 0x7f) * scale
      if (b < 0x80) return low
      scale *= 128
    }
    let big = BigInt(low)
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const b = this.byte()
      big |= BigInt(b & 0x7f) << shift
      if (b < 0x80) return exact(BigInt.asUintN(64, big))
    }
    throw this.malformed('a number that never ends')
  }

  int64(): Int64 {
    const value = this.varint()
    return typeof value === 'number' && value <= Number.MAX_SAFE_INTEGER
      ? value
      : exact(BigInt.asIntN(64, BigInt(value)))
  }

  /** Length prefix of a bytes field, checked against what is left. */
  span(): number {
    const length = Number(this.varint())
    if (this.position + length > this.end) throw this.truncated()
    return length
  }

  bytes(length: number): Uint8Array {
    if (this.position + length > this.end) throw this.truncated()
    const offset = this.position - this.start
    const inWindow = offset >= 0 && offset + length <= this.window.length
    const out = inWindow
      ? this.window.slice(offset, offset + length)
      : this.source.read(this.position, length)
    this.position += length
    return out
  }

  text(): string {
    return textOf(this.bytes(this.span()))
  }

  float(): number {
    const bytes = this.bytes(4)
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true)
  }

  /** Steps over the payload of a field whose tag has been read. */
  skip(wireType: number): void {
    if (wireType === VARINT) this.varint()
    else if (wireType === BYTES) {
      const length = this.span()
      this.position += length
    } else if (wireType === FIXED64) this.bytes(8)
    else if (wireType === FIXED32) this.bytes(4)
    else throw this.malformed(`field of unknown wire type ${wireType}`)
  }

  /** A reader of a nested message; this reader moves behind it. */
  message(): WireReader {
    const length = this.span()
    const nested = new WireReader(this.source, this.position, this.position + length)
    nested.window = this.window
    nested.start = this.start
    this.position += length
    return nested
  }

  /**
   * Calls `visit(field, wireType)` for each field until the end. `visit` returns true when it read the
   * payload; what it refuses is returned as raw bytes, tags included, so that a writer can put it back.
   */
  fields(visit: (field: number, wireType: number) => boolean): Uint8Array[] {
    const unknown: Uint8Array[] = []
    while (!this.done) {
      const at = this.position
      const tag = Number(this.varint())
      const field = Math.floor(tag / 8)
      if (field === 0) throw this.malformed('field number 0')
      if (visit(field, tag & 7)) continue
      this.skip(tag & 7)
      const behind = this.position
      this.position = at
      unknown.push(this.bytes(behind - at))
    }
    return unknown
  }

  /** Payload of a repeated scalar field in either its packed or its plain form. */
  repeated<T>(wireType: number, into: T[], read: (reader: WireReader) => T): true {
    if (wireType !== BYTES) into.push(read(this))
    else for (const nested = this.message(); !nested.done;) into.push(read(nested))
    return true
  }
}

const exact = (value: bigint): Int64 =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value

/**
 * Writes a message as a list of pieces. A piece is bytes in memory, or something that knows its length and
 * streams itself, so that lengths of nested messages are known without touching the weights.
 */
export interface Piece {
  readonly length: number
  chunks(): Iterable<Uint8Array>
}

export class WireWriter {
  private small: number[] = []
  private readonly pieces: (Uint8Array | Piece)[] = []
  private total = 0

  get length(): number {
    return this.total + this.small.length
  }

  private flush(): void {
    if (this.small.length === 0) return
    this.pieces.push(Uint8Array.from(this.small))
    this.total += this.small.length
    this.small = []
  }

  private add(piece: Uint8Array | Piece): void {
    this.flush()
    this.pieces.push(piece)
    this.total += piece.length
  }

  private varint(value: Int64): void {
    if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) {
      while (value >= 128) {
        this.small.push((value % 128) | 0x80)
        value = Math.floor(value / 128)
      }
      this.small.push(value)
      return
    }
    let big = BigInt.asUintN(64, BigInt(value))
    while (big >= 128n) {
      this.small.push(Number(big & 127n) | 0x80)
      big >>= 7n
    }
    this.small.push(Number(big))
  }

  private tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType)
  }

  int(field: number, value: Int64): void {
    this.tag(field, VARINT)
    this.varint(value)
  }

  float(field: number, value: number): void {
    this.tag(field, FIXED32)
    this.small.push(...new Uint8Array(Float32Array.of(value).buffer))
  }

  floats(field: number, values: readonly number[]): void {
    if (values.length > 0) this.bytes(field, new Uint8Array(Float32Array.from(values).buffer))
  }

  ints(field: number, values: readonly Int64[]): void {
    const packed = new WireWriter()
    for (const value of values) packed.varint(value)
    if (values.length > 0) this.message(field, packed)
  }

  text(field: number, value: string): void {
    this.bytes(field, bytesOf(value))
  }

  bytes(field: number, value: Uint8Array | Piece): void {
    this.tag(field, BYTES)
    this.varint(value.length)
    if (value.length > 0) this.add(value)
  }

  message(field: number, nested: WireWriter): void {
    this.tag(field, BYTES)
    this.varint(nested.length)
    nested.flush()
    for (const piece of nested.pieces) this.add(piece)
  }

  raw(fields: readonly Uint8Array[]): void {
    for (const bytes of fields) this.add(bytes)
  }

  *chunks(): Iterable<Uint8Array> {
    this.flush()
    for (const piece of this.pieces) {
      if (piece instanceof Uint8Array) yield piece
      else yield* piece.chunks()
    }
  }

  toBytes(): Uint8Array {
    const out = new Uint8Array(this.length)
    let offset = 0
    for (const chunk of this.chunks()) {
      out.set(chunk, offset)
      offset += chunk.length
    }
    return out
  }
}
