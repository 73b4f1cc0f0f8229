/** Signal to quantization noise: 10·log₁₀(Σx² / Σ(x − y)²), in decibel. Source: arXiv:1511.06393. */

/** Sums over as many pieces as come, so that nothing is stored. */
export class SqnrMeter {
  private signal = 0
  private noise = 0

  add(reference: ArrayLike<number>, actual: ArrayLike<number>): void {
    for (let i = 0; i < reference.length; i++) {
      const x = reference[i]!
      if (x - x !== 0 || Math.abs(x) > 1e18) continue
      const d = x - actual[i]!
      this.signal += x * x
      this.noise += d * d
    }
  }

  /** Infinity for equal tensors, −Infinity for noise on silence. */
  get decibel(): number {
    if (this.noise === 0) return Infinity
    return 10 * Math.log10(this.signal / this.noise)
  }
}

export function sqnr(reference: ArrayLike<number>, actual: ArrayLike<number>): number {
  const meter = new SqnrMeter()
  meter.add(reference, actual)
  return meter.decibel
}

/** Noise over signal of so many decibel. */
export const noiseShare = (decibel: number): number => 10 ** (-decibel / 10)
