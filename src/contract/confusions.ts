/** What is taken for what, where there are too many classes for a picture of all of it. */

/** Beyond so many classes a matrix is a wall of names that tells nothing; its largest confusions do. */
export const CLASSES_DRAWN = 40

interface Confusion {
  truth: number
  answer: number
  /** Samples, by model. */
  counts: number[]
}

/** Of matrices whose rows are the truth and columns the answers: the pairs that any of the models confuses most, most first. */
export function largestConfusions(matrices: readonly (readonly number[][])[], most = 20): Confusion[] {
  const largest = ({ counts }: Confusion): number => Math.max(...counts)
  return (matrices[0] ?? [])
    .flatMap((row, truth) =>
      row.map((_, answer) => ({ truth, answer, counts: matrices.map((of) => of[truth]![answer]!) })),
    )
    .filter((pair) => pair.truth !== pair.answer && largest(pair) > 0)
    .sort((a, b) => largest(b) - largest(a))
    .slice(0, most)
}
