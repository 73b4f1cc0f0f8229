import { describe, expect, it } from 'vitest'
import type { SampleResults } from '../../../src/contract/report'
import { comparePage } from '../../../src/engine/evaluate/sample-pages'

const results = (
  label: (number | null)[],
  answer: number[],
  score = answer.map(() => 0.9),
): SampleResults => ({
  index: answer.map((_, i) => i),
  label,
  answer,
  score,
})

const labels = [0, 1, 2, 0, 1]
const original = results(labels, [0, 1, 1, 0, 0])
const candidate = results(labels, [0, 2, 2, 0, 2])
const classes = ['cat', 'dog', 'owl']
const query = { task: 'classification' as const, classes, filter: 'all' as const, offset: 0, limit: 10 }

describe('comparePage', () => {
  it('puts changed answers first and counts every filter', () => {
    const page = comparePage(original, [candidate], query)
    expect(page.counts).toEqual({ all: 5, changed: 3, 'now-wrong': 1, 'now-right': 1 })
    expect(page.rows.map(({ index }) => index)).toEqual([1, 2, 4, 0, 3])
    expect(page.rows[0]).toEqual({
      index: 1,
      label: 'dog',
      original: { answer: 'dog', score: 0.9 },
      candidates: [{ answer: 'owl', score: 0.9, changed: true }],
    })
  })

  it('filters by change and class, page by page', () => {
    expect(
      comparePage(original, [candidate], { ...query, filter: 'now-wrong' }).rows.map((r) => r.index),
    ).toEqual([1])
    expect(
      comparePage(original, [candidate], { ...query, filter: 'now-right' }).rows.map((r) => r.index),
    ).toEqual([2])
    const dogs = comparePage(original, [candidate], { ...query, class: 1 })
    expect(dogs.counts.all).toBe(2)
    const second = comparePage(original, [candidate], { ...query, offset: 2, limit: 2 })
    expect(second.rows.map(({ index }) => index)).toEqual([4, 0])
    expect(second.total).toBe(5)
  })

  it('asks whether any of several candidates changed', () => {
    const page = comparePage(original, [original, candidate], { ...query, filter: 'changed' })
    expect(page.total).toBe(3)
    expect(page.rows[0]!.candidates.map(({ changed }) => changed)).toEqual([false, true])
  })

  it('judges numbers by how far they moved', () => {
    const before = results([1, 2, 3], [1, 2.5, 3], [0, 0.5, 0])
    const after = results([1, 2, 3], [1.001, 2.1, 3.5], [0.001, 0.1, 0.5])
    const page = comparePage(before, [after], { ...query, task: 'regression', classes: undefined })
    expect(page.counts).toEqual({ all: 3, changed: 2, 'now-wrong': 1, 'now-right': 1 })
    expect(page.rows[0]!.candidates[0]!.answer).toBe('2.1')
  })

  it('knows neither right nor wrong without labels', () => {
    const none = [null, null]
    const page = comparePage(results(none, [0, 1]), [results(none, [0, 2], [1, 0.8])], {
      ...query,
      task: 'unlabelled',
    })
    expect(page.counts).toEqual({ all: 2, changed: 1, 'now-wrong': 0, 'now-right': 0 })
    expect(page.rows[0]).not.toHaveProperty('label')
  })
})
