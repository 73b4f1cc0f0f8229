/**
 * Text of ONNX files. They promise UTF-8 and do not always hold it: vocabularies keep raw bytes, names come in the
 * encoding of the machine they were written on. A byte that is no part of UTF-8 becomes a lone surrogate U+DC80 to
 * U+DCFF, so that what was read is written back as it was. Source: PEP 383.
 */
import { isUtf8 } from 'node:buffer'

const ESCAPE = 0xdc00
const LONE = /\p{Surrogate}/u
const ESCAPED = /^[\udc80-\udcff]$/

const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export function textOf(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return view(bytes).toString('utf8')
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const length = characterAt(bytes, at)
    text +=
      length > 0
        ? view(bytes.subarray(at, at + length)).toString('utf8')
        : String.fromCharCode(ESCAPE + bytes[at]!)
    at += length || 1
  }
  return text
}

/** Bytes of the UTF-8 character that begins at `at`; 0 where none does. */
function characterAt(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++)
    if (isUtf8(bytes.subarray(at, at + length))) return length
  return 0
}

export function bytesOf(text: string): Uint8Array {
  if (!LONE.test(text)) return Buffer.from(text, 'utf8')
  return Buffer.concat(
    Array.from(text, (character) =>
      ESCAPED.test(character) ? Buffer.of(character.charCodeAt(0) - ESCAPE) : Buffer.from(character, 'utf8'),
    ),
  )
}

export const byteLengthOf = (text: string): number =>
  LONE.test(text) ? bytesOf(text).length : Buffer.byteLength(text)
