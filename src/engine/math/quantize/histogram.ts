/**
 * A histogram of a stream whose range is not known in advance. Bins are multiples of a power of two; when a
 * value falls outside, the width doubles and neighbours merge exactly. So the result depends neither on the
 * order nor on the batching of the values, and memory stays at one small array per tensor.
 */
const BINS = 4096

/** Magnitudes from which a value may be the penalty of a mask. */
const EXTREME = 1e3

export class Histogram {
  /** Exact extremes of the finite values; min > max before the first. */
  min = Infinity
  max = -Infinity
  /** Finite values seen. */
  count = 0
  /** Infinite values seen: an attention mask of −inf, say. */
  infinite = 0
  /** Whether one of them was +inf, which no mask has. */
  private positive = false
  /** Values seen that are no numbers. */
  notANumber = 0
  /** Width of a bin; 0 until a value other than zero came. */
  width = 0
  private first = 0
  private counts = new Float64Array(BINS)

  /** With `extremesOnly`, batches are counted only once there are values that large: enough to tell a mask. */
  constructor(private readonly extremesOnly = false) {}

  add(values: Float32Array): void {
    const { length } = values
    let { min, max } = this
    let finite = length
    // These loops see every activation of a calibration. Neither minimum forgives a NaN.
    for (let i = 0; i < length; i++) {
      const v = values[i]!
      min = Math.min(min, v)
      max = Math.max(max, v)
    }
    if (max - min - (max - min) !== 0) ({ min, max, finite } = this.finiteExtremes(values))
    if (finite === 0) return
    this.count += finite
    this.min = min
    this.max = max
    if (this.extremesOnly && Math.max(-min, max) < EXTREME) return
    this.cover(min, max)
    const { counts, first } = this
    const scale = 1 / this.width
    for (let i = 0; i < length; i++) {
      const v = values[i]!
      if (v - v === 0) counts[(Math.floor(v * scale) - first) | 0]!++
    }
  }

  /**
   * Why one integer range cannot hold the values, where it cannot: NaN, infinities, or two clusters with nearly all of
   * the range empty between them, which is what an attention mask added to scores looks like.
   */
  get unfit(): string | undefined {
    if (this.notANumber > 0) return 'the model computes NaN there for some calibration samples'
    if (this.infinite > 0)
      return `some of its values are infinite${this.positive ? '' : ', as those of an attention mask are'}: no 8-bit range can hold them`
    const spread = Math.max(Math.abs(this.min), Math.abs(this.max))
    const gap = spread >= EXTREME ? this.widestGap() : 0
    if (gap <= 0.8) return undefined
    const [min, max] = [this.min, this.max].map((value) => Number(value.toPrecision(3)))
    return `its values lie from ${min} to ${max} with ${Math.floor(100 * gap)}% of that empty between them, as those of an attention mask do: no 8-bit range can hold them`
  }

  private finiteExtremes(values: Float32Array): { min: number; max: number; finite: number } {
    let { min, max } = this
    let finite = 0
    for (const v of values) {
      if (v - v !== 0) {
        if (v === v) {
          this.infinite++
          this.positive ||= v > 0
        } else this.notANumber++
        continue
      }
      finite++
      if (v < min) min = v
      if (v > max) max = v
    }
    return { min, max, finite }
  }

  /** Makes room for [min, max], zero included. */
  private cover(min: number, max: number): void {
    const low = Math.min(0, min)
    const high = Math.max(0, max)
    if (this.width === 0) {
      const span = high - low
      this.width = 2 ** Math.ceil(Math.log2(Math.max(span, 2 ** -100) / (BINS - 2)))
      while (Math.floor(high / this.width) - Math.floor(low / this.width) >= BINS) this.width *= 2
      this.first = Math.floor(low / this.width)
      return
    }
    let { width } = this
    while (Math.floor(high / width) - Math.floor(low / width) >= BINS) width *= 2
    const factor = width / this.width
    const first = Math.floor(low / width)
    if (factor === 1 && first === this.first) return
    const next = new Float64Array(BINS)
    for (let i = 0; i < BINS; i++) {
      const n = this.counts[i]!
      if (n > 0) next[Math.floor((this.first + i) / factor) - first]! += n
    }
    this.counts = next
    this.width = width
    this.first = first
  }

  /** Occupied bins from low to high. */
  bins(): { centre: number; count: number }[] {
    const out: { centre: number; count: number }[] = []
    for (let i = 0; i < BINS; i++) {
      const count = this.counts[i]!
      if (count === 0) continue
      // Zero is exact after Relu and padding: its bin must not be taken for half a width above it.
      const centre =
        this.first + i === 0 && this.min >= 0 ? 0.25 * this.width : (this.first + i + 0.5) * this.width
      out.push({ centre: Math.min(this.max, Math.max(this.min, centre)), count })
    }
    return out
  }

  /** The value below which a share of all finite values lies, to the width of a bin. */
  quantile(share: number): number {
    const wanted = share * this.count
    let seen = 0
    for (let i = 0; i < BINS; i++) {
      const n = this.counts[i]!
      if (n === 0) continue
      if (seen + n >= wanted) {
        const value = (this.first + i + (wanted - seen) / n) * this.width
        return Math.min(this.max, Math.max(this.min, value))
      }
      seen += n
    }
    return this.max
  }

  /** The widest stretch without any value, as a share of the whole range: near 1 for an attention mask. */
  widestGap(): number {
    if (!(this.max > this.min)) return 0
    const bins = this.bins()
    let widest = 0
    for (let i = 1; i < bins.length; i++) widest = Math.max(widest, bins[i]!.centre - bins[i - 1]!.centre)
    return widest / (this.max - this.min)
  }
}
