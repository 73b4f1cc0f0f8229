import { defineGrid } from './grid'

/**
 * The scale of {−s, 0, s} with the least squared error, exactly: with the k largest magnitudes kept, s is their
 * mean and the error falls by (Σ|x|)²/k. Source: arXiv:1605.04711 (ternary weight networks), solved by sorting.
 */
export function ternaryScale(part: Float32Array): number {
  const sorted = part.map(Math.abs).sort().reverse()
  let [sum, best, scale] = [0, -1, 0]
  for (let k = 1; k <= sorted.length; k++) {
    sum += sorted[k - 1]!
    const gain = (sum * sum) / k
    if (gain > best) {
      best = gain
      scale = sum / k
    }
  }
  return scale
}

export const ternary = defineGrid({
  words: 'is one scale times −1, 0 or 1',
  sources: ['arXiv:1605.04711'],
  bits: 2,
  // The fourth of two bits stays unused.
  top: 2,
  grid: (part, { scaled }) => ({ scale: scaled(ternaryScale(part)), zero: 1 }),
})
