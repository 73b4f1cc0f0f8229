/**
 * Text of ONNX files. They promise UTF-8 and do not always hold it: vocabularies keep raw bytes, names come in the
 * encoding of the machine they were written on. A byte that is no part of UTF-8 becomes a lone surrogate U+DC80 to
 * U+DCFF, so that what was read is written back as it was. Source: PEP 383.
 */
import { isUtf8 } from 'node:buffer'

const ESCAPE = 0xdc00
const LONE = /\p{Surrogate}/u
const isEscaped = (unit: number): boolean => unit >= ESCAPE + 0x80 && unit <= ESCAPE + 0xff
const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < ESCAPE
const isLow = (unit: number): boolean => unit >= ESCAPE && unit < 0xe000

const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export function textOf(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return view(bytes).toString('utf8')
  const units = Buffer.allocUnsafe(2 * bytes.length)
  let end = 0
  for (let at = 0; at < bytes.length;) {
    const length = characterAt(bytes, at)
    if (length > 1) end += units.write(view(bytes.subarray(at, at + length)).toString('utf8'), end, 'utf16le')
    else end = units.writeUInt16LE(length === 1 ? bytes[at]! : ESCAPE + bytes[at]!, end)
    at += length || 1
  }
  return units.toString('utf16le', 0, end)
}

/** Bytes of the UTF-8 character that begins at `at`; 0 where none does. */
function characterAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4 || (bytes[at + 1]! & 0xc0) !== 0x80) return 0
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0
}

export function bytesOf(text: string): Uint8Array {
  if (!LONE.test(text)) return Buffer.from(text, 'utf8')
  // No unit takes more than three bytes, a pair of them four.
  const bytes = Buffer.allocUnsafe(3 * text.length)
  let end = 0
  for (let at = 0; at < text.length;) {
    const unit = text.charCodeAt(at)
    const length = isHigh(unit) && isLow(text.charCodeAt(at + 1)) ? 2 : 1
    if (unit < 0x80) bytes[end++] = unit
    else if (isEscaped(unit)) bytes[end++] = unit - ESCAPE
    else end += bytes.write(text.slice(at, at + length), end, 'utf8')
    at += length
  }
  return bytes.subarray(0, end)
}

export const byteLengthOf = (text: string): number =>
  LONE.test(text) ? bytesOf(text).length : Buffer.byteLength(text)
