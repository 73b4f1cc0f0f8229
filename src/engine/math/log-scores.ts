/** Scores of classes as logarithms of likelihoods, whichever way a model gives them. */

/** Probabilities below this are said to be this: a model's zero is never quite one. */
const LEAST = 1e-12
const ROUNDING = 1e-3

const clamped = (p: number): number => Math.log(Math.min(1, Math.max(LEAST, p)))

/**
 * Rows of scores as logarithms up to a constant a row: rows that all sum to 1 are probabilities; a single number per row in
 * 0…1 is the probability of "yes" and becomes its log-odds; all else is taken for logits.
 */
export function logOf(rows: readonly (readonly number[])[]): number[][] {
  const inUnit = rows.every((row) => row.every((v) => v >= -ROUNDING && v <= 1 + ROUNDING))
  if (!inUnit) return rows.map((row) => [...row])
  if (rows[0]?.length === 1) return rows.map(([p]) => [clamped(p!) - clamped(1 - p!)])
  const sumsToOne = rows.every((row) => Math.abs(row.reduce((sum, v) => sum + v, 0) - 1) < 10 * ROUNDING)
  return rows.map((row) => (sumsToOne ? row.map(clamped) : [...row]))
}

/** log Σ exp(factor · x) over `size` values from `start` on, without overflow. */
export function logSumExp(values: ArrayLike<number>, start: number, size: number, factor = 1): number {
  let most = -Infinity
  for (let i = start; i < start + size; i++) most = Math.max(most, factor * values[i]!)
  let sum = 0
  for (let i = start; i < start + size; i++) sum += Math.exp(factor * values[i]! - most)
  return most + Math.log(sum)
}
