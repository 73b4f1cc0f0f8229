import { defineGrid, rangeGrid, rangeOf, type BlockGrid, type GridOptions } from './grid'

/** Given up once it is above `limit`. Written out in scalars: it is where rounding spends its time. */
function squaredError(part: Float32Array, scale: number, zero: number, top: number, limit: number): number {
  const inverse = 1 / scale
  const shift = zero + 0.5
  let error = 0
  for (let i = 0; i < part.length && error < limit; i++) {
    const x = part[i]!
    const at = x * inverse + shift
    const code = at <= 0 ? 0 : at >= top ? top : at | 0
    const d = x - (code - zero) * scale
    error += d * d
  }
  return error
}

const ALONE = [0]
const AROUND = [0, -1, 1]

/** The clipped range of least squared error, and around it the zero points next to its own. */
export function leastSquaresGrid(part: Float32Array, options: GridOptions): BlockGrid {
  const { bits, symmetric } = options
  const top = 2 ** bits - 1
  const range = rangeOf(part)
  let best = rangeGrid(range, 1, options)
  let least = squaredError(part, best.scale, best.zero, top, Infinity)
  const steps = bits >= 8 ? 10 : 24
  const lowest = bits >= 4 ? 0.6 : bits === 3 ? 0.45 : 0.25
  for (let step = 1; step <= steps; step++) {
    const share = 1 - (step * (1 - lowest)) / steps
    const { scale, zero: middle } = rangeGrid(range, share, options)
    for (const shift of symmetric ? ALONE : AROUND) {
      const zero = middle + shift
      if (zero < 0 || zero > top) continue
      const error = squaredError(part, scale, zero, top, least)
      if (error < least) {
        least = error
        best = { scale, zero }
      }
    }
  }
  return best
}

export const mse = defineGrid({
  words: 'clips the range where that lowers the squared error',
  grid: leastSquaresGrid,
})
