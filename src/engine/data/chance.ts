/** Whether answers agree with labels by more than chance explains, however rare the classes and however few the samples. */
import { seeded } from '../math/random'

/** One time in 800 at most, as three standard errors are. */
const LEVEL = 1 / 800
const PERMUTATIONS = 4000
/** Samples that are looked at: on more, anything worth knowing shows. */
const LOOKED_AT = 2048

/** How well one answer fits one label; larger is better. */
type Agreement = (answer: number, label: number) => number

export const sameClass: Agreement = (answer, label) => Number(answer === label)

/** Labels that hold in both, of sets written as the bits of a number. */
export const inCommon: Agreement = (answer, label) => {
  let [count, a, b] = [0, answer, label]
  for (; a > 0 && b > 0; a = Math.floor(a / 2), b = Math.floor(b / 2)) count += (a % 2) * (b % 2)
  return count
}

/**
 * False where labels handed out anew at random agree with the answers as well in more than `LEVEL` of all cases: an exact
 * test for any classes, by random permutations. Source: E. J. G. Pitman, Supplement to the Journal of the Royal Statistical
 * Society 4 (1937) 119–130.
 */
export function isBeyondChance(
  answers: readonly number[],
  labels: readonly number[],
  agreement: Agreement,
): boolean {
  const n = Math.min(answers.length, LOOKED_AT)
  const random = seeded(23)
  const dealt = labels.slice(0, n)
  const agreed = (): number => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += agreement(answers[i]!, dealt[i]!)
    return sum
  }
  const observed = agreed()
  // The labels as they are count as one of the permutations.
  let asGood = 1
  for (let turn = 0; turn < PERMUTATIONS; turn++) {
    for (let i = n - 1; i > 0; i--) {
      const j = random.below(i + 1)
      const label = dealt[i]!
      dealt[i] = dealt[j]!
      dealt[j] = label
    }
    if (agreed() >= observed) asGood++
    if (asGood > LEVEL * (PERMUTATIONS + 1)) return false
  }
  return true
}
