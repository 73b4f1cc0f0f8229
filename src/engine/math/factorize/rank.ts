/** How many ranks a factorization may have. */

/** Largest rank at which rank · (rows + cols) stays within `share` of rows · cols; 0 where not even one does. */
export const rankForShare = (rows: number, cols: number, share: number): number =>
  Math.floor((share * rows * cols) / (rows + cols))

/** Least rank whose squared singular values (largest first) hold `share` of their sum. */
export function rankForEnergy(singular: ArrayLike<number>, share: number): number {
  let total = 0
  for (let i = 0; i < singular.length; i++) total += singular[i]! ** 2
  let held = 0
  for (let i = 0; i < singular.length; i++) {
    held += singular[i]! ** 2
    if (held >= share * total * (1 - 1e-12)) return i + 1
  }
  return singular.length
}

/** The same share α of input and output channels at which a Tucker-2 kernel has `share` of the elements. */
export function tuckerShare(inputs: number, outputs: number, taps: number, share: number): number {
  const a = inputs * outputs * taps
  const b = inputs ** 2 + outputs ** 2
  const c = -share * a
  return Math.min(1, (-b + Math.sqrt(b * b - 4 * a * c)) / (2 * a))
}
