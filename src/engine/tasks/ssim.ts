/**
 * Structural similarity with a window of 7 × 7, as scikit-image's `structural_similarity` has it by default: variances of
 * samples, the border of half a window left out, the mean over channels. Source: Z. Wang et al., IEEE Transactions on
 * Image Processing 13 (2004) 600–612.
 */

/** How the numbers of a picture lie: `step` from a pixel to the next, `plane` from a channel to the next. */
export interface Planes {
  channels: number
  height: number
  width: number
  step: number
  plane: number
}

const WINDOW = 7

/** `range`: from the darkest value to the brightest. 1 for equal pictures; pictures smaller than the window are one. */
export function ssim(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { channels, height, width, step, plane }: Planes,
  range: number,
): number {
  const [tall, wide] = [Math.min(WINDOW, height), Math.min(WINDOW, width)]
  const n = tall * wide
  const [c1, c2] = [(0.01 * range) ** 2, (0.03 * range) ** 2]
  const sampled = n > 1 ? n / (n - 1) : 1
  let [sum, windows] = [0, 0]
  for (let c = 0; c < channels; c++) {
    const of = (at: (i: number) => number): Float64Array => summed(at, height, width)
    const at = (data: ArrayLike<number>, i: number): number => data[c * plane + i * step]!
    const tables = [
      of((i) => at(a, i)),
      of((i) => at(b, i)),
      of((i) => at(a, i) ** 2),
      of((i) => at(b, i) ** 2),
      of((i) => at(a, i) * at(b, i)),
    ]
    for (let y = 0; y + tall <= height; y++)
      for (let x = 0; x + wide <= width; x++) {
        const [ma, mb, aa, bb, ab] = tables.map((table) => {
          const corner = (dy: number, dx: number): number => table[(y + dy) * (width + 1) + x + dx]!
          return (corner(tall, wide) - corner(0, wide) - corner(tall, 0) + corner(0, 0)) / n
        }) as [number, number, number, number, number]
        const [va, vb, vab] = [aa - ma * ma, bb - mb * mb, ab - ma * mb].map((v) => sampled * v) as [
          number,
          number,
          number,
        ]
        sum += ((2 * ma * mb + c1) * (2 * vab + c2)) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
        windows++
      }
  }
  return sum / windows
}

/** Sums of all above and left of each corner. */
function summed(at: (i: number) => number, height: number, width: number): Float64Array {
  const table = new Float64Array((height + 1) * (width + 1))
  for (let y = 0; y < height; y++) {
    let row = 0
    for (let x = 0; x < width; x++) {
      row += at(y * width + x)
      table[(y + 1) * (width + 1) + x + 1] = table[y * (width + 1) + x + 1]! + row
    }
  }
  return table
}
