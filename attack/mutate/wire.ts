/**
 * Damage inside a Protocol Buffers message that stays a message: fields go, come twice, change places or hold
 * numbers and lengths nobody expects. Source: protobuf.dev/programming-guides/encoding.
 */
import type { Random } from '../../src/engine/math/random'

interface Field {
  number: number
  wireType: number
  /** Of a varint or fixed field, or what a length-delimited one holds. */
  payload: Uint8Array
}

/** Weights are passed over: what is inside them says nothing of the graph. */
const LARGEST_LOOKED_INTO = 1 << 16

function varint(bytes: Uint8Array, at: number): { value: bigint; next: number } | undefined {
  let value = 0n
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    value |= BigInt(byte & 0x7f) << BigInt(7 * i)
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), next: at + i + 1 }
  }
  return undefined
}

function encodeVarint(value: bigint): number[] {
  const out: number[] = []
  let rest = BigInt.asUintN(64, value)
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    out.push(rest > 0n ? low | 0x80 : low)
  } while (rest > 0n)
  return out
}

/** Fields of a message; undefined where the bytes are none. */
export function parseFields(bytes: Uint8Array): Field[] | undefined {
  const fields: Field[] = []
  for (let at = 0; at < bytes.length;) {
    const tag = varint(bytes, at)
    if (!tag || tag.value === 0n || tag.value >> 3n > 20_000n) return undefined
    const wireType = Number(tag.value & 7n)
    let start = tag.next
    let end: number
    if (wireType === 0) end = varint(bytes, start)?.next ?? Infinity
    else if (wireType === 1) end = start + 8
    else if (wireType === 5) end = start + 4
    else if (wireType === 2) {
      const length = varint(bytes, start)
      if (!length) return undefined
      start = length.next
      end = start + Number(length.value)
    } else return undefined
    if (end > bytes.length) return undefined
    fields.push({ number: Number(tag.value >> 3n), wireType, payload: bytes.subarray(start, end) })
    at = end
  }
  return fields
}

export function encodeFields(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { number, wireType, payload } of fields) {
    const tag = encodeVarint((BigInt(number) << 3n) | BigInt(wireType))
    const length = wireType === 2 ? encodeVarint(BigInt(payload.length)) : []
    parts.push(Uint8Array.from([...tag, ...length]), payload)
  }
  return new Uint8Array(Buffer.concat(parts))
}

const NUMBERS = [
  0n,
  1n,
  2n,
  7n,
  // Elements that are text, among the types of tensors.
  8n,
  -1n,
  127n,
  255n,
  65536n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 40n,
  2n ** 63n - 1n,
]
const STRINGS = [
  '',
  'x',
  '__proto__',
  'Conv',
  'If',
  'Loop',
  'com.microsoft',
  '../../etc/passwd',
  '\u202e',
  'a'.repeat(5000),
]

function changed(field: Field, fields: readonly Field[], random: Random): Field {
  const other = fields[random.below(fields.length)]!
  switch (field.wireType) {
    case 0:
      return {
        ...field,
        payload: Uint8Array.from(encodeVarint(NUMBERS[random.below(NUMBERS.length)]!)),
      }
    case 2: {
      const kind = random.below(4)
      if (kind === 0)
        return { ...field, payload: field.payload.subarray(0, random.below(field.payload.length + 1)) }
      if (kind === 1) return { ...field, payload: Buffer.from(STRINGS[random.below(STRINGS.length)]!) }
      if (kind === 2 && other.wireType === 2) return { ...field, payload: other.payload }
      return { ...field, number: 1 + random.below(30) }
    }
    default:
      return { ...field, payload: Uint8Array.from(field.payload, () => (random.below(2) ? 0xff : 0)) }
  }
}

function mutateFields(fields: Field[], random: Random): Field[] {
  const at = random.below(fields.length)
  const out = [...fields]
  switch (random.below(5)) {
    case 0:
      out.splice(at, 1)
      return out
    case 1:
      out.splice(random.below(fields.length), 0, fields[at]!)
      return out
    case 2: {
      const with_ = random.below(fields.length)
      ;[out[at], out[with_]] = [fields[with_]!, fields[at]!]
      return out
    }
    default:
      out[at] = changed(fields[at]!, fields, random)
      return out
  }
}

/** One change somewhere in the tree of messages; the bytes as they are where they are no message. */
function mutateOnce(bytes: Uint8Array, random: Random): Uint8Array {
  const fields = parseFields(bytes)
  if (!fields || fields.length === 0) return bytes
  const nested = fields.flatMap(({ wireType, payload }, i) =>
    wireType === 2 && payload.length > 1 && (payload.length < LARGEST_LOOKED_INTO || fields.length < 24)
      ? [i]
      : [],
  )
  if (nested.length > 0 && random.below(4) > 0) {
    const at = nested[random.below(nested.length)]!
    const inside = mutateOnce(fields[at]!.payload, random)
    if (inside !== fields[at]!.payload) {
      const out = [...fields]
      out[at] = { ...fields[at]!, payload: inside }
      return encodeFields(out)
    }
  }
  return encodeFields(mutateFields(fields, random))
}

export function mutateWire(bytes: Uint8Array, random: Random): Uint8Array {
  let out = bytes
  for (let left = 1 + random.below(3); left > 0; left--) out = mutateOnce(out, random)
  return out
}
