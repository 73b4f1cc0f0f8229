/** Elements narrower than a byte, first element in the low bits. Source: onnx.proto3, packing of 4- and 2-bit types. */

/** Codes of packed elements; sign-extended when `signed`. */
export function unpackBits(bytes: Uint8Array, count: number, bits: 1 | 2 | 4, signed: boolean): Int8Array {
  const out = new Int8Array(count)
  const perByte = 8 / bits
  const mask = (1 << bits) - 1
  const half = signed ? 1 << (bits - 1) : 0
  const whole = Math.floor(count / perByte)
  let at = 0
  for (let i = 0; i < whole; i++) {
    let byte = bytes[i]!
    for (let j = 0; j < perByte; j++) {
      // Flipping the sign bit and taking it away again extends the sign.
      out[at++] = ((byte & mask) ^ half) - half
      byte >>= bits
    }
  }
  for (let byte = bytes[whole]!; at < count; byte >>= bits) out[at++] = ((byte & mask) ^ half) - half
  return out
}

/** Packs codes; their bits above `bits` are dropped. */
export function packBits(codes: ArrayLike<number>, bits: 1 | 2 | 4): Uint8Array {
  const perByte = 8 / bits
  const mask = (1 << bits) - 1
  const count = codes.length
  const out = new Uint8Array(Math.ceil(count / perByte))
  for (let i = 0, at = 0; i < out.length; i++) {
    let byte = 0
    for (let shift = 0; shift < 8 && at < count; shift += bits) byte |= (codes[at++]! & mask) << shift
    out[i] = byte
  }
  return out
}
