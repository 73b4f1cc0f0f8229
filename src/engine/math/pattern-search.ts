/** Halved as nothing nearby is higher. */
const STEPS = [0.5, 0.25, 0.125, 0.06, 0.03]

interface Place {
  at: Float64Array
  height: number
}

/**
 * Uphill from `from` in the first `size` coordinates, by steps of 0.5 down to 0.03: each coordinate in turn, and on in the
 * direction in which all of them together went up. Asks for few more than `most` heights and gives the highest place seen.
 * Source: R. Hooke, T. A. Jeeves, Journal of the ACM 8 (1961) 212–229.
 */
export async function climb(
  from: Float64Array,
  size: number,
  height: (at: Float64Array) => Promise<number>,
  most = Infinity,
): Promise<Float64Array> {
  let asked = 0
  const placeOf = async (at: Float64Array): Promise<Place> => {
    asked++
    return { at, height: await height(at) }
  }
  const explored = async (start: Place, step: number): Promise<Place> => {
    let best = start
    for (let p = 0; p < size; p++)
      for (const by of [step, -step]) {
        const there = await placeOf(best.at.map((v, i) => (i === p ? v + by : v)))
        if (!(there.height > best.height)) continue
        best = there
        break
      }
    return best
  }
  let best = await placeOf(from)
  for (const step of STEPS)
    while (asked < most) {
      let [before, there] = [best, await explored(best, step)]
      if (there === best) break
      while (there.height > best.height) {
        ;[before, best] = [best, there]
        if (asked >= most) break
        const ahead = best.at.map((v, i) => 2 * v - before.at[i]!)
        there = await explored(await placeOf(ahead), step)
      }
    }
  return best.at
}
