/**
 * Layer-adaptive magnitude: which weights of a whole network go first, without starving small layers.
 * Source: arXiv:2010.07611 (LAMP). Schedule: arXiv:1710.01878 (cubic).
 */

/** Rising |w| below which a layer's weights go, with what each threshold costs in LAMP score. */
interface Layer {
  magnitudes: Float32Array
  /** LAMP score of each magnitude: w² / Σ of the squares not smaller. Rising. */
  scores: Float64Array
}

function layerOf(weights: Float32Array): Layer {
  const magnitudes = weights.map(Math.abs).sort()
  const scores = new Float64Array(magnitudes.length)
  let rest = 0
  for (let i = magnitudes.length - 1; i >= 0; i--) {
    const square = magnitudes[i]! ** 2
    rest += square
    scores[i] = rest > 0 ? square / rest : 0
  }
  return { magnitudes, scores }
}

/** How many elements of a rising array are below `limit`. */
function below(values: ArrayLike<number>, limit: number): number {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle]! < limit) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * For each layer the magnitude below which weights go, so that `sparsity` (0 … 1) of all weights are gone.
 * Zeros count as gone already.
 */
export function lampThresholds(weights: readonly Float32Array[], sparsity: number): number[] {
  const layers = weights.map(layerOf)
  const total = weights.reduce((n, w) => n + w.length, 0)
  const target = Math.floor(sparsity * total)
  let [low, high] = [0, 1]
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2
    const gone = layers.reduce((n, { scores }) => n + below(scores, middle), 0)
    if (gone <= target) low = middle
    else high = middle
  }
  return layers.map(({ magnitudes, scores }) => magnitudes[below(scores, low)] ?? Infinity)
}

/** Sparsity at `done` (0 … 1) of a ramp from `first` to `last`: quick while much is redundant, slow at the end. */
export function cubicRamp(first: number, last: number, done: number): number {
  const left = 1 - Math.min(1, Math.max(0, done))
  return last + (first - last) * left ** 3
}
