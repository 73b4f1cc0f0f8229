/** Bits of bytes, the highest first. */
export class Bits {
  /** Of bits. */
  position: number

  constructor(
    private readonly bytes: Uint8Array,
    byte = 0,
  ) {
    this.position = byte * 8
  }

  get byte(): number {
    return Math.ceil(this.position / 8)
  }

  /** Up to 32 of them. Throws an Error whose message completes "this file …". */
  unsigned(count: number): number {
    let value = 0
    for (let left = count; left > 0;) {
      const at = this.position >> 3
      if (at >= this.bytes.length) throw new Error('is cut off')
      const have = 8 - (this.position & 7)
      const take = Math.min(have, left)
      value = value * 2 ** take + ((this.bytes[at]! >> (have - take)) & (2 ** take - 1))
      this.position += take
      left -= take
    }
    return value
  }

  signed(count: number): number {
    const value = this.unsigned(count)
    return value >= 2 ** (count - 1) ? value - 2 ** count : value
  }

  /** Zeros before the next one. */
  unary(): number {
    let count = 0
    for (;;) {
      const at = this.position >> 3
      if (at >= this.bytes.length) throw new Error('is cut off')
      const left = 8 - (this.position & 7)
      const rest = this.bytes[at]! & (2 ** left - 1)
      if (rest === 0) {
        count += left
        this.position += left
        continue
      }
      const zeros = left - (32 - Math.clz32(rest))
      this.position += zeros + 1
      return count + zeros
    }
  }

  align(): void {
    this.position = this.byte * 8
  }
}
