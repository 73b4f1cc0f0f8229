/** Where the same things follow each other again and again: the blocks of a deep network. */
interface Repeat {
  from: number
  /** Things in one round. */
  period: number
  rounds: number
}

const LONGEST = 64
const FEWEST = 3

/**
 * Rounds of at least three in `words`, not overlapping, in order; those that take in most come first, of equal ones the
 * shorter period. `least` is the shortest period, which alone decides that a chain of equal things is one.
 */
export function repeats(words: readonly string[], least: (from: number) => number): Repeat[] {
  const found: Repeat[] = []
  // How long the words from here are those one period further on.
  const runs = new Map<number, Uint32Array>()
  for (let period = 1; period <= Math.min(LONGEST, words.length / FEWEST); period++) {
    const run = new Uint32Array(words.length + 1)
    for (let at = words.length - period - 1; at >= 0; at--)
      run[at] = words[at] === words[at + period] ? run[at + 1]! + 1 : 0
    runs.set(period, run)
  }
  for (let from = 0; from < words.length;) {
    let best: Repeat | undefined
    for (const [period, run] of runs) {
      const rounds = Math.floor(run[from]! / period) + 1
      if (rounds < FEWEST || period < least(from)) continue
      if (!best || rounds * period > best.rounds * best.period) best = { from, period, rounds }
    }
    if (best) found.push(best)
    from += best ? best.period * best.rounds : 1
  }
  return found
}
