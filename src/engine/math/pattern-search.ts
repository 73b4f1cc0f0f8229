/** Halved as nothing nearby is higher. */
const STEPS = [0.5, 0.25, 0.125, 0.06, 0.03]

/**
 * Uphill from `from` in the first `size` coordinates, one after another, by steps of 0.5 down to 0.03. Source: R. Hooke,
 * T. A. Jeeves, Journal of the ACM 8 (1961) 212–229.
 */
export async function climb(
  from: Float64Array,
  size: number,
  height: (at: Float64Array) => Promise<number>,
): Promise<Float64Array> {
  let at = from
  let best = await height(at)
  for (const step of STEPS)
    for (let moved = true; moved;) {
      moved = false
      for (let p = 0; p < size; p++)
        for (const by of [step, -step]) {
          const to = at.map((v, i) => (i === p ? v + by : v))
          const there = await height(to)
          if (!(there > best)) continue
          ;[at, best, moved] = [to, there, true]
          break
        }
    }
  return at
}
