/** Samples of original and candidates side by side, page by page. */
import type { SampleFilter, SamplePage, SampleRow } from '../../contract/compare'
import type { Task } from '../../contract/dataset'
import type { SampleResults } from '../../contract/report'
import { taskOf } from '../tasks'
import type { Comparison } from '../tasks/comparisons'

interface SampleQuery {
  task: Task
  classes?: readonly string[]
  filter: SampleFilter
  /** Only samples of this class: by label, or where there are none by the original's answer. */
  class?: number
  offset: number
  limit: number
}

/**
 * One page of samples, changed answers first, then in the order of the split. 'now-wrong' and 'now-right' ask
 * whether any candidate answers a sample wrong that the original had right, or the other way; for regression,
 * whether a changed answer is further from the label or nearer.
 */
export function comparePage(
  original: SampleResults,
  candidates: readonly SampleResults[],
  query: SampleQuery,
): SamplePage {
  const compare = taskOf(query.task).comparison(original)
  const counts: SamplePage['counts'] = { all: 0, changed: 0, 'now-wrong': 0, 'now-right': 0 }
  const found: { i: number; changed: boolean }[] = []
  for (let i = 0; i < original.index.length; i++) {
    const group = original.label[i] ?? original.answer[i]
    if (query.class !== undefined && group !== query.class) continue
    const compared = candidates.map((candidate) => compare(candidate, i))
    const is: Record<SampleFilter, boolean> = {
      all: true,
      changed: compared.some(({ changed }) => changed),
      'now-wrong': compared.some(({ was, right }) => was === true && right === false),
      'now-right': compared.some(({ was, right }) => was === false && right === true),
    }
    for (const filter of Object.keys(is) as SampleFilter[]) if (is[filter]) counts[filter]++
    if (is[query.filter]) found.push({ i, changed: is.changed })
  }
  const ordered = [...found.filter(({ changed }) => changed), ...found.filter(({ changed }) => !changed)]
  const rows = ordered
    .slice(query.offset, query.offset + query.limit)
    .map(({ i }) => rowAt(i, original, candidates, compare, query))
  return { total: found.length, counts, rows }
}

function rowAt(
  i: number,
  original: SampleResults,
  candidates: readonly SampleResults[],
  compare: Comparison,
  { task, classes }: SampleQuery,
): SampleRow {
  const name = (value: number): string => taskOf(task).answerText(value, classes)
  const answer = (of: SampleResults): string => of.text?.[i] ?? name(of.answer[i]!)
  const label = original.label[i]
  const truth = original.truth?.[i] ?? (typeof label === 'number' ? name(label) : undefined)
  return {
    index: original.index[i]!,
    ...(truth !== undefined && { label: truth }),
    original: { answer: answer(original), score: original.score[i]! },
    candidates: candidates.map((candidate) => ({
      answer: answer(candidate),
      score: candidate.score[i]!,
      changed: compare(candidate, i).changed,
    })),
  }
}
