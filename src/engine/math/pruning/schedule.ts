/**
 * Sparsity over the steps of a gradual pruning: fast at first, slow towards the end, when every weight counts.
 * Source: Zhu & Gupta, arXiv:1710.01878, eq. 1: s_t = s_f + (s_i − s_f)(1 − t/n)³.
 */
export function sparsityAt(step: number, steps: number, final: number, initial = 0): number {
  if (steps <= 0 || step >= steps) return final
  return final + (initial - final) * (1 - Math.max(0, step) / steps) ** 3
}
