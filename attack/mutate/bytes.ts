/** Damage that knows nothing of the format: what disks, transfers and truncated downloads do. */
import type { Random } from '../../src/engine/math/random'

/** Numbers at the edges of their types, as bytes. */
const EDGES = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff]

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array

const place = (bytes: Uint8Array, random: Random): number => random.below(Math.max(1, bytes.length))

function edited(bytes: Uint8Array, edit: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice()
  if (copy.length > 0) edit(copy)
  return copy
}

const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => edited(bytes, (copy) => (copy[place(copy, random)]! ^= 1 << random.below(8))),
  (bytes, random) =>
    edited(bytes, (copy) => (copy[place(copy, random)] = EDGES[random.below(EDGES.length)]!)),
  (bytes, random) => bytes.slice(0, place(bytes, random)),
  (bytes, random) => {
    const [from, to] = [place(bytes, random), place(bytes, random)].sort((a, b) => a - b) as [number, number]
    return joined(bytes.subarray(0, from), bytes.subarray(to))
  },
  (bytes, random) => {
    const at = place(bytes, random)
    const length = Math.min(bytes.length - at, 1 + random.below(64))
    return joined(
      bytes.subarray(0, at),
      bytes.subarray(at, at + length),
      bytes.subarray(at, at + length),
      bytes.subarray(at + length),
    )
  },
  (bytes, random) =>
    edited(bytes, (copy) => {
      const at = place(copy, random)
      copy.fill(EDGES[random.below(EDGES.length)]!, at, at + 1 + random.below(16))
    }),
  (bytes, random) => {
    const at = place(bytes, random)
    const noise = Uint8Array.from({ length: 1 + random.below(16) }, () => random.below(256))
    return joined(bytes.subarray(0, at), noise, bytes.subarray(at))
  },
]

/** Headers and ends decide most: half of the places are drawn near them. */
const near = (bytes: Uint8Array, random: Random): Uint8Array => {
  const mutate = MUTATIONS[random.below(MUTATIONS.length)]!
  const window = Math.min(bytes.length, 512)
  const where = random.below(4)
  if (where > 1 || bytes.length <= window) return mutate(bytes, random)
  return where === 0
    ? joined(mutate(bytes.subarray(0, window), random), bytes.subarray(window))
    : joined(bytes.subarray(0, bytes.length - window), mutate(bytes.subarray(bytes.length - window), random))
}

/** One to four damages. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let out = bytes
  for (let left = 1 + random.below(4); left > 0; left--) out = near(out, random)
  return out
}
