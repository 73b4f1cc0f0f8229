import { describe, expect, test } from 'vitest'
import type { Goal } from '../../src/contract/goal'
import type { Report } from '../../src/contract/report'
import { missed, onFront, verdict } from '../../src/service/verdict'

const report = (bytes: number, p50: number, accuracy: number, downloadBytes = bytes): Report =>
  ({
    bytes,
    downloadBytes,
    latencyMs: { p50, p95: p50, runs: 1, batch: 1, provider: 'cpu', threads: 1 },
    latencyRatio: { value: p50 / 2.4, interval: [p50 / 2.45, p50 / 2.35] },
    quality: {
      metric: 'accuracy',
      value: accuracy,
      samples: 100,
      higherIsBetter: true,
      split: 'validation',
      task: 'classification',
    },
  }) as Report

const search = (limits: Partial<Extract<Goal, { kind: 'search' }>>): Goal => ({
  kind: 'search',
  maxDrop: 1,
  target: 'any',
  minutes: 30,
  ...limits,
})
const original = report(1_180_000, 2.4, 0.98)
const small = report(100_000, 1, 0.978)

test.each<[Goal, Report, string]>([
  [search({}), small, '11.8× smaller download, 2.4× faster, −0.2 points: inside your limit'],
  [
    search({ maxDrop: 0.1 }),
    small,
    '11.8× smaller download, 2.4× faster, −0.2 points: over your limit for quality',
  ],
  [search({ maxDrop: 0.2 }), small, '11.8× smaller download, 2.4× faster, −0.2 points: inside your limit'],
  [
    search({ maxBytes: 50_000, maxLatency: 0.1 }),
    small,
    '11.8× smaller download, 2.4× faster, −0.2 points: over your limit for size and latency',
  ],
  [
    { kind: 'preset', preset: 'balanced', target: 'any' },
    report(1_180_000, 4.8, 0.99),
    'same download size, 2× slower, +1 point',
  ],
  [
    { kind: 'preset', preset: 'balanced', target: 'any' },
    report(2_360_000, 2.4, 0.98),
    '2× larger download, same speed, the same accuracy on 100 samples',
  ],
])('%o', (goal, candidate, sentence) => {
  expect(verdict(goal, original, candidate)).toBe(sentence)
})

test('likeness on random inputs is inside a limit as far as it tells', () => {
  const alike = {
    ...small,
    quality: { ...small.quality, split: 'random', task: 'unlabelled', metric: 'cosine' },
  }
  expect(verdict(search({}), original, alike as Report)).toMatch(
    /on random inputs; quality unknown: inside your limit, as far as likeness tells$/,
  )
})

test('a limit on time says what it was held against where that is not the speed measured here', () => {
  const there = { ...small, targetLatency: { target: 'ios', ratio: 0.5, source: '' } }
  const facts = '11.8× smaller download, 2.4× faster here and 2× faster on ios by estimate, −0.2 points'
  expect(verdict(search({}), original, there)).toBe(`${facts}: inside your limit`)
  expect(verdict(search({ maxLatency: 0.6 }), original, there)).toBe(
    `${facts}: inside your limit, its time by estimate for ios`,
  )
  expect(verdict(search({ maxLatency: 0.3 }), original, there)).toBe(
    `${facts}: over your limit for latency on ios`,
  )
  const unclear: Report = { ...small, latencyRatio: { value: 0.5, interval: [0.2, 3] } }
  expect(verdict(search({ maxLatency: 0.6 }), original, unclear)).toMatch(
    /speed unclear .*: inside your limit, its time as far as so busy a machine tells$/,
  )
  expect(missed(search({ maxLatency: 0.4 }), original, unclear)[0]!.sentence).toContain(
    '(unclear on so busy a machine: 0.2× to 3×)',
  )
  const { latencyRatio: _, ...apart } = small
  expect(verdict(search({ maxLatency: 0.6 }), original, apart as Report)).toMatch(
    /speed not compared.*: inside your limit, its time by medians that were not taken in turn$/,
  )
})

test('only a search has limits to miss', () => {
  expect(missed({ kind: 'preset', preset: 'smallest', target: 'any' }, original, report(1, 1, 0))).toEqual([])
})

test('the front holds what nothing beats; equals stay side by side', () => {
  const place = (id: string, bytes: number, accuracy: number) => ({
    id,
    original,
    report: report(bytes, 1, accuracy),
  })
  const front = onFront([
    place('a', 100, 0.97),
    place('b', 50, 0.96),
    place('c', 100, 0.96),
    place('d', 50, 0.96),
    place('e', 200, 0.98),
  ])
  expect([...front].sort()).toEqual(['a', 'b', 'd', 'e'])
})

describe('time on the front', () => {
  const place = (
    id: string,
    bytes: number,
    ratio: number,
    targetLatency?: [target: string, ratio: number],
  ) => ({
    id,
    original,
    report: {
      ...report(bytes, 1, 0.97),
      latencyRatio: { value: ratio, interval: [ratio - 0.01, ratio + 0.01] as [number, number] },
      ...(targetLatency && {
        targetLatency: { target: targetLatency[0], ratio: targetLatency[1], source: '' },
      }),
    },
  })

  test('a larger candidate stays where it is clearly faster, by its estimate on a target', () => {
    expect([...onFront([place('a', 50, 0.9), place('b', 100, 0.5), place('c', 200, 0.49)])]).toEqual([
      'a',
      'b',
    ])
    const there = [place('a', 50, 0.9, ['ios', 0.5]), place('b', 100, 0.5, ['ios', 0.5])]
    expect([...onFront(there)]).toEqual(['a'])
  })

  test('an estimate for one device is not held against one for another, nor against what was measured', () => {
    for (const other of [undefined, ['android-cpu', 0.9] as [string, number]]) {
      expect([...onFront([place('a', 50, 0.9, other), place('b', 100, 0.9, ['ios', 0.4])])]).toEqual(['a'])
      expect([...onFront([place('a', 50, 0.9, other), place('b', 100, 0.5, ['ios', 0.9])])]).toEqual([
        'a',
        'b',
      ])
    }
  })

  test('an equal of what is on the front is not on it where something smaller beats it', () => {
    expect([...onFront([place('a', 50, 1), place('b', 100, 0.88), place('c', 100, 0.93)])]).toEqual([
      'a',
      'b',
    ])
  })
})

test('a limit on time is held against the estimate for a target, else against what was timed in turn', () => {
  const asked = search({ maxLatency: 0.5 })
  const timed = { ...small, latencyRatio: { value: 0.6, interval: [0.5, 0.7] as [number, number] } }
  expect(missed(asked, original, small)).toEqual([])
  expect(missed(asked, original, timed)).toMatchObject([{ limit: 'latency' }])
  const there = { ...timed, targetLatency: { target: 'ios', ratio: 0.4, source: '' } }
  expect(missed(asked, original, there)).toEqual([])
})
