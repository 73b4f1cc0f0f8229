import { toHalf } from '../half'
import { codeOf, defineGrid, valueOf, type BlockGrid } from './grid'
import { leastSquaresGrid } from './mse'

/** Norm of the errors, rounds and strength of the coupling, as the authors' own code has them. */
const HQQ = { norm: 0.7, rounds: 20, beta: 10, growth: 1.01 }

function powerCost(part: Float32Array, grid: BlockGrid, top: number): number {
  let sum = 0
  for (const x of part) sum += Math.abs(x - valueOf(codeOf(x, grid, top), grid)) ** HQQ.norm
  return sum
}

/**
 * Half-quadratic splitting: minimises Σ|x − x̂|^0.7, which forgives the few large errors, by turns over the
 * errors (a shrinkage) and the zero point (a mean), in units of the scale. The zero point is a fraction: rounded, it
 * would be back at a least-squares one.
 */
export const hqq = defineGrid({
  words: 'moves the zero point and forgives a few large errors',
  sources: ['HQQ (Badri & Shaji, 2023)'],
  onlyAsymmetric:
    'HQQ moves the zero point, which symmetric codes do not have; "mse" is what would be left of it',
  work: 8,
  searched: true,
  grid(part, options) {
    const top = 2 ** options.bits - 1
    const grid = leastSquaresGrid(part, options)
    if (options.symmetric) return grid
    const { scale } = grid
    let zero = toHalf(grid.zero)
    let beta = HQQ.beta
    let best = { zero, cost: powerCost(part, { scale, zero }, top) }
    for (let round = 0; round < HQQ.rounds; round++, beta *= HQQ.growth) {
      let sum = 0
      for (const x of part) {
        const code = codeOf(x, { scale, zero }, top)
        const error = x / scale - (code - zero)
        const size = Math.abs(error)
        const kept = size === 0 ? 0 : Math.sign(error) * Math.max(0, size - size ** (HQQ.norm - 1) / beta)
        sum += code - x / scale + kept
      }
      const next = toHalf(sum / part.length)
      if (next === zero) break
      zero = next
      const cost = powerCost(part, { scale, zero }, top)
      if (cost < best.cost) best = { zero, cost }
    }
    return { scale, zero: best.zero }
  },
})
