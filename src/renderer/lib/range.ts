/** Smallest and largest of many series; 0 and 0 where there are none. */
export function rangeOf(series: readonly (readonly number[])[]): [low: number, high: number] {
  let [low, high] = [Infinity, -Infinity]
  for (const values of series)
    for (const value of values) {
      if (value < low) low = value
      if (value > high) high = value
    }
  return low <= high ? [low, high] : [0, 0]
}
