/** Reads tensors: raw data, typed data fields and external data. Source: onnx.proto3, TensorProto. */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { bitsOf, dtypeOfCode, packedBytes, type DType } from './dtype'
import { BufferSource, FileSource, type ByteSource } from './source'
import { sizeOf, Tensor, type TensorSource } from './tensor'
import { WireReader, type Int64 } from './wire'

/** Where external data of a model lies; a location may not leave `folder`. */
export interface Surroundings {
  file: string
  folder: string | undefined
  external: Map<string, FileSource>
  /** How many graphs the one being read lies in. */
  depth: number
}

/** Fields up to this size are copied into memory when met; larger ones are left in the file. */
const KEEP_IN_FILE = 4096

/** Reads a StringStringEntryProto. */
export function addEntry(into: Map<string, string>, reader: WireReader): void {
  let key = ''
  let value = ''
  reader.fields((field, wire) => {
    if (field === 1 && wire === 2) key = reader.text()
    else if (field === 2 && wire === 2) value = reader.text()
    else return false
    return true
  })
  into.set(key, value)
}

/** Payload of a typed data field (float_data and the like): one range per occurrence on the wire. */
interface TypedField {
  field: number
  wire: number
  offset: number
  length: number
}

export function parseTensor(reader: WireReader, around: Surroundings): { name: string; tensor: Tensor } {
  const { source } = reader
  const dims: Int64[] = []
  let code = 0
  let name = ''
  let raw: { offset: number; length: number } | undefined
  const typed: TypedField[] = []
  const strings: string[] = []
  const external = new Map<string, string>()
  let isExternal = false
  const extra = reader.fields((field, wire) => {
    if (field === 1) return reader.repeated(wire, dims, (r) => r.int64())
    if (field === 2 && wire === 0) code = Number(reader.varint())
    else if (field === 6 && wire === 2) strings.push(reader.text())
    else if (field === 8 && wire === 2) name = reader.text()
    else if (field === 9 && wire === 2) {
      const length = reader.span()
      raw = { offset: reader.position, length }
      reader.position += length
    } else if (field === 13 && wire === 2) addEntry(external, reader.message())
    else if (field === 14 && wire === 0) isExternal = Number(reader.varint()) === 1
    else if ([4, 5, 7, 10, 11].includes(field)) {
      const at = reader.position
      if (wire === 2) {
        const length = reader.span()
        typed.push({ field, wire, offset: reader.position, length })
        reader.position += length
      } else {
        reader.skip(wire)
        typed.push({ field, wire, offset: at, length: reader.position - at })
      }
    } else return false
    return true
  })
  const dtype = dtypeOfCode(code)
  if (!dtype) throw reader.malformed(`tensor ${name} of unknown element type ${code}`)
  const shape = dims.map(Number)
  if (shape.some((dim) => dim < 0)) throw reader.malformed(`tensor ${name} with a negative dimension`)
  const expected = packedBytes(dtype, sizeOf(shape))
  if (!Number.isSafeInteger(expected))
    throw reader.malformed(`tensor ${name} of impossible size [${shape.join(', ')}]`)
  const make = (data: TensorSource): { name: string; tensor: Tensor } => ({
    name,
    tensor: new Tensor(dtype, shape, data, extra),
  })
  if (dtype === 'string') return make({ strings, bytes: () => new Uint8Array(0) })
  if (isExternal) return make(externalRange(external, around, name, expected))
  if (raw) {
    if (raw.length !== expected)
      throw reader.malformed(`tensor ${name} holds ${raw.length} bytes where its shape needs ${expected}`)
    return make(rangeSource(source, raw.offset, raw.length))
  }
  return make(typedSource(source, dtype, typed, sizeOf(shape), name))
}

function rangeSource(source: ByteSource, offset: number, length: number): TensorSource {
  if (length <= KEEP_IN_FILE || source instanceof BufferSource) {
    const bytes = source.read(offset, length)
    return { bytes: () => bytes }
  }
  return { bytes: () => source.read(offset, length), range: { source, offset } }
}

