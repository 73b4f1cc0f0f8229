/**
 * A model file reduced to what it says, without the codec under test: fields in order of their numbers, packed and
 * plain lists alike, elements of tensors as raw bytes, defaults left out. Two files that say the same give the same text.
 * Source: onnx.proto3; protobuf.dev/programming-guides/encoding.
 */
import { createHash } from 'node:crypto'

type Shape = Readonly<Record<number, Kind>>
type Kind = 'varint' | 'float' | 'double' | 'bytes' | (() => Shape)

const ENTRY: Shape = { 1: 'bytes', 2: 'bytes' }
const OPSET: Shape = { 1: 'bytes', 2: 'varint' }
const TENSOR: Shape = {
  1: 'varint',
  2: 'varint',
  4: 'float',
  5: 'varint',
  6: 'bytes',
  7: 'varint',
  8: 'bytes',
  9: 'bytes',
  10: 'double',
  11: 'varint',
  12: 'bytes',
  13: () => ENTRY,
  14: 'varint',
}
const SPARSE: Shape = { 1: () => TENSOR, 2: () => TENSOR, 3: 'varint' }
const DIMENSION: Shape = { 1: 'varint', 2: 'bytes', 3: 'bytes' }
const DIMENSIONS: Shape = { 1: () => DIMENSION }
const TENSOR_TYPE: Shape = { 1: 'varint', 2: () => DIMENSIONS }
const LIST_TYPE: Shape = { 1: () => TYPE }
const MAP_TYPE: Shape = { 1: 'varint', 2: () => TYPE }
const TYPE: Shape = {
  1: () => TENSOR_TYPE,
  4: () => LIST_TYPE,
  5: () => MAP_TYPE,
  6: 'bytes',
  8: () => TENSOR_TYPE,
  9: () => LIST_TYPE,
}
const VALUE: Shape = { 1: 'bytes', 2: () => TYPE, 3: 'bytes' }
/** The type of an attribute (field 20) follows from the field that holds it, and the oldest files do without. */
const TYPE_OF_ATTRIBUTE = 20
const ATTRIBUTE: Shape = {
  1: 'bytes',
  2: 'float',
  3: 'varint',
  4: 'bytes',
  5: () => TENSOR,
  6: () => GRAPH,
  7: 'float',
  8: 'varint',
  9: 'bytes',
  10: () => TENSOR,
  11: () => GRAPH,
  13: 'bytes',
  14: () => TYPE,
  15: () => TYPE,
  20: 'varint',
  21: 'bytes',
  22: () => SPARSE,
  23: () => SPARSE,
}
const NODE: Shape = {
  1: 'bytes',
  2: 'bytes',
  3: 'bytes',
  4: 'bytes',
  5: () => ATTRIBUTE,
  6: 'bytes',
  7: 'bytes',
}
const GRAPH: Shape = {
  1: () => NODE,
  2: 'bytes',
  5: () => TENSOR,
  10: 'bytes',
  11: () => VALUE,
  12: () => VALUE,
  13: () => VALUE,
  15: () => SPARSE,
}
const MODEL: Shape = {
  1: 'varint',
  2: 'bytes',
  3: 'bytes',
  4: 'bytes',
  5: 'varint',
  6: 'bytes',
  7: () => GRAPH,
  8: () => OPSET,
  14: () => ENTRY,
  25: 'bytes',
}

/** Lists of scalars: a zero in them is an element, while a single field that is zero may be left out. */
const LISTS: ReadonlyMap<Shape, readonly number[]> = new Map([
  [ATTRIBUTE, [7, 8, 9]],
  [NODE, [1, 2]],
  [TENSOR, [1, 6]],
  [DIMENSION, [1]],
])

const isDefault = (value: string): boolean => /^0*$/.test(value)

/** Order among repeated fields says nothing here: constants, types of values and metadata go by name. */
const UNORDERED: ReadonlyMap<Shape, readonly number[]> = new Map([
  [GRAPH, [5, 13]],
  [MODEL, [8, 14]],
  [NODE, [5]],
])

