/** How much to remove so that the model costs what was asked for. */
import type { Model } from '../../onnx'
import type { Values } from '../../runtime'
import { measureLatency } from '../../evaluate/latency'

/** Steps of the bisection where each costs next to nothing, and where each is a measurement. */
const CHEAP_STEPS = 24
const MEASURED_STEPS = 6

/**
 * The smallest ratio whose cost, relative to the original's, is at most `goal`; costs fall as the ratio grows.
 * Gives the largest ratio where even that does not reach the goal.
 */
export async function ratioFor(
  goal: number,
  cost: (ratio: number) => number | Promise<number>,
  measured = false,
): Promise<number> {
  let [low, high] = [0, 1]
  for (let step = 0; step < (measured ? MEASURED_STEPS : CHEAP_STEPS); step++) {
    const middle = (low + high) / 2
    if ((await cost(middle)) <= goal) high = middle
    else low = middle
  }
  return high
}

/** Time of the candidate over that of the original, at batch 1, interleaved in one process. */
export async function latencyShare(
  original: Model,
  candidate: Model,
  sample: Values,
  signal: AbortSignal,
): Promise<number> {
  const measured = await measureLatency(original, [candidate], { sample, seconds: 1, signal })
  return measured.candidates[0]!.ratio.value
}
