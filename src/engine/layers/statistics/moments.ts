/** Mean, variance and largest magnitude of each channel of a value, over a stream of batches. */
import { floatsOf, type Value } from '../../runtime'

export interface Moments {
  mean: Float64Array
  variance: Float64Array
  /** Largest magnitude. */
  largest: Float32Array
}

/** Sums along one axis of a value, negative axes counting from the end. Memory does not grow with samples. */
export class MomentSums {
  private count = 0
  private sum = new Float64Array()
  private squares = new Float64Array()
  private largest = new Float32Array()

  constructor(private readonly axis: number) {}

  /** Values without channels, and those that are no floats, add nothing. */
  add(value: Value): void {
    if (!value.dtype.startsWith('float') || value.dims.length < 2) return
    const at = this.axis < 0 ? value.dims.length + this.axis : this.axis
    const channels = value.dims[at]!
    const inner = value.dims.slice(at + 1).reduce((n, d) => n * d, 1)
    const values = floatsOf(value)
    if (this.count === 0) {
      this.sum = new Float64Array(channels)
      this.squares = new Float64Array(channels)
      this.largest = new Float32Array(channels)
    }
    addChannels(values, channels, inner, this.sum, this.squares, this.largest)
    this.count += values.length / channels
  }

  /** Undefined where nothing was seen. */
  moments(): Moments | undefined {
    const { count, largest } = this
    if (count === 0) return undefined
    const mean = this.sum.map((sum) => sum / count)
    const variance = this.squares.map((sum, c) => Math.max(0, sum / count - mean[c]! ** 2))
    return { mean, variance, largest }
  }
}

// By itself, as a loop within a method that sees many shapes is compiled anew for each.
function addChannels(
  values: Float32Array,
  channels: number,
  inner: number,
  sums: Float64Array,
  squares: Float64Array,
  largest: Float32Array,
): void {
  for (let start = 0, c = 0; start < values.length; start += inner, c = c + 1 === channels ? 0 : c + 1) {
    let sum = 0
    let square = 0
    let most = largest[c]!
    for (let i = start; i < start + inner; i++) {
      const x = values[i]!
      sum += x
      square += x * x
      const size = Math.abs(x)
      if (size > most) most = size
    }
    sums[c]! += sum
    squares[c]! += square
    largest[c] = most
  }
}
