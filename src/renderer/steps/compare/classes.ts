/** Per class from the confusion matrices: rows are truth, columns answers. */
import type { Report } from '../../../contract/report'

export interface ClassRow {
  index: number
  name: string
  samples: number
  recall: number
  recalls: number[]
  /** 95% of the change of each, against the original. */
  intervals: [low: number, high: number][]
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

const recallOf = (matrix: readonly number[][] | undefined, index: number): number => {
  const row = matrix?.[index]
  return row?.length ? row[index]! / Math.max(1, sum(row)) : 0
}

const Z = 1.959964

/** Wilson's interval of a share. */
function wilson(found: number, of: number): [low: number, high: number] {
  const [p, z2] = [found / of, Z * Z]
  const middle = (p + z2 / (2 * of)) / (1 + z2 / of)
  const half = (Z * Math.sqrt((p * (1 - p)) / of + z2 / (4 * of * of))) / (1 + z2 / of)
  return [Math.max(0, middle - half), Math.min(1, middle + half)]
}

/**
 * 95% of the second share minus the first, of `of` samples each, as if they were different samples: on the same ones
 * the difference is at least as sure. Newcombe (1998), Interval estimation for the difference between independent
 * proportions, method 10.
 */
export function shareChange(
  before: number,
  after: number,
  of: number,
  ofAfter = of,
): [low: number, high: number] {
  if (!(of > 0) || !(ofAfter > 0)) return [-1, 1]
  const [[lowBefore, highBefore], [lowAfter, highAfter]] = [wilson(before, of), wilson(after, ofAfter)]
  const [p, q] = [after / ofAfter, before / of]
  return [p - q - Math.hypot(p - lowAfter, highBefore - q), p - q + Math.hypot(highAfter - p, q - lowBefore)]
}

export const classRows = (original: Report, candidates: readonly Report[]): ClassRow[] =>
  (original.confusion ?? []).map((row, index) => ({
    index,
    name: original.classes?.[index] ?? String(index),
    samples: sum(row),
    recall: recallOf(original.confusion, index),
    recalls: candidates.map(({ confusion }) => recallOf(confusion, index)),
    intervals: candidates.map(({ confusion }) => {
      const after = confusion?.[index] ?? []
      return shareChange(row[index]!, after[index] ?? 0, sum(row), sum(after))
    }),
  }))
