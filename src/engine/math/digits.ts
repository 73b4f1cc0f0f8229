/** Codes of few values, several to a byte: a byte is a number whose digits in base `base` are the codes. */

/** Codes of `base` values that fit a byte. */
export function digitsPerByte(base: number): number {
  let digits = 1
  while (base ** (digits + 1) <= 256) digits++
  return digits
}

/** First code in the highest digit; the last byte is filled up with zeros. */
export function packDigits(codes: Uint8Array, base: number): Uint8Array {
  const perByte = digitsPerByte(base)
  const bytes = new Uint8Array(Math.ceil(codes.length / perByte))
  for (let at = 0; at < bytes.length * perByte; at++) {
    const byte = Math.floor(at / perByte)
    bytes[byte] = bytes[byte]! * base + (codes[at] ?? 0)
  }
  return bytes
}

/** Digits of every number a byte may be, row by row: [base ** digitsPerByte, digitsPerByte]. */
export function digitTable(base: number): Int32Array {
  const perByte = digitsPerByte(base)
  return Int32Array.from({ length: base ** perByte * perByte }, (_, at) => {
    const place = perByte - 1 - (at % perByte)
    return Math.floor(Math.floor(at / perByte) / base ** place) % base
  })
}
