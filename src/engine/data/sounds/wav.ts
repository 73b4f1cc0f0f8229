/** WAV files: header by chunks, samples by range. Source: Microsoft RIFF/WAVE, WAVEFORMATEXTENSIBLE. */
import fs from 'node:fs/promises'

export interface SoundFormat {
  sampleRate: number
  channels: number
  /** Samples per channel. */
  length: number
}

interface WavFormat extends SoundFormat {
  bits: 8 | 16 | 24 | 32 | 64
  float: boolean
  dataOffset: number
}

const PCM = 1
const IEEE_FLOAT = 3
const EXTENSIBLE = 0xfffe
const CHUNK_LIMIT = 200
/** Bytes before the samples of the plainest file. */
const HEAD = 44

/** Throws an Error whose message completes "this file …". */
export async function wavFormat(file: string): Promise<WavFormat> {
  const handle = await fs.open(file, 'r')
  try {
    return await readFormat(handle, (await handle.stat()).size)
  } finally {
    await handle.close()
  }
}

async function readFormat(handle: fs.FileHandle, size: number): Promise<WavFormat> {
  const read = async (offset: number, count: number): Promise<Buffer> => {
    const bytes = Buffer.alloc(count)
    const { bytesRead } = await handle.read(bytes, 0, count, offset)
    if (bytesRead < count) throw new Error('is cut off')
    return bytes
  }
  const riff = await read(0, 12)
  if (riff.toString('latin1', 0, 4) !== 'RIFF' || riff.toString('latin1', 8, 12) !== 'WAVE')
    throw new Error('is no WAV file')
  let format: Pick<WavFormat, 'sampleRate' | 'channels' | 'bits' | 'float'> | undefined
  let offset = 12
  for (let i = 0; i < CHUNK_LIMIT && offset + 8 <= size; i++) {
    const head = await read(offset, 8)
    const id = head.toString('latin1', 0, 4)
    const length = head.readUInt32LE(4)
    if (id === 'fmt ') format = parseFormat(await read(offset + 8, Math.min(40, Math.max(16, length))))
    if (id === 'data') {
      if (!format) throw new Error('has no format before its samples')
      const frame = (format.channels * format.bits) / 8
      // Recorders that were cut off leave 0 or 0xFFFFFFFF as the length.
      const available = size - offset - 8
      const bytes = length === 0 || length === 0xffffffff ? available : length
      if (bytes > available) throw new Error('is cut off')
      return { ...format, length: Math.floor(bytes / frame), dataOffset: offset + 8 }
    }
    offset += 8 + length + (length % 2)
  }
  throw new Error('holds no samples')
}

function parseFormat(bytes: Buffer): Pick<WavFormat, 'sampleRate' | 'channels' | 'bits' | 'float'> {
  const tag = bytes.readUInt16LE(0)
  const kind = tag === EXTENSIBLE && bytes.length >= 26 ? bytes.readUInt16LE(24) : tag
  const channels = bytes.readUInt16LE(2)
  const sampleRate = bytes.readUInt32LE(4)
  const bits = bytes.readUInt16LE(14)
  const known = kind === PCM ? [8, 16, 24, 32] : kind === IEEE_FLOAT ? [32, 64] : []
  if (!known.includes(bits)) throw new Error(`has a coding (${kind}, ${bits} bits) other than PCM or float`)
  if (channels < 1 || channels > 256 || sampleRate < 1) throw new Error('has an impossible header')
  return { sampleRate, channels, bits: bits as WavFormat['bits'], float: kind === IEEE_FLOAT }
}

/** The first `count` samples of every channel, −1…1; fewer where the file is shorter. */
export async function wavSamples(file: string, format: WavFormat, count: number): Promise<Float32Array[]> {
  const frames = Math.min(count, format.length)
  const width = format.bits / 8
  const bytes = Buffer.alloc(frames * format.channels * width)
  const handle = await fs.open(file, 'r')
  try {
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, format.dataOffset)
    if (bytesRead < bytes.length) throw new Error('is cut off')
  } finally {
    await handle.close()
  }
  const sample = sampleReader(format, bytes)
  const channels = Array.from({ length: format.channels }, (_, c) =>
    Float32Array.from({ length: frames }, (__, i) => sample((i * format.channels + c) * width)),
  )
  if (format.float && !channels.every((wave) => wave.every(Number.isFinite)))
    throw new Error('holds NaN or infinite samples')
  return channels
}

function sampleReader({ bits, float }: WavFormat, bytes: Buffer): (offset: number) => number {
  if (float) return bits === 32 ? (at) => bytes.readFloatLE(at) : (at) => bytes.readDoubleLE(at)
  switch (bits) {
    case 8:
      return (at) => (bytes[at]! - 128) / 128
    case 16:
      return (at) => bytes.readInt16LE(at) / 2 ** 15
    case 24:
      return (at) => bytes.readIntLE(at, 3) / 2 ** 23
    default:
      return (at) => bytes.readInt32LE(at) / 2 ** 31
  }
}

/** A file of 16 bits a sample, or 24 where there are more. Waves are −1…1. */
export function wavBytes(waves: readonly Float32Array[], sampleRate: number, depth: number): Uint8Array {
  const width = depth > 16 ? 3 : 2
  const frame = waves.length * width
  const length = waves[0]!.length * frame
  const bytes = Buffer.alloc(HEAD + length)
  bytes.write('RIFF', 0)
  bytes.writeUInt32LE(HEAD - 8 + length, 4)
  bytes.write('WAVEfmt ', 8)
  bytes.writeUInt32LE(16, 16)
  bytes.writeUInt16LE(PCM, 20)
  bytes.writeUInt16LE(waves.length, 22)
  bytes.writeUInt32LE(sampleRate, 24)
  bytes.writeUInt32LE(sampleRate * frame, 28)
  bytes.writeUInt16LE(frame, 32)
  bytes.writeUInt16LE(width * 8, 34)
  bytes.write('data', 36)
  bytes.writeUInt32LE(length, 40)
  const full = 2 ** (width * 8 - 1)
  for (const [c, wave] of waves.entries())
    for (const [i, v] of wave.entries())
      bytes.writeIntLE(Math.round(v * full), HEAD + i * frame + c * width, width)
  return bytes
}
