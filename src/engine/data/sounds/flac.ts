/** FLAC files. Source: RFC 9639, Free Lossless Audio Codec; of up to 24 bits a sample. */
import fs from 'node:fs/promises'
import { Bits } from './bits'
import type { SoundFormat } from './wav'

const MOST_BITS = 24
const HEAD = 42

/** Throws an Error whose message completes "this file …". */
export function flacFormat(head: Uint8Array): SoundFormat & { depth: number } {
  if (head.length < HEAD) throw new Error('is cut off')
  const bits = new Bits(head, 18)
  const sampleRate = bits.unsigned(20)
  const channels = bits.unsigned(3) + 1
  const depth = bits.unsigned(5) + 1
  const length = bits.unsigned(4) * 2 ** 32 + bits.unsigned(32)
  if (depth > MOST_BITS) throw new Error(`has ${depth} bits a sample, more than ${MOST_BITS}`)
  if (sampleRate < 1) throw new Error('has an impossible header')
  return { sampleRate, channels, length, depth }
}

/** The first `count` samples of every channel, −1…1. Throws an Error whose message completes "this file …". */
export async function flacSamples(file: string, count: number): Promise<Float32Array[]> {
  const bytes = await fs.readFile(file)
  const stream = flacFormat(bytes)
  const frames = Math.min(count, stream.length || Infinity)
  const waves = Array.from({ length: stream.channels }, () => [] as Float32Array[])
  let at = afterMetadata(bytes)
  for (let have = 0; have < frames && at < bytes.length;) {
    const { channels, end } = frameAt(bytes, at, stream)
    for (const [c, samples] of channels.entries())
      waves[c]!.push(Float32Array.from(samples, (v) => v / 2 ** (stream.depth - 1)))
    have += channels[0]!.length
    at = end
    if (have < frames && at >= bytes.length && stream.length > 0) throw new Error('is cut off')
  }
  return waves.map((parts) => joined(parts, frames))
}

function joined(parts: readonly Float32Array[], most: number): Float32Array {
  const length = Math.min(
    most,
    parts.reduce((sum, part) => sum + part.length, 0),
  )
  const all = new Float32Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part.subarray(0, length - at), at)
    at += Math.min(part.length, length - at)
  }
  return all
}

function afterMetadata(bytes: Uint8Array): number {
  for (let at = 4; ;) {
    const bits = new Bits(bytes, at)
    const last = bits.unsigned(1)
    bits.unsigned(7)
    at += 4 + bits.unsigned(24)
    if (last) return at
  }
}

interface Stream {
  channels: number
  depth: number
}

const BLOCKS: Record<number, number> = { 1: 192, 2: 576, 3: 1152, 4: 2304, 5: 4608 }
const DEPTHS: Record<number, number> = { 1: 8, 2: 12, 4: 16, 5: 20, 6: 24 }
/** How the two channels of a pair are told from each other. */
const LEFT_SIDE = 8
const SIDE_RIGHT = 9
const MIDDLE_SIDE = 10

function frameAt(bytes: Uint8Array, start: number, stream: Stream): { channels: Int32Array[]; end: number } {
  const bits = new Bits(bytes, start)
  if (bits.unsigned(15) !== 0x7ffc) throw new Error('has no frame where one should begin')
  bits.unsigned(1)
  const [block, rate, assignment, size] = [4, 4, 4, 3].map((count) => bits.unsigned(count)) as [
    number,
    number,
    number,
    number,
  ]
  bits.unsigned(1)
  // The number of the frame, as UTF-8 writes one.
  for (let more = Math.max(0, Math.clz32(~(bits.unsigned(8) << 24)) - 1); more > 0; more--) bits.unsigned(8)
  const length =
    block === 6
      ? bits.unsigned(8) + 1
      : block === 7
        ? bits.unsigned(16) + 1
        : (BLOCKS[block] ?? (block >= 8 ? 2 ** block : 0))
  if (rate >= 12 && rate < 15) bits.unsigned(rate === 12 ? 8 : 16)
  bits.unsigned(8)
  const depth = DEPTHS[size] ?? stream.depth
  const count = assignment < LEFT_SIDE ? assignment + 1 : 2
  if (length === 0 || assignment > MIDDLE_SIDE || count !== stream.channels)
    throw new Error('has a frame with an impossible header')
  const side = assignment === SIDE_RIGHT ? 0 : assignment >= LEFT_SIDE ? 1 : -1
  const channels = Array.from({ length: count }, (_, c) => subframe(bits, length, depth + Number(c === side)))
  bits.align()
  const end = bits.byte + 2
  if (bits.unsigned(16) !== checksum(bytes, start, end - 2)) throw new Error('has a damaged frame')
  unpaired(channels, assignment)
  return { channels, end }
}

