import { describe, expect, it } from 'vitest'
import type { SearchGoal } from '../../../../src/contract/goal'
import type { TrialPoint } from '../../../../src/contract/trial'
import { bestSoFar, foundOf, relaxations } from '../../../../src/renderer/steps/compress/best'
import { candidate, original } from '../../fake/fixtures'

const goal = (part: Partial<SearchGoal> = {}): SearchGoal => ({
  kind: 'search',
  maxDrop: 1,
  target: 'any',
  minutes: 1,
  ...part,
})

const trial = (key: string, kB: number, pointsLost?: number, latencyRatio?: number): TrialPoint => ({
  key,
  name: key,
  state: 'kept',
  reason: '',
  bytes: kB * 1000,
  downloadBytes: kB * 900,
  ...(pointsLost !== undefined && { pointsLost }),
  ...(latencyRatio !== undefined && { latencyRatio }),
})

const tried = (...trials: TrialPoint[]) => foundOf([], trials, original.quality)

describe('the best so far', () => {
  it('is the smallest download inside every limit', () => {
    const found = tried(trial('large', 100, 0), trial('small', 20, 0.9), trial('bad', 5, 8))
    expect(bestSoFar(found, goal())?.id).toBe('small')
    expect(bestSoFar(found, goal({ maxDrop: 10 }))?.id).toBe('bad')
    expect(bestSoFar(found, goal({ maxBytes: 10_000 }))).toBeUndefined()
  })

  it('is nothing that failed or was given up before its quality was known', () => {
    const failed = { ...trial('failed', 1, 0), state: 'failed' as const }
    expect(bestSoFar(tried(failed, trial('early', 1)), goal())).toBeUndefined()
  })

  it('takes the finished candidate where a trial has its size', () => {
    const made = candidate(0, 'made', { bytes: 20_000, downloadBytes: 18_000 }, '')
    const found = foundOf([made], [trial('same', 20, 0)], original.quality)
    expect(bestSoFar(found, goal())?.candidate).toBe(made)
  })
})

describe('what to relax', () => {
  it('widens one limit by the least that lets something in, rounded up to what people type', () => {
    const found = tried(trial('close', 30, 1.42), trial('far', 10, 5), trial('exact', 200, 0))
    expect(relaxations(found, goal({ maxBytes: 40_000 }))).toEqual([
      { limit: 'maxDrop', value: 1.5, gives: found[0] },
      { limit: 'maxBytes', value: 200_000, gives: found[2] },
    ])
  })

  it('says nothing of what misses two limits at once', () => {
    expect(relaxations(tried(trial('both', 90, 4)), goal({ maxBytes: 40_000 }))).toEqual([])
  })

  it('gives a time in whole per cent of the original’s', () => {
    const found = tried(trial('slow', 10, 0, 0.903))
    expect(relaxations(found, goal({ maxLatency: 0.5 }))).toMatchObject([
      { limit: 'maxLatency', value: 0.91 },
    ])
  })

  it('lets in what it names: with the wider limit that is the best', () => {
    const found = tried(trial('a', 30, 1.42), trial('b', 25, 1.46), trial('c', 10, 5))
    const [way] = relaxations(found, goal())
    expect(bestSoFar(found, goal({ maxDrop: way!.value }))?.id).toBe(way!.gives.id)
  })
})
