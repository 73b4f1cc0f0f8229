/** Per class from the confusion matrices: rows are truth, columns answers. */
import type { Report } from '../../../contract/report'

export interface ClassRow {
  index: number
  name: string
  samples: number
  recall: number
  recalls: number[]
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

const recallOf = (matrix: readonly number[][] | undefined, index: number): number => {
  const row = matrix?.[index]
  return row?.length ? row[index]! / Math.max(1, sum(row)) : 0
}

export const classRows = (original: Report, candidates: readonly Report[]): ClassRow[] =>
  (original.confusion ?? []).map((row, index) => ({
    index,
    name: original.classes?.[index] ?? String(index),
    samples: sum(row),
    recall: recallOf(original.confusion, index),
    recalls: candidates.map(({ confusion }) => recallOf(confusion, index)),
  }))
