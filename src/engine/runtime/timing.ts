/** How long a model takes, measured once: what decides how many samples an automatic choice can afford. */
import type { Model } from '../onnx'
import { BY_TURNS, withSession } from './session'
import type { Values } from './value'

/** Runs that are timed at most, and milliseconds after which no other one begins. */
const RUNS = 5
const ENOUGH = 50

/** Seconds of one run on these feeds: the shortest of a few, after one that warms up. Throws what sessions throw. */
export async function secondsOfRun(model: Model, feeds: Values): Promise<number> {
  return withSession(model, BY_TURNS, async (session) => {
    await session.run(feeds)
    const begun = performance.now()
    let least = Infinity
    // One run alone may be the one in which the machine did something else.
    for (let run = 0; run < RUNS && (run === 0 || performance.now() - begun < ENOUGH); run++) {
      const start = performance.now()
      await session.run(feeds)
      least = Math.min(least, performance.now() - start)
    }
    return least / 1000
  })
}

/** Samples that fit into `seconds` when each takes `runs` runs of `secondsEach`; within `least` and `most`. */
export const affordable = (
  seconds: number,
  secondsEach: number,
  { runs = 1, least, most }: { runs?: number; least: number; most: number },
): number => Math.max(least, Math.min(most, Math.floor(seconds / Math.max(1e-9, secondsEach * runs))))