/** Elements of the typed fields, as the packed bytes the rest of the program uses. */
function typedSource(
  source: ByteSource,
  dtype: DType,
  fields: TypedField[],
  size: number,
  name: string,
): TensorSource {
  const width = bitsOf(dtype)
  const [first] = fields
  const few = (): PareError =>
    new PareError('model/not-onnx', { file: source.name, reason: `tensor ${name} has too few elements` })
  // No element takes less than a byte on the wire, so a shape that claims more is refused before it is allocated.
  const available = fields.reduce((sum, field) => sum + field.length, 0)
  if (packedBytes(dtype, size) > available * Math.max(1, width / 8)) throw few()
  const plainBytes = first && (first.field === 4 || first.field === 10)
  if (plainBytes && fields.length === 1 && first.length * 8 === size * width)
    return rangeSource(source, first.offset, first.length)
  const compute = (): Uint8Array => {
    const length = packedBytes(dtype, size)
    const out = new Uint8Array(length)
    const view = new DataView(out.buffer)
    let at = 0
    for (const { field, wire, offset, length: span } of fields) {
      const reader = new WireReader(source, offset, offset + span)
      while (!reader.done && at < length) {
        if (field === 4) view.setFloat32(at, reader.float(), true)
        else if (field === 10) out.set(reader.bytes(8), at)
        else setInteger(view, at, width, reader.varint())
        at += field === 4 ? 4 : field === 10 ? 8 : Math.max(1, width / 8)
        if (wire !== 2) break
      }
    }
    if (at < length)
      throw new PareError('model/not-onnx', {
        file: source.name,
        reason: `tensor ${name} has too few elements`,
      })
    return out
  }
  if (packedBytes(dtype, size) > KEEP_IN_FILE) return { bytes: compute }
  const bytes = compute()
  return { bytes: () => bytes }
}

/** The low `width` bits of a varint; elements narrower than a byte come a byte at a time. */
function setInteger(view: DataView, at: number, width: number, value: Int64): void {
  if (width === 64) view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true)
  else {
    const low =
      typeof value === 'number' && value < 2 ** 32 ? value : Number(BigInt.asUintN(32, BigInt(value)))
    if (width === 32) view.setUint32(at, low, true)
    else if (width === 16) view.setUint16(at, low, true)
    else view.setUint8(at, low)
  }
}

/** External data may lie only in the model's folder or below it, links followed: models are untrusted. */
function externalRange(
  entries: Map<string, string>,
  around: Surroundings,
  tensor: string,
  expected: number,
): TensorSource {
  const location = entries.get('location') ?? ''
  const { file, folder } = around
  const missing = new PareError('model/external-data-missing', { file: location || file, tensor })
  if (folder === undefined || location === '') throw missing
  const escapes = new PareError('model/external-data-escapes', { file, tensor, location })
  if (path.isAbsolute(location) || path.win32.isAbsolute(location)) throw escapes
  const target = path.resolve(folder, location)
  if (!inside(folder, target)) throw escapes
  if (!fs.existsSync(target)) throw missing
  if (!inside(fs.realpathSync(folder), fs.realpathSync(target))) throw escapes
  let source = around.external.get(target)
  if (!source) around.external.set(target, (source = new FileSource(target)))
  const offset = Number(entries.get('offset') ?? 0)
  const length = Number(entries.get('length') ?? expected)
  if (!Number.isSafeInteger(offset) || offset < 0 || length !== expected)
    throw new PareError('model/not-onnx', {
      file,
      reason: `tensor ${tensor} says its ${expected} bytes are ${length} bytes at ${offset} of ${location}`,
    })
  if (offset + length > source.length)
    throw new PareError('model/truncated', { file: target, at: source.length })
  return rangeSource(source, offset, length)
}

function inside(folder: string, target: string): boolean {
  const relative = path.relative(folder, target)
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative)
}
