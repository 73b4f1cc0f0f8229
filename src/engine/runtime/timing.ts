/** How long a model takes, measured once: what decides how many samples an automatic choice can afford. */
import type { Model } from '../onnx'
import { BY_TURNS, withSession } from './session'
import type { Values } from './value'

/** Seconds of one run on these feeds: the second of two, for the first warms up. Throws what sessions throw. */
export async function secondsOfRun(model: Model, feeds: Values): Promise<number> {
  return withSession(model, BY_TURNS, async (session) => {
    await session.run(feeds)
    const start = performance.now()
    await session.run(feeds)
    return (performance.now() - start) / 1000
  })
}

/** Samples that fit into `seconds` when each takes `runs` runs of `secondsEach`; within `least` and `most`. */
export const affordable = (
  seconds: number,
  secondsEach: number,
  { runs = 1, least, most }: { runs?: number; least: number; most: number },
): number => Math.max(least, Math.min(most, Math.floor(seconds / Math.max(1e-9, secondsEach * runs))))