class Reader {
  at = 0
  constructor(readonly bytes: Buffer) {}
  get done(): boolean {
    return this.at >= this.bytes.length
  }
  varint(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw new RangeError('the message ends within a number')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
  }
  take(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw new RangeError('the message ends within a field')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

const scalar = (kind: 'varint' | 'float' | 'double', reader: Reader): string =>
  kind === 'varint' ? String(reader.varint()) : reader.take(kind === 'float' ? 4 : 8).toString('hex')

function textOf(bytes: Buffer): string {
  if (bytes.length > 256) return `#${createHash('sha256').update(bytes).digest('base64')}`
  return bytes.toString('latin1')
}

function message(bytes: Buffer, shape: Shape, skip: readonly number[] = []): string {
  const fields = new Map<number, string[]>()
  const reader = new Reader(bytes)
  while (!reader.done) {
    const tag = Number(reader.varint())
    const [number, wire] = [tag >>> 3, tag & 7]
    const kind = shape[number]
    const values = fields.get(number) ?? []
    fields.set(number, values)
    const payload = wire === 2 ? reader.take(Number(reader.varint())) : undefined
    if (payload === undefined) {
      const width = wire === 5 ? 4 : 8
      values.push(wire === 0 ? String(reader.varint()) : reader.take(width).toString('hex'))
    } else if (typeof kind === 'function') {
      const inner = kind()
      // A tensor in an attribute needs no name.
      const isNameless = inner === TENSOR && shape === ATTRIBUTE
      values.push(inner === TENSOR ? tensor(payload, isNameless) : message(payload, inner))
    } else if (kind === undefined || kind === 'bytes') values.push(textOf(payload))
    else for (const packed = new Reader(payload); !packed.done;) values.push(scalar(kind, packed))
  }
  if (shape === NODE || shape === OPSET) {
    // The two names of the standard domain.
    const domain = shape === NODE ? 7 : 1
    if (fields.get(domain)?.[0] === 'ai.onnx') fields.delete(domain)
  }
  for (const number of UNORDERED.get(shape) ?? []) fields.get(number)?.sort()
  if (shape === ATTRIBUTE) fields.delete(TYPE_OF_ATTRIBUTE)
  const isListed = (number: number): boolean => LISTS.get(shape)?.includes(number) ?? false
  const parts = [...fields]
    .filter(([number, values]) => !skip.includes(number) && values.length > 0)
    .filter(([number, values]) => values.length > 1 || isListed(number) || !isDefault(values[0]!))
    .sort(([a], [b]) => a - b)
    .map(([number, values]) => `${number}:[${values.join('|')}]`)
  return `{${parts.join(' ')}}`
}

/** Bits of an element by TensorProto.DataType, for the lists of int32_data. */
const WIDTHS: Readonly<Record<number, number>> = {
  2: 8,
  3: 8,
  4: 16,
  5: 16,
  6: 32,
  9: 8,
  10: 16,
  12: 32,
  13: 64,
  16: 16,
  7: 64,
}

/** Elements come as raw bytes or in one of five typed lists; both are told as raw bytes. */
function tensor(bytes: Buffer, nameless: boolean): string {
  const elements: Buffer[] = []
  const lists: { field: number; payload: Buffer; packed: boolean }[] = []
  let type = 0
  const reader = new Reader(bytes)
  while (!reader.done) {
    const tag = Number(reader.varint())
    const [field, wire] = [tag >>> 3, tag & 7]
    const from = reader.at
    if (wire === 0) {
      const value = reader.varint()
      if (field === 2) type = Number(value)
      if ([5, 7, 11].includes(field))
        lists.push({ field, payload: reader.bytes.subarray(from, reader.at), packed: false })
    } else if (wire === 2) {
      const payload = reader.take(Number(reader.varint()))
      if ([4, 5, 7, 10, 11].includes(field)) lists.push({ field, payload, packed: true })
      if (field === 9) elements.push(payload)
    } else {
      const payload = reader.take(wire === 5 ? 4 : 8)
      if (field === 4 || field === 10) lists.push({ field, payload, packed: false })
    }
  }
  for (const { field, payload } of lists) {
    if (field === 4 || field === 10) elements.push(payload)
    else
      for (const list = new Reader(payload); !list.done;) {
        const element = Buffer.alloc(8)
        element.writeBigUInt64LE(list.varint())
        elements.push(element.subarray(0, Math.ceil((WIDTHS[type] ?? 8) / 8)))
      }
  }
  const skip = [4, 5, 7, 9, 10, 11, ...(nameless ? [8] : [])]
  return `${message(bytes, TENSOR, skip)}${textOf(Buffer.concat(elements))}`
}

/** What a ModelProto says. Throws RangeError where the bytes are none. */
export const canonical = (model: Uint8Array): string => message(Buffer.from(model), MODEL)
