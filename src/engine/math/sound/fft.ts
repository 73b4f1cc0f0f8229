/**
 * Power spectra of any length: radix 2 where that is a power of two (Cooley and Tukey, 1965), else a convolution with a
 * chirp of such a length (Bluestein, 1970).
 */

/** In place; for one length, a power of two. */
class Radix2 {
  private readonly cos: Float64Array
  private readonly sin: Float64Array
  private readonly swap: Uint32Array

  constructor(private readonly n: number) {
    this.cos = new Float64Array(n / 2)
    this.sin = new Float64Array(n / 2)
    for (let k = 0; k < n / 2; k++) {
      this.cos[k] = Math.cos((2 * Math.PI * k) / n)
      this.sin[k] = -Math.sin((2 * Math.PI * k) / n)
    }
    this.swap = new Uint32Array(n)
    for (let i = 1; i < n; i++) this.swap[i] = (this.swap[i >> 1]! >> 1) + (i & 1 ? n / 2 : 0)
  }

  transform(re: Float64Array, im: Float64Array): void {
    const { n, cos, sin, swap } = this
    for (let i = 0; i < n; i++) {
      const j = swap[i]!
      if (j <= i) continue
      const [x, y] = [re[i]!, im[i]!]
      re[i] = re[j]!
      im[i] = im[j]!
      re[j] = x
      im[j] = y
    }
    for (let half = 1; half < n; half *= 2) {
      const stride = n / (2 * half)
      for (let from = 0; from < n; from += 2 * half)
        for (let k = 0; k < half; k++) {
          const [a, b] = [from + k, from + k + half]
          const [c, s] = [cos[k * stride]!, sin[k * stride]!]
          const x = re[b]! * c - im[b]! * s
          const y = re[b]! * s + im[b]! * c
          re[b] = re[a]! - x
          im[b] = im[a]! - y
          re[a]! += x
          im[a]! += y
        }
    }
  }
}

const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0

/** A wave whose frequency rises, and its spectrum turned round: what a transform of `n` is a convolution with. */
class Chirp {
  readonly size: number
  readonly cos: Float64Array
  readonly sin: Float64Array
  readonly re: Float64Array
  readonly im: Float64Array

  constructor(n: number) {
    this.size = 2 ** Math.ceil(Math.log2(2 * n - 1))
    this.cos = new Float64Array(n)
    this.sin = new Float64Array(n)
    this.re = new Float64Array(this.size)
    this.im = new Float64Array(this.size)
    for (let i = 0; i < n; i++) {
      // i² modulo 2n, so that the angle keeps its digits.
      const angle = (Math.PI * ((i * i) % (2 * n))) / n
      this.cos[i] = Math.cos(angle)
      this.sin[i] = -Math.sin(angle)
      for (const at of [i, (this.size - i) % this.size]) {
        this.re[at] = Math.cos(angle)
        this.im[at] = Math.sin(angle)
      }
    }
    new Radix2(this.size).transform(this.re, this.im)
  }
}

/** |DFT|² of real frames of `n` numbers, at frequencies 0 … ⌊n / 2⌋. */
export class PowerSpectrum {
  readonly bins: number
  private readonly chirp: Chirp | undefined
  private readonly inner: Radix2
  private readonly re: Float64Array
  private readonly im: Float64Array

  constructor(private readonly n: number) {
    this.bins = Math.floor(n / 2) + 1
    this.chirp = isPowerOfTwo(n) ? undefined : new Chirp(n)
    const size = this.chirp?.size ?? n
    this.inner = new Radix2(size)
    this.re = new Float64Array(size)
    this.im = new Float64Array(size)
  }

  of(frame: Float64Array): Float64Array {
    const { n, chirp, inner, re, im, bins } = this
    re.fill(0)
    im.fill(0)
    if (chirp)
      for (let i = 0; i < n; i++) {
        re[i] = frame[i]! * chirp.cos[i]!
        im[i] = frame[i]! * chirp.sin[i]!
      }
    else re.set(frame)
    inner.transform(re, im)
    if (chirp) this.convolved(chirp)
    const power = new Float64Array(bins)
    for (let k = 0; k < bins; k++) power[k] = re[k]! ** 2 + im[k]! ** 2
    return power
  }

  /** The last product with the chirp turns phases alone, and is left out. */
  private convolved(chirp: Chirp): void {
    const { re, im, inner } = this
    const size = re.length
    for (let k = 0; k < size; k++) {
      const [x, y] = [re[k]!, im[k]!]
      re[k] = (x * chirp.re[k]! - y * chirp.im[k]!) / size
      // Conjugated before and (for the power, not at all) after: a transform back.
      im[k] = -(x * chirp.im[k]! + y * chirp.re[k]!) / size
    }
    inner.transform(re, im)
  }
}
