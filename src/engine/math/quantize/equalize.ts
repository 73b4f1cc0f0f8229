/**
 * Factors that move range from one place to another without changing what a network computes.
 * Sources: arXiv:1906.04721 (cross-layer equalization, data-free quantization); arXiv:2211.10438 (SmoothQuant).
 */

/** Factors for channels between two layers so that both layers' ranges agree: first / s, second · s. */
export function equalizing(first: Float32Array, second: Float32Array): Float32Array {
  return first.map((a, i) => {
    const b = second[i]!
    // A dead channel of either layer has no range to agree on.
    if (!(a > 0) || !(b > 0)) return 1
    return clamp(Math.sqrt(a / b))
  })
}

/**
 * Factors that inputs are divided by and weights multiplied with: strength 0 leaves all to the activations,
 * 1 to the weights. `activations` and `weights` are largest magnitudes by input channel.
 */
export function smoothing(activations: Float32Array, weights: Float32Array, strength: number): Float32Array {
  return activations.map((x, i) => {
    const w = weights[i]!
    if (!(x > 0) || !(w > 0)) return 1
    return clamp(x ** strength / w ** (1 - strength))
  })
}

/** A factor of a million would only make other numbers too small. */
const clamp = (factor: number): number => Math.min(1e4, Math.max(1e-4, factor))

/** Largest magnitude along one axis of a tensor, each index of it. */
export function magnitudes(values: Float32Array, dims: readonly number[], axis: number): Float32Array {
  const out = new Float32Array(dims[axis]!)
  const inner = dims.slice(axis + 1).reduce((n, d) => n * d, 1)
  for (let i = 0; i < values.length; i++) {
    const c = Math.floor(i / inner) % out.length
    const size = Math.abs(values[i]!)
    if (size > out[c]!) out[c] = size
  }
  return out
}

/** A copy with each index of one axis multiplied by its factor. */
export function scaledAlong(
  values: Float32Array,
  dims: readonly number[],
  axis: number,
  factors: ArrayLike<number>,
): Float32Array {
  const inner = dims.slice(axis + 1).reduce((n, d) => n * d, 1)
  const size = dims[axis]!
  return values.map((v, i) => v * factors[Math.floor(i / inner) % size]!)
}
