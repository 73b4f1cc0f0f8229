/** Recipes that a search should begin with, chosen by what each gave on many models. */

export interface Outcome {
  /** Download over the original's. */
  share: number
  pointsLost: number
  seconds: number
}

/** By model, then by recipe; what failed is absent. */
export type Outcomes = ReadonlyMap<string, ReadonlyMap<string, Outcome>>

/** Floors that people set, in points: what is chosen must not hang on one of them. */
const FLOORS = [0.5, 1, 2]
/** A recipe that makes the smallest on the mean by less than this smaller is no longer worth a turn. */
const LEAST_GAIN = 0.005

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/** Natural logarithm of how many times smaller the smallest of `recipes` inside the floor is; 0 where none is. Mean over floors. */
export function reached(of: ReadonlyMap<string, Outcome>, recipes: Iterable<string>): number {
  const tried = [...recipes].flatMap((recipe) => of.get(recipe) ?? [])
  return mean(
    FLOORS.map((floor) =>
      Math.max(0, ...tried.filter((one) => one.pointsLost <= floor).map(({ share }) => -Math.log(share))),
    ),
  )
}

const onAll = (outcomes: Outcomes, recipes: readonly string[]): number =>
  mean([...outcomes.values()].map((of) => reached(of, recipes)))

export const secondsOf = (outcomes: Outcomes, recipe: string): number =>
  mean([...outcomes.values()].flatMap((of) => of.get(recipe)?.seconds ?? []))

/**
 * The recipes in the order in which they win the most a second, until the next wins nothing. `begun` are tried before.
 * Within a constant of the best order there is: M. Streeter, D. Golovin, "An Online Algorithm for Maximizing Submodular
 * Functions", NIPS 2008.
 */
export function fit(
  outcomes: Outcomes,
  candidates: readonly string[],
  begun: readonly string[] = [],
): string[] {
  const chosen: string[] = []
  for (;;) {
    const before = onAll(outcomes, [...begun, ...chosen])
    const gains = candidates
      .filter((recipe) => !chosen.includes(recipe))
      .map((recipe) => ({ recipe, gain: onAll(outcomes, [...begun, ...chosen, recipe]) - before }))
      .filter(({ gain }) => gain > LEAST_GAIN)
      .map((one) => ({ ...one, rate: one.gain / Math.max(0.1, secondsOf(outcomes, one.recipe)) }))
      .sort((a, b) => b.rate - a.rate)
    if (!gains[0]) return chosen
    chosen.push(gains[0].recipe)
  }
}

/** For each model: what was reached by the portfolio fitted on the others. */
export function leaveOneOut(outcomes: Outcomes, candidates: readonly string[]): Map<string, number> {
  return new Map(
    [...outcomes].map(([model, of]) => {
      const others = new Map([...outcomes].filter(([name]) => name !== model))
      return [model, reached(of, fit(others, candidates))]
    }),
  )
}
