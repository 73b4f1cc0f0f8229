/**
 * The numbers in a PNG of grey levels or of a palette, as masks have them: what libvips gives are the palette's colours.
 * Source: PNG (Third Edition), W3C, sections 7 to 11.
 */
import zlib from 'node:zlib'
import { requireMemory } from '../onnx/budget'

export interface IndexMap {
  width: number
  height: number
  /** One number a pixel: the index of a palette, a grey level, or −1 for a colour that is no grey. */
  values: Int16Array
}

const SIGNATURE = '\x89PNG\r\n\x1a\n'
const GREY = 0
const PALETTE = 3
/** Samples of a pixel by colour type. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }
const LONGEST_SIDE = 2 ** 15

/** Throws an Error with a reason where it is no PNG that can be read so, `limit/memory`. */
export function indexMap(bytes: Uint8Array): IndexMap {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.toString('latin1', 0, 8) !== SIGNATURE) throw new Error('a mask must be a PNG')
  const parts: Buffer[] = []
  let header: Buffer | undefined
  for (let at = 8; at + 12 <= view.length;) {
    const length = view.readUInt32BE(at)
    const kind = view.toString('latin1', at + 4, at + 8)
    const body = view.subarray(at + 8, at + 8 + length)
    if (body.length < length) break
    if (kind === 'IHDR') header = body
    if (kind === 'IDAT') parts.push(body)
    if (kind === 'IEND') break
    at += 12 + length
  }
  if (!header || header.length < 13) throw new Error('it has no header')
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const [depth, colour, interlaced] = [header[8]!, header[9]!, header[12]!]
  const samples = SAMPLES[colour]
  if (!samples || ![1, 2, 4, 8, 16].includes(depth)) throw new Error('it has no header')
  if (interlaced) throw new Error('interlaced masks are not read; save it without')
  if (!width || !height || Math.max(width, height) > LONGEST_SIDE) throw new Error('its size is impossible')
  const bits = depth * samples
  const line = Math.ceil((width * bits) / 8)
  const size = (line + 1) * height
  requireMemory(2 * size, 'a mask')
  const raw = zlib.inflateSync(Buffer.concat(parts), { maxOutputLength: size })
  if (raw.length < size) throw new Error('it is cut off')
  unfilter(raw, line, height, Math.max(1, bits >> 3))
  return { width, height, values: valuesOf(raw, { width, height, line, depth, colour, samples }) }
}

/** Undoes the filters in place; `step` is the bytes of a pixel. */
function unfilter(raw: Buffer, line: number, height: number, step: number): void {
  for (let y = 0; y < height; y++) {
    const start = y * (line + 1) + 1
    const above = start - line - 1
    const filter = raw[start - 1]!
    for (let x = 0; x < line; x++) {
      const left = x >= step ? raw[start + x - step]! : 0
      const up = y > 0 ? raw[above + x]! : 0
      const corner = x >= step && y > 0 ? raw[above + x - step]! : 0
      raw[start + x]! += predicted(filter, left, up, corner)
    }
  }
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0
  if (filter === 1) return left
  if (filter === 2) return up
  if (filter === 3) return (left + up) >> 1
  if (filter !== 4) throw new Error('it has a filter that there is none of')
  const base = left + up - corner
  const [a, b, c] = [Math.abs(base - left), Math.abs(base - up), Math.abs(base - corner)]
  return a <= b && a <= c ? left : b <= c ? up : corner
}

interface Lines {
  width: number
  height: number
  line: number
  depth: number
  colour: number
  samples: number
}

function valuesOf(raw: Buffer, { width, height, line, depth, colour, samples }: Lines): Int16Array {
  const values = new Int16Array(width * height)
  const single = colour === GREY || colour === PALETTE
  for (let y = 0; y < height; y++) {
    const start = y * (line + 1) + 1
    for (let x = 0; x < width; x++) {
      // The lower byte of 16 bits holds the class: there are never so many.
      const at = (sample: number): number =>
        depth >= 8
          ? raw[start + (((x * samples + sample + 1) * depth) >> 3) - 1]!
          : (raw[start + ((x * depth) >> 3)]! >> (8 - depth - ((x * depth) & 7))) & ((1 << depth) - 1)
      const first = at(0)
      const grey = single || samples === 2 || (at(1) === first && at(2) === first)
      values[y * width + x] = grey ? first : -1
    }
  }
  return values
}
