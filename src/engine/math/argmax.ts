/** Position of the largest of `size` values from `start` on, counted from there; the first where several are equal. */
export function argmax(values: ArrayLike<number>, start = 0, size = values.length - start): number {
  let best = 0
  for (let i = 1; i < size; i++) if (values[start + i]! > values[start + best]!) best = i
  return best
}
