/** Layers that compute in float are stored as int8 all the same, as many as the limit lets. */
import type { KeptFloat } from './keep-float'
import type { StaticResult } from './static'

interface Trials {
  /** The quantized model with these of the float layers stored as int8. */
  build(stored: ReadonlySet<string>): StaticResult
  /** Points a model loses, on enough samples to hold a limit against. */
  points(model: StaticResult['model']): Promise<number>
  /** Decibel of several models on fewer samples. */
  order(models: readonly StaticResult['model'][]): Promise<number[]>
}

/** Where the limit was not held anyhow, storing must at least cost nothing more. */
const NOTHING_MORE = 1.02

export async function asStored(
  { floats, after }: KeptFloat,
  limit: number,
  trials: Trials,
): Promise<StaticResult> {
  const whole = trials.build(new Set())
  if (floats.length === 0) return whole
  const allowed = Math.max(limit, NOTHING_MORE * (after?.points ?? 0))
  const all = trials.build(new Set(floats))
  if ((await trials.points(all.model)) <= allowed) return all
  const alone = await trials.order(floats.map((layer) => trials.build(new Set([layer])).model))
  const order = floats.map((layer, i) => ({ layer, sqnr: alone[i]! })).sort((a, b) => b.sqnr - a.sqnr)
  let best = whole
  for (let [low, high] = [1, order.length - 1]; low <= high;) {
    const count = (low + high) >> 1
    const made = trials.build(new Set(order.slice(0, count).map(({ layer }) => layer)))
    if ((await trials.points(made.model)) <= allowed) [best, low] = [made, count + 1]
    else high = count - 1
  }
  return best
}
