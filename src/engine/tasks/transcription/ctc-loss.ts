/**
 * How unlikely a text is over all ways to spread it over steps, and the slope of that by every score. Source: A. Graves,
 * S. Fernández, F. Gomez, J. Schmidhuber, "Connectionist Temporal Classification", ICML 2006, equations 5 to 16.
 */
const logSum = (a: number, b: number): number => {
  const most = Math.max(a, b)
  return most === -Infinity ? most : most + Math.log1p(Math.exp(-Math.abs(a - b)))
}

/** Blanks before, between and behind the characters of a text. */
function withBlanks(target: readonly number[], blank: number): Int32Array {
  const states = new Int32Array(2 * target.length + 1).fill(blank)
  target.forEach((character, i) => (states[2 * i + 1] = character))
  return states
}

/**
 * Logarithms of the probability of all that leads to a state at a step (`forward`), or of all that is still to come after
 * it; [steps, states]. What a state may follow: itself, the one before, and that before a blank where characters differ.
 */
function ways(logs: Float64Array, scores: number, states: Int32Array, forward: boolean): Float64Array {
  const steps = logs.length / scores
  const count = states.length
  const table = new Float64Array(steps * count).fill(-Infinity)
  const near = (s: number): number => (forward ? s : count - 1 - s)
  const row = (t: number): number => (forward ? t : steps - 1 - t)
  for (let t = 0; t < steps; t++)
    for (let n = 0; n < count; n++) {
      const s = near(n)
      const mayStart = t === 0 && n < 2
      let from = mayStart ? 0 : -Infinity
      if (t > 0) {
        const before = row(t - 1) * count
        const emitted = (m: number): number =>
          table[before + near(m)]! + (forward ? 0 : logs[row(t - 1) * scores + states[near(m)]!]!)
        from = emitted(n)
        if (n > 0) from = logSum(from, emitted(n - 1))
        const skips = n > 1 && states[s] !== states[near(n - 2)] && n % 2 === 1
        if (skips) from = logSum(from, emitted(n - 2))
      }
      table[row(t) * count + s] = from + (forward ? logs[row(t) * scores + states[s]!]! : 0)
    }
  return table
}

/**
 * −log p(target) for `logs`, natural logarithms of probabilities [steps, scores], and `posterior`, of the same shape: how
 * likely each score was the one taken at each step, given the text. By logits the slope is probability − posterior, by
 * probabilities −posterior ÷ probability. Undefined where the text does not fit into so many steps.
 */
export function ctcLoss(
  logs: Float64Array,
  scores: number,
  target: readonly number[],
  blank: number,
): { loss: number; posterior: Float64Array } | undefined {
  const states = withBlanks(target, blank)
  const count = states.length
  const steps = logs.length / scores
  const alpha = ways(logs, scores, states, true)
  const beta = ways(logs, scores, states, false)
  const last = (steps - 1) * count
  const total = count > 1 ? logSum(alpha[last + count - 1]!, alpha[last + count - 2]!) : alpha[last]!
  if (!(total > -Infinity)) return undefined
  const posterior = new Float64Array(logs.length)
  for (let t = 0; t < steps; t++)
    for (let s = 0; s < count; s++)
      posterior[t * scores + states[s]!]! += Math.exp(alpha[t * count + s]! + beta[t * count + s]! - total)
  return { loss: -total, posterior }
}
