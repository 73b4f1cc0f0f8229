import { expect, test } from 'vitest'
import { Progress, type ProgressReport } from '../../../src/engine/run/progress'

const STAGES = [
  { weight: 1, doing: 'Preparing' },
  { weight: 3, doing: 'Quantizing', step: 0 },
  { weight: 6, doing: 'Measuring' },
]

function watched(stages = STAGES) {
  const reports: ProgressReport[] = []
  const clock = { ms: 0 }
  const progress = new Progress(
    stages,
    (report) => reports.push(report),
    () => clock.ms,
  )
  return { progress, reports, clock, last: () => reports.at(-1)! }
}

test('stages count by their weight, from nothing to all', () => {
  const { progress, reports, clock } = watched()
  progress.next()
  const quantize = progress.next()
  clock.ms += 1000
  quantize(0.5, 'layer 2 of 4')
  progress.next()
  progress.finish()
  expect(reports.map(({ done }) => done)).toEqual([0, 0.1, 0.25, 0.4, 1])
  expect(reports[2]).toMatchObject({ doing: 'layer 2 of 4', step: 0 })
})

test('it never goes back, whatever a pass reports', () => {
  const { progress, reports, clock } = watched()
  progress.next()
  const quantize = progress.next()
  for (const done of [0.8, 0.2, -1, 0.9, 7]) {
    clock.ms += 1000
    quantize(done)
  }
  const seen = reports.map(({ done }) => done)
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))
  expect(Math.max(...seen)).toBeLessThanOrEqual(0.4)
})

test('the estimate comes from the rate so far and counts down', () => {
  const { progress, last, clock } = watched()
  progress.next()
  clock.ms = 1000
  const quantize = progress.next()
  expect(last().etaSeconds).toBeUndefined()
  clock.ms = 4000
  quantize(1)
  // 4 of 10 parts took 4 s: 6 s are left.
  expect(last().etaSeconds).toBe(6)
  const measure = progress.next()
  clock.ms = 7000
  measure(0.5)
  expect(last().etaSeconds).toBe(3)
})

test('an estimate that was wrong is corrected by and by', () => {
  const { progress, last, clock } = watched([
    { weight: 1, doing: 'fast' },
    { weight: 1, doing: 'slow' },
  ])
  progress.next()
  clock.ms = 2000
  const slow = progress.next()
  const first = last().etaSeconds!
  clock.ms = 22_000
  slow(0.1)
  const second = last().etaSeconds!
  expect(first).toBe(2)
  // The raw estimate is now 18 s; one report moves only a part of the way there.
  expect(second).toBeGreaterThan(0)
  expect(second).toBeLessThan(18)
})

test('work that was done before costs nothing in the estimate', () => {
  const { progress, last, clock } = watched()
  progress.next()
  progress.skip()
  const measure = progress.next()
  clock.ms = 4000
  measure(0.5)
  // 1 + 3 of 7 worked parts in 4 s; the skipped pass of weight 3 did not take part.
  expect(last().etaSeconds).toBe(3)
  expect(last().done).toBe(0.7)
})

test('what will not be done any more is passed over', () => {
  const { progress, last } = watched()
  progress.next()
  progress.skipTo(2)
  progress.next()
  expect(last()).toMatchObject({ doing: 'Measuring', done: 0.4 })
})

test('what stages are expected to take is told from the start, without those that are done already', () => {
  const reports: ProgressReport[] = []
  const clock = { ms: 0 }
  const progress = new Progress(
    STAGES,
    (report) => reports.push(report),
    () => clock.ms,
    true,
  )
  const last = (): number => reports.at(-1)!.etaSeconds!
  progress.skip()
  progress.next()
  expect(last()).toBe(9)
  clock.ms = 1000
  const measure = progress.next()
  expect(last()).toBe(8)
  // 3 of 9 took 20 s instead of 3: what was measured soon outweighs what was expected.
  clock.ms = 20_000
  for (const done of [0.1, 0.2, 0.3, 0.4]) {
    clock.ms += 1000
    measure(done)
  }
  expect(last()).toBeGreaterThan(8)
})
