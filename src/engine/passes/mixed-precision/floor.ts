/** The least budget at which a measured loss stays within its limit: every step is built and measured. */

/** Halvings of the gap, in logarithms, between a budget that is too small and one that holds. */
const STEPS = 5

interface FloorProblem<T> {
  /** Points that may be lost; 100 measures nothing. */
  limit: number
  evaluate(built: T): Promise<number>
  build(size: number, step: number, steps: number): Promise<T | undefined>
}

export interface WithinFloor<T> {
  built: T
  /** Measured loss; absent where nothing was measured. */
  points?: number
  /** What the first one lost, where it was too much. */
  asked?: number
}

/** `first` where it holds, else the smallest budget that was found to hold; the mildest one tried where none does. */
export async function untilItHolds<T extends { size: number }>(
  first: T,
  { limit, evaluate, build }: FloorProblem<T>,
): Promise<WithinFloor<T>> {
  if (limit >= 100) return { built: first }
  const asked = await evaluate(first)
  if (asked <= limit) return { built: first, points: asked }
  let [low, high] = [first.size, 1]
  let best: WithinFloor<T> = { built: first, points: asked, asked }
  let holds = false
  for (let step = 0; step < STEPS; step++) {
    const size = Math.sqrt(low * high)
    const built = await build(size, step, STEPS)
    if (!built) return best
    const points = await evaluate(built)
    if (points <= limit) {
      best = { built, points, asked }
      holds = true
      high = size
    } else {
      if (!holds) best = { built, points, asked }
      low = size
    }
  }
  return best
}
