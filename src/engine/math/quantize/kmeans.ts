/**
 * Shared values: 2^b centroids for a set of weights, of least squared error. Exact on a fine grid by dynamic
 * programming (one-dimensional k-means is a shortest path), then Lloyd's iterations on the weights themselves.
 * Sources: arXiv:1510.00149 (Deep Compression); Wang & Song, "Ckmeans.1d.dp", The R Journal 3/2 (2011).
 */
interface Codebook {
  /** Rising. */
  centroids: Float32Array
  /** Index of each value's centroid. */
  codes: Uint8Array
}

interface CodebookOptions {
  /** Zeros get a centroid of exactly zero for themselves: pruned weights stay pruned. */
  keepZeros: boolean
  /** How much each value's error counts; all the same without. */
  importance?: Float32Array
}

const GRID = 1024

/** At most `size` ≤ 256 centroids; fewer where there are fewer distinct values. Values must be finite. */
export function sharedValues(values: Float32Array, size: number, options: CodebookOptions): Codebook {
  const zeros = options.keepZeros && values.some((v) => v === 0)
  const live = zeros ? values.filter((v) => v !== 0) : values
  const weights =
    options.importance && (zeros ? options.importance.filter((_, i) => values[i] !== 0) : options.importance)
  const found = cluster(live, zeros ? size - 1 : size, weights)
  const centroids = zeros ? Float32Array.from([...found, 0]).sort() : found
  return { centroids, codes: nearestCentroids(values, centroids) }
}

/** Index of the nearest of rising centroids; a zero goes to a centroid of zero where there is one. */
function nearestCentroids(values: Float32Array, centroids: Float32Array): Uint8Array {
  const codes = new Uint8Array(values.length)
  const limits = Float64Array.from(
    { length: centroids.length - 1 },
    (_, i) => (centroids[i]! + centroids[i + 1]!) / 2,
  )
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!
    let [low, high] = [0, limits.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (v > limits[middle]!) low = middle + 1
      else high = middle
    }
    codes[i] = low
  }
  return codes
}

/** Each centroid becomes the (weighted) mean of the values with its code; empty ones stay. For tuned weights too. */
function meansOf(
  values: Float32Array,
  codes: Uint8Array,
  centroids: Float32Array,
  importance?: Float32Array,
): Float32Array {
  const sums = new Float64Array(centroids.length)
  const counts = new Float64Array(centroids.length)
  for (let i = 0; i < values.length; i++) {
    const w = importance?.[i] ?? 1
    sums[codes[i]!]! += values[i]! * w
    counts[codes[i]!]! += w
  }
  return centroids.map((c, k) => (c === 0 || counts[k] === 0 ? c : sums[k]! / counts[k]!))
}

/** The weights a codebook stands for. */
export const fromCodebook = ({ centroids, codes }: Codebook): Float32Array =>
  Float32Array.from(codes, (code) => centroids[code]!)

function cluster(values: Float32Array, size: number, importance: Float32Array | undefined): Float32Array {
  if (values.length === 0) return new Float32Array(0)
  const points = gridPoints(values, importance)
  let centroids = points.at.length <= size ? Float32Array.from(points.at) : shortestPath(points, size)
  for (let round = 0; round < 8; round++) {
    const next = meansOf(values, nearestCentroids(values, centroids), centroids, importance).sort()
    if (next.every((c, i) => c === centroids[i])) break
    centroids = next
  }
  return centroids
}

interface Points {
  at: Float64Array
  weight: Float64Array
}

/** Values gathered in bins; few distinct ones are kept as they are. */
function gridPoints(values: Float32Array, importance: Float32Array | undefined): Points {
  let [min, max] = [Infinity, -Infinity]
  for (const v of values) {
    if (v < min) min = v
    if (v > max) max = v
  }
  const scale = max > min ? (GRID - 1) / (max - min) : 0
  const sums = new Float64Array(GRID)
  const weight = new Float64Array(GRID)
  for (let i = 0; i < values.length; i++) {
    const w = importance?.[i] ?? 1
    const bin = Math.floor((values[i]! - min) * scale)
    sums[bin]! += values[i]! * w
    weight[bin]! += w
  }
  const used = Array.from(weight.keys()).filter((bin) => weight[bin]! > 0)
  return {
    at: Float64Array.from(used, (bin) => sums[bin]! / weight[bin]!),
    weight: Float64Array.from(used, (bin) => weight[bin]!),
  }
}

/** Optimal split of sorted points into `size` runs, by divide and conquer on the monotone best split. */
function shortestPath({ at, weight }: Points, size: number): Float32Array {
  const n = at.length
  const [w, s, q] = [new Float64Array(n + 1), new Float64Array(n + 1), new Float64Array(n + 1)]
  for (let i = 0; i < n; i++) {
    w[i + 1] = w[i]! + weight[i]!
    s[i + 1] = s[i]! + weight[i]! * at[i]!
    q[i + 1] = q[i]! + weight[i]! * at[i]! * at[i]!
  }
  const cost = (from: number, to: number): number => {
    const sum = s[to]! - s[from]!
    return q[to]! - q[from]! - (sum * sum) / (w[to]! - w[from]!)
  }
  let best = Float64Array.from({ length: n + 1 }, (_, to) => (to === 0 ? 0 : cost(0, to)))
  const splits: Int32Array[] = []
  for (let k = 1; k < size; k++) {
    const next = new Float64Array(n + 1).fill(Infinity)
    const split = new Int32Array(n + 1)
    const solve = (low: number, high: number, from: number, to: number): void => {
      if (low > high) return
      const middle = (low + high) >> 1
      for (let j = Math.max(k, from); j <= Math.min(middle - 1, to); j++) {
        const total = best[j]! + cost(j, middle)
        if (total < next[middle]!) {
          next[middle] = total
          split[middle] = j
        }
      }
      solve(low, middle - 1, from, split[middle]!)
      solve(middle + 1, high, split[middle]!, to)
    }
    solve(k + 1, n, k, n - 1)
    splits.push(split)
    best = next
  }
  const centroids = new Float32Array(size)
  for (let k = size - 1, to = n; k >= 0; k--) {
    const from = k === 0 ? 0 : splits[k - 1]![to]!
    centroids[k] = (s[to]! - s[from]!) / (w[to]! - w[from]!)
    to = from
  }
  return centroids
}
