/** Samples of original and candidates side by side, page by page. */
import type { SampleFilter, SamplePage, SampleRow } from '../../contract/compare'
import type { Task } from '../../contract/dataset'
import type { SampleResults } from '../../contract/report'

export interface SampleQuery {
  task: Task
  classes?: readonly string[]
  filter: SampleFilter
  /** Only samples of this class: by label, or where there are none by the original's answer. */
  class?: number
  offset: number
  limit: number
}

/** Answers that are numbers have changed when they moved by more than this share of the answers' range. */
const MOVED = 0.01
/** Outputs whose likeness to the original falls below this have changed. */
const UNLIKE = 0.99

type Comparison = (
  candidate: SampleResults,
  i: number,
) => { changed: boolean; right: boolean | null; was: boolean | null }

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
  const compare = comparisonOf(query.task, original)
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

function comparisonOf(task: Task, original: SampleResults): Comparison {
  if (task === 'regression') return byDistance(original)
  if (task === 'unlabelled' || task === 'embedding' || task === 'segmentation')
    return byLikeness(task, original)
  return (candidate, i) => {
    const [label, before, after] = [original.label[i], original.answer[i], candidate.answer[i]]
    const known = label !== null && label !== undefined
    return {
      changed: before !== after,
      right: known ? after === label : null,
      was: known ? before === label : null,
    }
  }
}

function byDistance(original: SampleResults): Comparison {
  let low = Infinity
  let high = -Infinity
  for (const answer of original.answer) {
    low = Math.min(low, answer)
    high = Math.max(high, answer)
  }
  const step = MOVED * (high - low)
  return (candidate, i) => {
    const changed = Math.abs(candidate.answer[i]! - original.answer[i]!) > step
    const nearer = candidate.score[i]! < original.score[i]!
    return { changed, right: changed ? nearer : null, was: changed ? !nearer : null }
  }
}

/** Scores are cosines to the original, or the overlap of a mask with its label. */
function byLikeness(task: Task, original: SampleResults): Comparison {
  return (candidate, i) => {
    if (task === 'segmentation') {
      const difference = candidate.score[i]! - original.score[i]!
      const changed = Math.abs(difference) > MOVED
      return { changed, right: changed ? difference > 0 : null, was: changed ? difference < 0 : null }
    }
    const other = task === 'unlabelled' && candidate.answer[i] !== original.answer[i]
    return { changed: other || candidate.score[i]! < UNLIKE, right: null, was: null }
  }
}

function rowAt(
  i: number,
  original: SampleResults,
  candidates: readonly SampleResults[],
  compare: Comparison,
  { task, classes }: SampleQuery,
): SampleRow {
  const name = (value: number): string => {
    if (value < 0 && task !== 'regression') return 'no answer'
    const isClass = task === 'classification' || task === 'multi-label'
    return (isClass ? classes?.[value] : undefined) ?? String(Number(value.toPrecision(4)))
  }
  const label = original.label[i]
  return {
    index: original.index[i]!,
    ...(label !== null && label !== undefined && { label: name(label) }),
    original: { answer: name(original.answer[i]!), score: original.score[i]! },
    candidates: candidates.map((candidate) => ({
      answer: name(candidate.answer[i]!),
      score: candidate.score[i]!,
      changed: compare(candidate, i).changed,
    })),
  }
}
