/** One image file to pixels as the preprocessing wants them. Source: libvips through sharp; BMP by `bmp.ts`. */
import fs from 'node:fs/promises'
import type { Sharp } from 'sharp'
import { BMP_HEAD, bmpSize, decodeBmp } from './bmp'
import { DecodeRoom } from './decode-room'
import type { ImageOptions } from './image-input'
import { centred, enlarge } from './image-resize'
import { pictureLibrary } from '../runtime/pictures'

/** More pixels than this (a 16k × 16k picture) is not a sample but an attack. */
const PIXEL_LIMIT = 2 ** 28

/** Grey of the borders that letterboxing adds; the value YOLO's own code uses. */
const BORDER = 114

/** Opens a file, or the bytes of one, turned as its Exif says. */
export async function openImage(input: string | Uint8Array): Promise<Sharp> {
  if (isBmp(input)) return openBmp(typeof input === 'string' ? await fs.readFile(input) : Buffer.from(input))
  const open = await pictureLibrary()
  return open(input, { failOn: 'error', limitInputPixels: PIXEL_LIMIT, pages: 1 }).autoOrient()
}

const isBmp = (input: string | Uint8Array): boolean =>
  typeof input === 'string' ? /\.bmp$/i.test(input) : input[0] === 0x42 && input[1] === 0x4d

