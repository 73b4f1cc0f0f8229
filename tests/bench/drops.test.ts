import { expect, test } from 'vitest'
import { dropsByMethod } from '../../bench/support/drops'

const figure = (
  model: string,
  method: string,
  value?: number,
): { model: string; method: string; value?: number } => ({
  model,
  method,
  value,
})

const BASELINES = [
  figure('a', 'fp32', 0.9),
  figure('b', 'fp32', 0.8),
  figure('a', 'static_one', 0.88),
  figure('b', 'static_one', 0.76),
  figure('a', 'static_two', 0.9),
  figure('b', 'static_two'),
  figure('a', 'dynamic', 0.5),
  figure('b', 'dynamic', 0.5),
]

test('means are over methods that have every model; asked is half of the least of theirs', () => {
  const drops = new Map([
    ['a', 0.01],
    ['b', 0.0],
  ])
  const [theirs, ours, ...rest] = dropsByMethod(BASELINES, drops, 'static')
  expect(rest).toEqual([])
  expect(theirs!.what).toContain('static_one')
  expect(theirs!.value).toBeCloseTo(0.03)
  expect(ours!.value).toBeCloseTo(0.005)
  expect(ours!.wanted).toEqual({ atMost: 0.015 })
})

test('models chosen narrow what is compared', () => {
  const figures = dropsByMethod(BASELINES, new Map([['a', 0.02]]), 'static')
  expect(figures.map(({ value }) => value.toFixed(2))).toEqual(['0.02', '0.00', '0.02'])
  expect(figures[2]!.wanted).toEqual({ atMost: 0 })
})
