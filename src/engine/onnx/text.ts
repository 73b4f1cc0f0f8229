/**
 * Text of ONNX files. They promise UTF-8 and do not always hold it: vocabularies keep raw bytes, names come in the
 * encoding of the machine they were written on. A byte that is no part of UTF-8 becomes a lone surrogate U+DC80 to
 * U+DCFF, so that what was read is written back as it was. Source: PEP 383.
 */
import { isUtf8 } from 'node:buffer'

const ESCAPE = 0xdc00
const LONE = /\p{Surrogate}/u
const RUNS = /[\udc80-\udcff]+|[^\udc80-\udcff]+/gu
const ESCAPED = /^[\udc80-\udcff]/u

const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export function textOf(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return view(bytes).toString('utf8')
  const parts: string[] = []
  let start = 0
  for (let at = 0; at < bytes.length;) {
    const length = characterAt(bytes, at)
    if (length === 0) {
      parts.push(view(bytes.subarray(start, at)).toString('utf8'), String.fromCharCode(ESCAPE + bytes[at]!))
      start = at + 1
    }
    at += length || 1
  }
  return parts.join('') + view(bytes.subarray(start)).toString('utf8')
}

/** Bytes of the UTF-8 character that begins at `at`; 0 where none does. */
function characterAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!
  if (first < 0x80) return 1
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0
}

export function bytesOf(text: string): Uint8Array {
  if (!LONE.test(text)) return Buffer.from(text, 'utf8')
  const runs = text.match(RUNS) ?? []
  return Buffer.concat(
    runs.map((run) =>
      ESCAPED.test(run)
        ? Buffer.from(run, 'utf16le').filter((_, at) => at % 2 === 0)
        : Buffer.from(run, 'utf8'),
    ),
  )
}

export const byteLengthOf = (text: string): number =>
  LONE.test(text) ? bytesOf(text).length : Buffer.byteLength(text)
