/**
 * Which weights stay. Scores and masks are row-major [rows, cols] with rows = outputs and cols = inputs; a mask
 * holds 1 where a weight stays. Sources: arXiv:1510.00149 (magnitude), arXiv:2104.08378 (2:4), arXiv:2306.11695.
 */

/** The k-th smallest value, k from 0 (Hoare's selection, on a copy). */
export function kthSmallest(values: ArrayLike<number>, k: number): number {
  const a = Float64Array.from(values)
  let [low, high] = [0, a.length - 1]
  while (low < high) {
    const pivot = a[(low + high) >> 1]!
    let [i, j] = [low, high]
    while (i <= j) {
      while (a[i]! < pivot) i++
      while (a[j]! > pivot) j--
      if (i <= j) {
        const held = a[i]!
        a[i++] = a[j]!
        a[j--] = held
      }
    }
    if (k <= j) high = j
    else if (k >= i) low = i
    else break
  }
  return a[k]!
}

/** Exactly round(share · n) of the lowest scores go; of equal ones the first. */
export function maskLowest(scores: ArrayLike<number>, share: number): Uint8Array {
  const n = scores.length
  const gone = Math.round(share * n)
  const mask = new Uint8Array(n).fill(1)
  if (gone === 0) return mask
  const limit = kthSmallest(scores, gone - 1)
  let left = gone
  for (let i = 0; i < n; i++)
    if (scores[i]! < limit) {
      mask[i] = 0
      left--
    }
  for (let i = 0; i < n && left > 0; i++)
    if (scores[i]! === limit) {
      mask[i] = 0
      left--
    }
  return mask
}

/** The same share of every row goes: outputs are compared with themselves only. */
export function maskRows(scores: Float32Array, cols: number, share: number): Uint8Array {
  const mask = new Uint8Array(scores.length)
  for (let from = 0; from < scores.length; from += cols)
    mask.set(maskLowest(scores.subarray(from, from + cols), share), from)
  return mask
}

/** Of every `m` neighbours in a row the `m − n` with the lowest scores go; a rest shorter than m stays whole. */
export function maskNofM(scores: Float32Array, cols: number, n: number, m: number): Uint8Array {
  const mask = new Uint8Array(scores.length).fill(1)
  const order = Array.from({ length: m }, (_, i) => i)
  for (let row = 0; row < scores.length; row += cols)
    for (let from = row; from + m <= row + cols; from += m) {
      const sorted = [...order].sort((a, b) => scores[from + a]! - scores[from + b]! || a - b)
      for (const i of sorted.slice(0, m - n)) mask[from + i] = 0
    }
  return mask
}

/** Whole blocks go, by the mean of their scores; blocks at the edge may be smaller. */
export function maskBlocks(
  scores: Float32Array,
  rows: number,
  cols: number,
  height: number,
  width: number,
  share: number,
): Uint8Array {
  const across = Math.ceil(cols / width)
  const count = Math.ceil(rows / height) * across
  const sums = new Float64Array(count)
  const sizes = new Float64Array(count)
  const blockOf = (i: number): number =>
    Math.floor(Math.floor(i / cols) / height) * across + Math.floor((i % cols) / width)
  for (let i = 0; i < scores.length; i++) {
    sums[blockOf(i)]! += scores[i]!
    sizes[blockOf(i)]!++
  }
  const blocks = maskLowest(
    sums.map((sum, b) => sum / sizes[b]!),
    share,
  )
  return Uint8Array.from({ length: scores.length }, (_, i) => blocks[blockOf(i)]!)
}
