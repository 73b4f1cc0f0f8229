/**
 * Pixels of Windows bitmaps, the one picture format libvips leaves out: palettes of 1 to 8 bits, 16 to 32 bits with or
 * without masks, run lengths. Source: Microsoft, "Bitmap Storage" (BITMAPINFOHEADER to BITMAPV5HEADER, BITMAPCOREHEADER).
 */
interface BmpSize {
  width: number
  height: number
}

/** Most pixels: four bytes each must lie in one buffer. */
const MOST_PIXELS = 2 ** 26
/** Bytes of a file that `bmpSize` needs. */
export const BMP_HEAD = 26
const FILE_HEADER = 14
const CORE_HEADER = 12

const RGB = 0
const RLE8 = 1
const RLE4 = 2
const MASKED: readonly number[] = [3, 6]

interface Head extends BmpSize {
  topDown: boolean
  bits: number
  compression: number
  /** Where the palette, or what stands for it, begins. */
  after: number
  core: boolean
}

function sizeIn(bytes: Buffer): BmpSize & { topDown: boolean; core: boolean } {
  if (bytes.length < BMP_HEAD) throw new Error('it is cut off')
  const core = bytes.readUInt32LE(FILE_HEADER) === CORE_HEADER
  const width = core ? bytes.readUInt16LE(18) : bytes.readInt32LE(18)
  const signed = core ? bytes.readUInt16LE(20) : bytes.readInt32LE(22)
  const height = Math.abs(signed)
  if (!(width > 0 && height > 0 && width * height <= MOST_PIXELS)) throw new Error('its size is impossible')
  return { width, height, topDown: signed < 0, core }
}

/** From the first `BMP_HEAD` bytes. Throws an Error for what is too short, or has a size that no picture has. */
export function bmpSize(head: Buffer): BmpSize {
  const { width, height } = sizeIn(head)
  return { width, height }
}

function headOf(bytes: Buffer): Head {
  const size = sizeIn(bytes)
  const { core } = size
  const length = bytes.readUInt32LE(FILE_HEADER)
  if (!core && (length < 40 || length > bytes.length - FILE_HEADER)) throw new Error('its header is unknown')
  const bits = bytes.readUInt16LE(core ? 24 : 28)
  const compression = core ? RGB : bytes.readUInt32LE(30)
  const known =
    compression === RGB
      ? [1, 2, 4, 8, 16, 24, 32].includes(bits)
      : compression === RLE8
        ? bits === 8
        : compression === RLE4
          ? bits === 4
          : MASKED.includes(compression) && (bits === 16 || bits === 32)
  if (!known) throw new Error(`${bits} bits a pixel in compression ${compression} are unknown`)
  return { ...size, bits, compression, after: FILE_HEADER + length }
}

/** RGB, [height, width, 3], the top row first; alpha is left out. Throws an Error where bytes are missing. */
export function decodeBmp(bytes: Buffer): BmpSize & { pixels: Uint8Array } {
  const head = headOf(bytes)
  const { width, height, topDown, bits, compression } = head
  const start = bytes.readUInt32LE(10)
  const pixels = new Uint8Array(width * height * 3)
  const rows = compression === RLE8 || compression === RLE4 ? unrolled(bytes, start, head) : undefined
  const stride = Math.ceil((width * bits) / 32) * 4
  if (!rows && start + stride * (height - 1) + Math.ceil((width * bits) / 8) > bytes.length)
    throw new Error('it is cut off')
  const colour = bits <= 8 ? fromPalette(bytes, start, head) : fromBits(bytes, head)
  for (let y = 0; y < height; y++) {
    const line = topDown ? y : height - 1 - y
    const row = rows ? line * width : start + line * stride
    for (let x = 0; x < width; x++) colour(rows ?? bytes, row, x, pixels, (y * width + x) * 3)
  }
  return { width, height, pixels }
}

/** Writes the colour of the x-th pixel of a row that begins at `row`. */
type Colour = (from: Uint8Array, row: number, x: number, to: Uint8Array, at: number) => void

function fromPalette(bytes: Buffer, start: number, { bits, compression, after, core }: Head): Colour {
  const step = core ? 3 : 4
  const said = core ? 0 : bytes.readUInt32LE(46)
  const most = 2 ** bits
  const fitting = Math.floor(((start > after ? start : bytes.length) - after) / step)
  const palette = bytes.subarray(after, after + step * Math.min(said || most, most, fitting))
  // Run lengths leave a byte a pixel.
  const each = compression === RGB ? bits : 8
  const mask = 2 ** each - 1
  return (from, row, x, to, at) => {
    const bit = x * each
    const entry = step * ((from[row + (bit >> 3)]! >> (8 - each - (bit & 7))) & mask)
    // An index behind the palette is black, as elsewhere.
    for (let c = 0; c < 3; c++) to[at + c] = palette[entry + 2 - c] ?? 0
  }
}

function fromBits(bytes: Buffer, { bits, compression }: Head): Colour {
  const width = bits / 8
  if (compression === RGB && bits !== 16)
    return (from, row, x, to, at) => {
      for (let c = 0; c < 3; c++) to[at + c] = from[row + x * width + 2 - c]!
    }
  // Masks stand behind a header of 40 bytes, and at the same place within longer ones.
  const masks =
    compression === RGB
      ? [0x7c00, 0x3e0, 0x1f]
      : [0, 4, 8].map((skip) => bytes.readUInt32LE(FILE_HEADER + 40 + skip))
  const channels = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)
    return { mask, shift, most: mask >>> shift }
  })
  return (from, row, x, to, at) => {
    let value = 0
    for (let k = width - 1; k >= 0; k--) value = value * 256 + from[row + x * width + k]!
    channels.forEach(({ mask, shift, most }, c) => {
      to[at + c] = most === 0 ? 0 : Math.round((((value & mask) >>> shift) * 255) / most)
    })
  }
}

/** A byte a pixel, rows as they lie in the file; what is skipped is colour 0. */
function unrolled(bytes: Buffer, start: number, { width, height, bits }: Head): Uint8Array {
  const out = new Uint8Array(width * height)
  let [x, y, at] = [0, 0, start]
  const next = (): number => {
    const byte = bytes[at++]
    if (byte === undefined) throw new Error('it is cut off')
    return byte
  }
  const put = (value: number): void => {
    if (x < width && y < height) out[y * width + x] = value
    x++
  }
  const nibble = (byte: number, i: number): number => (i % 2 === 0 ? byte >> 4 : byte & 15)
  while (y < height) {
    const [count, code] = [next(), next()]
    if (count > 0) for (let i = 0; i < count; i++) put(bits === 8 ? code : nibble(code, i))
    else if (code === 0) [x, y] = [0, y + 1]
    else if (code === 1) break
    else if (code === 2) [x, y] = [x + next(), y + next()]
    else {
      const taken = bits === 8 ? code : Math.ceil(code / 2)
      const literal = Array.from({ length: taken }, next)
      for (let i = 0; i < code; i++) put(bits === 8 ? literal[i]! : nibble(literal[i >> 1]!, i))
      at += taken % 2
    }
  }
  return out
}
