/**
 * The NPY format: header and rows. Source: numpy.lib.format, versions 1.0–3.0.
 * Object arrays are refused: reading them runs a program kept in the file (pickle).
 */
import { PareError } from '../../contract/errors'
import { requireMemory } from '../onnx/budget'
import { ELEMENT_ARRAYS } from '../onnx/numeric'
import { bitsOf, sizeOf, type DType } from '../onnx'
import type { Value, ValueData } from '../runtime/value'
import type { Rows } from './source'
import type { Bytes } from './spool'

export interface NpyHeader {
  dtype: DType
  /** Bytes of one element; for strings that of the fixed-width field. */
  itemBytes: number
  /** Strings only: 1 = bytes (numpy S), 4 = UTF-32 (numpy U). */
  characterBytes?: 1 | 4
  bigEndian: boolean
  fortranOrder: boolean
  shape: number[]
  /** Where the data begins. */
  dataOffset: number
}

/** A header larger than this is an attack or an accident; numpy's own limit is 10,000 characters. */
const HEADER_LIMIT = 2 ** 20

/** Rows without numbers, such as states of no length; more of them than this is an attack or an accident. */
const MOST_EMPTY = 2 ** 20

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

const KINDS: Record<string, DType> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
}

const unreadable = (path: string, reason: string): PareError =>
  new PareError('data/unreadable', { path, reason })

/** How many bytes of the file the header takes, from its first 12 bytes. */
export function npyHeaderLength(start: Uint8Array, path: string): number {
  if (start.length < 12 || MAGIC.some((byte, i) => start[i] !== byte))
    throw unreadable(path, 'it does not begin like an NPY array')
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const major = start[6]!
  if (major < 1 || major > 3) throw unreadable(path, `NPY version ${major} is not known`)
  const length = major === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true)
  if (length > HEADER_LIMIT) throw unreadable(path, `its NPY header claims ${length} bytes`)
  return length
}

/** Reads the header; `bytes` holds at least `npyHeaderLength` bytes. Throws `data/unreadable`. */
export function parseNpyHeader(bytes: Uint8Array, path: string): NpyHeader {
  const length = npyHeaderLength(bytes, path)
  const from = bytes[6] === 1 ? 10 : 12
  const text = new TextDecoder(bytes[6] === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(from, length))
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1]
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1]
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1]
  if (descr === undefined && /'descr'\s*:\s*\[/.test(text))
    throw unreadable(path, 'it has named fields in one array; save each field as its own array')
  if (descr === undefined || order === undefined || shape === undefined)
    throw unreadable(path, 'its NPY header is damaged')
  const dims = shape.split(',').flatMap((part) => (part.trim() === '' ? [] : [parseInt(part, 10)]))
  if (!Number.isSafeInteger(sizeOf(dims) * 8)) throw unreadable(path, `its shape (${shape}) is impossible`)
  if (dims[0]! > MOST_EMPTY && sizeOf(dims) === 0)
    throw unreadable(path, `it claims ${dims[0]!} samples (${shape}) and holds nothing`)
  const common = {
    bigEndian: descr.startsWith('>'),
    fortranOrder: order === 'True',
    shape: dims,
    dataOffset: length,
  }
  return { ...common, ...elementOf(descr, path) }
}

function elementOf(descr: string, path: string): Pick<NpyHeader, 'dtype' | 'itemBytes' | 'characterBytes'> {
  const kind = descr.replace(/^[<>|=]/, '')
  const dtype = KINDS[kind]
  if (dtype) return { dtype, itemBytes: bitsOf(dtype) / 8 }
  const text = /^([SUa])(\d+)$/.exec(kind)
  if (text) {
    const characterBytes = text[1] === 'U' ? 4 : 1
    const itemBytes = Number(text[2]) * characterBytes
    if (itemBytes === 0) throw unreadable(path, `its dtype is ${descr}: texts without characters`)
    return { dtype: 'string', characterBytes, itemBytes }
  }
  if (kind.startsWith('O'))
    throw unreadable(
      path,
      'its dtype is object: Python objects (pickle) are programs and are not read; save plain numbers or strings instead',
    )
  throw unreadable(path, `its dtype is ${dtypeName(kind, descr)}, which no model takes; convert it first`)
}

const OTHER_DTYPES: Record<string, string> = {
  c8: 'complex64',
  c16: 'complex128',
  c32: 'clongdouble (complex256)',
  f12: 'longdouble (float96)',
  f16: 'longdouble (float128)',
}

