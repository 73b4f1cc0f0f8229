/** Damage inside containers that guard themselves by check sums: the sums are made anew, so that it gets in. */
import { unzipSync, zipSync } from 'fflate'
import { crc32 } from 'node:zlib'
import type { Random } from '../../src/engine/math/random'
import { mutateBytes } from './bytes'

/** A ZIP file with one entry damaged, renamed, doubled or left out; as it is where it cannot be read. */
export function mutateZip(bytes: Uint8Array, random: Random): Uint8Array {
  let entries: [string, Uint8Array][]
  try {
    entries = Object.entries(unzipSync(bytes))
  } catch {
    return bytes
  }
  const at = random.below(entries.length)
  const [name, content] = entries[at] ?? ['empty', new Uint8Array(0)]
  switch (random.below(8)) {
    case 0:
      entries.splice(at, 1)
      break
    case 1:
      entries[at] = [`../${name}`, content]
      break
    case 2:
      entries.push([`${name}.copy`, content])
      break
    default:
      entries[at] = [name, mutateBytes(content, random)]
  }
  return zipSync(Object.fromEntries(entries))
}

const PNG_HEAD = 8

/** A PNG whose chunks are damaged under right check sums. Source: W3C PNG, 5.3 chunk layout. */
export function mutatePng(bytes: Uint8Array, random: Random): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const starts: number[] = []
  for (let at = PNG_HEAD; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) starts.push(at)
  const start = starts[random.below(Math.max(1, starts.length))]
  if (start === undefined) return bytes
  const length = view.getUint32(start)
  if (start + 12 + length > bytes.length || length === 0) return bytes
  const out = bytes.slice()
  const edits = 1 + random.below(4)
  for (let i = 0; i < edits; i++)
    out[start + 8 + random.below(length)] = random.below(2) ? 0xff : random.below(256)
  new DataView(out.buffer).setUint32(start + 8 + length, crc(out.subarray(start + 4, start + 8 + length)))
  return out
}

const crc = (bytes: Uint8Array): number => crc32(bytes)
