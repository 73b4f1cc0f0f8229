import { expect, test } from 'vitest'
import type { Result } from '../../suite/support/suite'
import { baselineOf, laidOver, regressions, tableOf } from '../../suite/support/summary'

const result = (unit: string, step: string, verdict: Result['verdict'], code?: string): Result => ({
  unit,
  step,
  verdict,
  ms: 1,
  ...(code && { code }),
})

const BEFORE = [
  result('a', 'simplify', 'ok'),
  result('b', 'simplify', 'internal'),
  result('c', 'simplify', 'refused', 'model/nothing-to-do'),
]

const STEPS = ['simplify']

test.each([
  { what: 'nothing changed', now: BEFORE, worse: 0 },
  { what: 'a fault is gone', now: [BEFORE[0]!, result('b', 'simplify', 'ok'), BEFORE[2]!], worse: 0 },
  { what: 'a new fault', now: [BEFORE[0]!, BEFORE[1]!, result('c', 'simplify', 'crash')], worse: 1 },
  {
    what: 'a known fault of another kind',
    now: [BEFORE[0]!, result('b', 'simplify', 'hang'), BEFORE[2]!],
    worse: 1,
  },
])('against a long baseline: $what', ({ now, worse }) => {
  expect(regressions(now, baselineOf(BEFORE, false), STEPS)).toHaveLength(worse)
})

test('what worked and is refused now is told: by name in a short baseline, by count in a long one', () => {
  const now = [result('a', 'simplify', 'refused', 'model/not-loadable'), ...BEFORE.slice(1)]
  expect(regressions(now, baselineOf(BEFORE, true), STEPS)).toEqual([
    expect.stringContaining('a · simplify: refused'),
  ])
  expect(regressions(now, baselineOf(BEFORE, false), STEPS)).toEqual(['simplify: 0 ok, were 1'])
  expect(regressions(now, baselineOf(BEFORE, false), [])).toEqual([])
  // A step that is gone has no result that is ok.
  expect(regressions([], baselineOf(BEFORE, false), ['simplify'])).toEqual(['simplify: 0 ok, were 1'])
})

test('the table has a row for each step, and refusals by code', () => {
  const table = tableOf(BEFORE, 'step')
  expect(table).toMatch(/simplify +1 +1 +· +· +1/)
  expect(table).toContain('refused: 1 model/nothing-to-do')
})

test('a part that ran again takes its place in the baseline, and nothing else moves', () => {
  const ran = [result('b', 'simplify', 'ok')]
  expect(laidOver(baselineOf(BEFORE, true), ran).results).toEqual({
    'a · simplify': 'ok',
    'b · simplify': 'ok',
    'c · simplify': 'refused:model/nothing-to-do',
  })
  expect(laidOver(baselineOf(BEFORE, false), ran, true).counts).toEqual({
    ...baselineOf(BEFORE, false).counts,
    ...baselineOf(ran, false).counts,
  })
  const long = laidOver(baselineOf(BEFORE, false), ran)
  expect(long).toEqual({ ...baselineOf(BEFORE, false), results: {} })
})
