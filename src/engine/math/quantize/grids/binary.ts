import { defineGrid } from './grid'

function meanMagnitude(part: Float32Array): number {
  let sum = 0
  for (const v of part) sum += Math.abs(v)
  return sum / part.length
}

/** The sign times the mean magnitude; zero lies between the two codes. */
export const binary = defineGrid({
  words: 'is one scale times −1 or 1',
  sources: ['arXiv:1603.05279'],
  bits: 1,
  grid: (part, { scaled }) => ({ scale: scaled(2 * meanMagnitude(part)), zero: 0.5 }),
})
