/** Results as a table, and against what was stored before. */
import { FAULTS, type Result } from './suite'

export interface Baseline {
  /** How many results of each step had each verdict, refusals by their code. Absent where every result is listed. */
  counts?: Record<string, Record<string, number>>
  /** Faults that are known, or all results where there are few: `unit · step` → verdict. */
  results: Record<string, string>
  /** By the same keys. */
  figures?: Record<string, string>
}

export const keyOf = ({ unit, step }: Pick<Result, 'unit' | 'step'>): string => `${unit} · ${step}`

/** The parts of such a key. */
export const partsOf = (key: string): [unit: string, step: string] => {
  const at = key.indexOf(' · ')
  return [key.slice(0, at), key.slice(at + 3)]
}

const wordOf = ({ verdict, code }: Result): string => (code ? `${verdict}:${code}` : verdict)

const isFault = ({ verdict }: Result): boolean => FAULTS.includes(verdict)

function countsOf(
  results: readonly Result[],
  by: 'step' | 'unit' = 'step',
): Record<string, Record<string, number>> {
  const counts: Record<string, Record<string, number>> = {}
  for (const result of results) {
    const of = (counts[result[by]] ??= {})
    of[wordOf(result)] = (of[wordOf(result)] ?? 0) + 1
  }
  return counts
}

export function baselineOf(results: readonly Result[], isSmall: boolean): Baseline {
  const listed = results.filter((result) => isSmall || isFault(result))
  const entries = listed.map((result): [string, string] => [keyOf(result), wordOf(result)]).sort()
  const figures = listed.flatMap((result): [string, string][] =>
    result.figure ? [[keyOf(result), result.figure]] : [],
  )
  return {
    ...(!isSmall && { counts: countsOf(results) }),
    results: Object.fromEntries(entries),
    ...(isSmall && { figures: Object.fromEntries(figures.sort()) }),
  }
}

/** What a part of a suite gave goes over what was known of the whole; counts of its steps do where `everyUnit` was run. */
export function laidOver(whole: Baseline, ran: readonly Result[], everyUnit = false): Baseline {
  const part = baselineOf(ran, !whole.counts)
  const keys = new Set(ran.map(keyOf))
  const over = (before: Record<string, string> = {}, now: Record<string, string> = {}): typeof now => {
    const kept = Object.entries(before).filter(([key]) => !keys.has(key))
    return Object.fromEntries([...kept, ...Object.entries(now)].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  return {
    ...whole,
    ...(whole.counts && everyUnit && { counts: { ...whole.counts, ...part.counts } }),
    results: over(whole.results, part.results),
    ...(!whole.counts && { figures: over(whole.figures, part.figures) }),
  }
}

/**
 * What became worse: faults that were none, and what worked and is refused now. Of steps that every unit went through,
 * `whole`, also fewer results that are ok.
 */
export function regressions(
  results: readonly Result[],
  baseline: Baseline,
  whole: readonly string[],
): string[] {
  const worse: string[] = []
  for (const result of results) {
    const before = baseline.results[keyOf(result)]
    const told = `${keyOf(result)}: ${wordOf(result)}${before ? `, was ${before}` : ''}. ${result.detail ?? ''}`
    if (isFault(result) && (before ?? 'ok').replace(/:.*/, '') !== result.verdict) worse.push(told)
    else if (before === 'ok' && result.verdict !== 'ok') worse.push(told)
  }
  const now = countsOf(results)
  for (const step of baseline.counts ? whole : []) {
    const [is, was] = [now[step]?.ok ?? 0, baseline.counts?.[step]?.ok ?? 0]
    if (is < was) worse.push(`${step}: ${is} ok, were ${was}`)
  }
  return worse
}

/** Rows of steps or units, columns of verdicts; below it refusals by code. */
export function tableOf(results: readonly Result[], by: 'step' | 'unit'): string {
  const counts = countsOf(results, by)
  const columns = ['ok', 'refused', ...FAULTS]
  const width = Math.max(6, ...Object.keys(counts).map((step) => step.length))
  const line = (name: string, cells: readonly (string | number)[]): string =>
    `${name.padEnd(width)} ${cells.map((cell) => String(cell).padStart(9)).join('')}`
  const lines = [line('', columns)]
  for (const [name, words] of Object.entries(counts)) {
    const of = (verdict: string): number =>
      Object.entries(words).reduce((sum, [word, n]) => sum + (word.split(':')[0] === verdict ? n : 0), 0)
    lines.push(
      line(
        name,
        columns.map((verdict) => of(verdict) || '·'),
      ),
    )
  }
  const codes = new Map<string, number>()
  for (const { verdict, code } of results)
    if (verdict === 'refused' && code) codes.set(code, (codes.get(code) ?? 0) + 1)
  const told = [...codes].sort(([, a], [, b]) => b - a).map(([code, n]) => `${n} ${code}`)
  return [...lines, '', `refused: ${told.join(', ') || 'none'}`].join('\n')
}