function dtypeName(kind: string, descr: string): string {
  if (kind.startsWith('M8')) return 'datetime64'
  if (kind.startsWith('m8')) return 'timedelta64'
  return OTHER_DTYPES[kind] ?? (kind.startsWith('V') ? `void (${descr})` : descr)
}

/** Rows of an NPY array whose data (without header) are `bytes`. */
export function npyRows(header: NpyHeader, bytes: Bytes, path: string): Rows {
  // A single number is one sample, or the same for all of them.
  const [length = 1, ...dims] = header.shape
  const rowSize = sizeOf(dims)
  const rowBytes = rowSize * header.itemBytes
  if (bytes.length < length * rowBytes)
    throw unreadable(path, `it should hold ${length * rowBytes} bytes and has ${bytes.length}`)
  const readRun = async (first: number, count: number): Promise<Uint8Array> => {
    if (!header.fortranOrder || rowSize === 1) return bytes.read(first * rowBytes, count * rowBytes)
    return readFortranRun(header, bytes, first, count)
  }
  return {
    length,
    dims,
    dtype: header.dtype,
    async read(indices) {
      // As bytes, and as numbers or text made of them.
      requireMemory(
        indices.length * rowBytes * (header.characterBytes ? 10 : 2),
        `${indices.length} rows of ${path}`,
      )
      const runs = runsOf(indices)
      const raw = runs.length === 1 ? await readRun(...runs[0]!) : new Uint8Array(indices.length * rowBytes)
      if (runs.length > 1) {
        let at = 0
        for (const [first, count] of runs) {
          raw.set(await readRun(first, count), at)
          at += count * rowBytes
        }
      }
      return {
        dtype: header.dtype,
        dims: [indices.length, ...dims],
        data: decodeItems(header, raw),
      } satisfies Value
    },
    close: () => bytes.close(),
  }
}

/** Runs of neighbouring positions, so that a batch is one read where it can be. */
function runsOf(indices: readonly number[]): [first: number, count: number][] {
  const runs: [number, number][] = []
  for (const index of indices) {
    const last = runs[runs.length - 1]
    if (last && last[0] + last[1] === index) last[1]++
    else runs.push([index, 1])
  }
  return runs
}

/** In Fortran order the samples are the fastest axis: each element of the row is its own stretch of the file. */
async function readFortranRun(
  header: NpyHeader,
  bytes: Bytes,
  first: number,
  count: number,
): Promise<Uint8Array> {
  const [length, ...dims] = header.shape as [number, ...number[]]
  const rowSize = sizeOf(dims)
  const item = header.itemBytes
  const out = new Uint8Array(count * rowSize * item)
  for (let c = 0; c < rowSize; c++) {
    let rest = c
    let fortran = 0
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const position = rest % dims[axis]!
      rest = Math.floor(rest / dims[axis]!)
      fortran += position * sizeOf(dims.slice(0, axis))
    }
    const column = await bytes.read((fortran * length + first) * item, count * item)
    for (let r = 0; r < count; r++)
      out.set(column.subarray(r * item, (r + 1) * item), (r * rowSize + c) * item)
  }
  return out
}

function decodeItems(header: NpyHeader, raw: Uint8Array): ValueData {
  if (header.characterBytes) return decodeStrings(header, raw)
  const width = header.itemBytes
  // Views need aligned memory; a copy also keeps the swapped bytes out of shared memory.
  const swap = header.bigEndian && width > 1
  const bytes = swap || raw.byteOffset % width !== 0 ? raw.slice() : raw
  if (swap) for (let i = 0; i < bytes.length; i += width) bytes.subarray(i, i + width).reverse()
  const type = ELEMENT_ARRAYS[header.dtype]!
  return new type(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / width)
}

function decodeStrings(header: NpyHeader, raw: Uint8Array): string[] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  const strings: string[] = []
  for (let at = 0; at < raw.length; at += header.itemBytes || 1) {
    const codes: number[] = []
    for (let i = 0; i < header.itemBytes; i += header.characterBytes!)
      codes.push(header.characterBytes === 4 ? view.getUint32(at + i, !header.bigEndian) : raw[at + i]!)
    while (codes.at(-1) === 0) codes.pop()
    const text =
      header.characterBytes === 4
        ? codes.map((code) => (code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd')).join('')
        : new TextDecoder().decode(Uint8Array.from(codes))
    strings.push(text)
  }
  return strings
}