async function headOfBmp(input: string | Uint8Array): Promise<Buffer | undefined> {
  if (!isBmp(input)) return undefined
  if (typeof input !== 'string') return Buffer.from(input.subarray(0, BMP_HEAD))
  const handle = await fs.open(input, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(BMP_HEAD), 0, BMP_HEAD, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

const ENDINGS: readonly [head: RegExp, ending: string][] = [
  [/^\x89PNG/, '.png'],
  [/^\xff\xd8\xff/, '.jpg'],
  [/^GIF8/, '.gif'],
  [/^BM/, '.bmp'],
  [/^RIFF....WEBP/s, '.webp'],
  [/^(II\*\0|MM\0\*)/, '.tif'],
]

/** The usual ending of a picture of these bytes; '.img' for others. */
export function imageEnding(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  return ENDINGS.find(([pattern]) => pattern.test(head))?.[1] ?? '.img'
}

async function openBmp(bytes: Buffer): Promise<Sharp> {
  const { width, height, pixels } = decodeBmp(bytes)
  const open = await pictureLibrary()
  return open(pixels, { raw: { width, height, channels: 3 } })
}

export interface Size {
  width: number
  height: number
}

/** What a header says, before anything is decoded. */
interface Header extends Size {
  /** Size after turning, as its Exif says. */
  turned: Size
  /** Colour space, by libvips' name. */
  space: string
}

/** Throws where the header cannot be read. */
async function headerOf(file: string | Uint8Array): Promise<Header> {
  const bmpHead = await headOfBmp(file)
  if (bmpHead) {
    const size = bmpSize(bmpHead)
    return { ...size, turned: size, space: 'srgb' }
  }
  const open = await pictureLibrary()
  const { width, height, autoOrient, space } = await open(file, {
    limitInputPixels: PIXEL_LIMIT,
    pages: 1,
  }).metadata()
  return { width, height, space, turned: autoOrient ?? { width, height } }
}

/** Size after turning. Throws where the header cannot be read. */
export const imageSize = async (file: string | Uint8Array): Promise<Size> => (await headerOf(file)).turned

const room = new DecodeRoom()

/** Decodes every pixel and forgets them: finds files that are cut off. */
export async function checkImage(file: string): Promise<void> {
  await room.with(await headerOf(file), async () => (await openImage(file)).raw().toBuffer())
}

/** Size of the whole picture before it is cropped or bordered. */
function scaledSize(from: Size, { width, height, resize, cropRatio }: ImageOptions): Size {
  if (resize === 'stretch') return { width, height }
  const [x, y] = [(width * cropRatio) / from.width, (height * cropRatio) / from.height]
  const [limit, factor] = resize === 'letterbox' ? [Math.min, Math.min(x, y)] : [Math.max, Math.max(x, y)]
  return {
    width: limit(width, Math.max(1, Math.round(from.width * factor))),
    height: limit(height, Math.max(1, Math.round(from.height * factor))),
  }
}

/** Where the picture lies in the input: its size there, and its upper left corner, below zero where it is cropped. */
export function placedIn(from: Size, options: ImageOptions): { scaled: Size; left: number; top: number } {
  const scaled = scaledSize(from, options)
  // As `centred` has it; minus zero would be another corner to some.
  const offset = (inner: number, outer: number): number => 0 - Math.floor((inner - outer) / 2)
  return {
    scaled,
    left: offset(scaled.width, options.width),
    top: offset(scaled.height, options.height),
  }
}

export interface Decoded {
  /** 0…255 as [height, width, channels]; grey from colour by ITU-R BT.601, as PIL and OpenCV do. */
  pixels: Uint8Array
  /** Of the picture in its file, after turning. */
  size: Size
}

export async function decodePicture(file: string | Uint8Array, options: ImageOptions): Promise<Decoded> {
  const header = await headerOf(file)
  const pixels = await room.with(header, () => decoded(file, header, options))
  return { pixels, size: header.turned }
}

/** As `decodePicture`, the pixels alone. */
export const decodeImage = async (file: string | Uint8Array, options: ImageOptions): Promise<Uint8Array> =>
  (await decodePicture(file, options)).pixels

async function decoded(
  file: string | Uint8Array,
  { turned: from, space }: Header,
  options: ImageOptions,
): Promise<Uint8Array> {
  const image = await openImage(file)
  const grey = options.channels === 1 && /^(b-w|grey16)$/.test(space)
  const coloured = image.toColourspace(grey ? 'b-w' : 'srgb')
  const alpha = options.channels === 4 ? coloured.ensureAlpha() : coloured.removeAlpha()
  const to = scaledSize(from, options)
  const { data, info } = await shrunk(alpha, from, to)
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  const small = { width: info.width, height: info.height, channels: info.channels, data }
  const whole = info.width < to.width || info.height < to.height ? enlarge(small, to.width, to.height) : small
  return toChannels(
    centred(whole, options.width, options.height, BORDER).data,
    info.channels,
    options.channels,
  )
}

/** Linear kernel, as PIL's bilinear; directions that grow are left for `enlarge`. */
function shrunk(image: Sharp, from: Size, to: Size): Sharp {
  const [across, down] = [Math.min(from.width, to.width), Math.min(from.height, to.height)]
  if (across === from.width && down === from.height) return image
  return image.resize(across, down, { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false })
}

function toChannels(pixels: Uint8Array, have: number, want: 1 | 3 | 4): Uint8Array {
  if (have === want) return pixels
  const count = pixels.length / have
  const out = new Uint8Array(count * want)
  for (let i = 0; i < count; i++) {
    const [r, g, b] = [0, 1, 2].map((k) => pixels[i * have + (have >= 3 ? k : 0)]!) as [
      number,
      number,
      number,
    ]
    if (want === 1) out[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b)
    else {
      out[i * want] = r
      out[i * want + 1] = g
      out[i * want + 2] = b
      if (want === 4) out[i * want + 3] = 255
    }
  }
  return out
}

/** What each of the 256 values of a byte becomes, by channel of the result: inversion, scale, mean, deviation. */
export const byteTables = ({ channels, scale, mean, std, invert }: ImageOptions): Float32Array[] =>
  Array.from({ length: channels }, (_, c) => {
    const m = mean[mean.length === 1 ? 0 : c] ?? 0
    const s = std[std.length === 1 ? 0 : c] ?? 1
    return Float32Array.from({ length: 256 }, (_value, v) => ((invert ? 255 - v : v) * scale - m) / s)
  })

/** Writes pixels [h, w, c] into `out` at `offset`: order, inversion, scale, mean, deviation, layout. */
export function placePixels(
  pixels: Uint8Array,
  options: ImageOptions,
  out: Float32Array,
  offset: number,
): void {
  const { channels, order, layout } = options
  const tables = byteTables(options)
  const plane = options.width * options.height
  for (let c = 0; c < channels; c++) {
    const from = order === 'bgr' && c < 3 && channels >= 3 ? 2 - c : c
    const table = tables[c]!
    const planar = layout === 'nchw' || (layout === 'flat' && channels > 1)
    for (let i = 0; i < plane; i++)
      out[offset + (planar ? c * plane + i : i * channels + c)] = table[pixels[i * channels + from]!]!
  }
}
