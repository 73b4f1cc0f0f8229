/** Seeded random numbers: equal seeds give equal runs on every machine. */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform integer in [0, limit). */
  below(limit: number): number
  /** Standard normal (Box–Muller). */
  normal(): number
  /** A copy of `items` in random order (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[]
  /** An independent stream, so that adding draws in one place does not shift another. */
  fork(label: string): Random
}

function hash(text: string, seed: number): number {
  let h = seed ^ 0x9e3779b9
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x85ebca6b) ^ (h >>> 13)
  return h | 0
}

export function seeded(seed: number): Random {
  const generator = xoroshiro128plus(seed)
  const next = (): number => (generator.next() >>> 0) / 2 ** 32
  let spare: number | undefined
  const random: Random = {
    next,
    below: (limit) => Math.floor(next() * limit),
    normal() {
      if (spare !== undefined) {
        const value = spare
        spare = undefined
        return value
      }
      const radius = Math.sqrt(-2 * Math.log(1 - next()))
      const angle = 2 * Math.PI * next()
      spare = radius * Math.sin(angle)
      return radius * Math.cos(angle)
    },
    shuffle(items) {
      const out = [...items]
      for (let i = out.length - 1; i > 0; i--) {
        const j = random.below(i + 1)
        ;[out[i], out[j]] = [out[j]!, out[i]!]
      }
      return out
    },
    fork: (label) => seeded(hash(label, seed)),
  }
  return random
}