function unpaired([first, second]: Int32Array[], assignment: number): void {
  if (!first || !second) return
  for (let i = 0; i < first.length; i++) {
    const [a, b] = [first[i]!, second[i]!]
    if (assignment === LEFT_SIDE) second[i] = a - b
    if (assignment === SIDE_RIGHT) first[i] = a + b
    if (assignment !== MIDDLE_SIDE) continue
    const middle = 2 * a + (b & 1)
    first[i] = (middle + b) / 2
    second[i] = (middle - b) / 2
  }
}

/** Weights of what came before, the last first: predictors without and with coefficients. */
const FIXED = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]]

function subframe(bits: Bits, length: number, whole: number): Int32Array {
  bits.unsigned(1)
  const type = bits.unsigned(6)
  const wasted = bits.unsigned(1) ? bits.unary() + 1 : 0
  const depth = whole - wasted
  if (depth < 1) throw new Error('has a frame with an impossible header')
  const samples = new Int32Array(length)
  if (type === 0) samples.fill(bits.signed(depth))
  else if (type === 1) for (let i = 0; i < length; i++) samples[i] = bits.signed(depth)
  else {
    const order = type >= 32 ? type - 31 : type - 8
    if (type < 8 || order > length || (type < 32 && order >= FIXED.length))
      throw new Error('has a frame of an unknown kind')
    for (let i = 0; i < order; i++) samples[i] = bits.signed(depth)
    let weights = FIXED[order]!
    let shift = 0
    if (type >= 32) {
      const precision = bits.unsigned(4) + 1
      shift = bits.signed(5)
      weights = Array.from({ length: order }, () => bits.signed(precision))
    }
    predicted(bits, samples, weights, shift)
  }
  if (wasted > 0) for (let i = 0; i < length; i++) samples[i]! *= 2 ** wasted
  return samples
}

/** What is left after prediction is Rice coded, in parts with a parameter each. */
function predicted(bits: Bits, samples: Int32Array, weights: readonly number[], shift: number): void {
  const wide = bits.unsigned(2)
  if (wide > 1) throw new Error('has a frame of an unknown kind')
  const width = wide ? 5 : 4
  const parts = 2 ** bits.unsigned(4)
  const part = samples.length / parts
  const order = weights.length
  if (!Number.isInteger(part) || part < order) throw new Error('has a frame with an impossible header')
  const divisor = 2 ** shift
  for (let p = 0, i = order; p < parts; p++) {
    const parameter = bits.unsigned(width)
    const plain = parameter === 2 ** width - 1 ? bits.unsigned(5) : undefined
    for (; i < (p + 1) * part; i++) {
      let left: number
      if (plain !== undefined) left = plain === 0 ? 0 : bits.signed(plain)
      else {
        const folded = bits.unary() * 2 ** parameter + bits.unsigned(parameter)
        left = folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2
      }
      let sum = 0
      for (let k = 0; k < order; k++) sum += weights[k]! * samples[i - 1 - k]!
      samples[i] = Math.floor(sum / divisor) + left
    }
  }
}

/** CRC-16 with the polynomial 0x8005. */
function checksum(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0
  for (let i = from; i < to; i++) crc = ((crc << 8) ^ TABLE[(crc >> 8) ^ bytes[i]!]!) & 0xffff
  return crc
}

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x8005 : 0)) & 0xffff
  return crc
})
