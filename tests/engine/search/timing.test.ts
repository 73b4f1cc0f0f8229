import { describe, expect, test } from 'vitest'
import type { SearchGoal } from '../../../src/contract/goal'
import type { Trial } from '../../../src/contract/trial'
import type { SearchOptions } from '../../../src/engine/search/options'
import { timeFront, timeThese, worthTiming } from '../../../src/engine/search/timing'
import { keys, trial } from './trials'

const costing = (
  key: string,
  downloadBytes: number,
  pointsLost: number,
  operatorCost: number,
  more: Partial<Trial> = {},
): Trial => trial(key, downloadBytes, pointsLost, { operatorCost, ...more })

const goal: SearchGoal = { kind: 'search', maxDrop: 1, target: 'any', minutes: 5 }
const below = ({ pointsLost = 0 }: Trial): boolean => pointsLost <= 1

/** Options whose timing is counted: who was timed together, and what was saved. */
function counted(ratio = 0.5, over: { bytes?: number; took?: number } = {}) {
  const groups: string[][] = []
  const saved: string[] = []
  const options = {
    runner: { goal },
    store: { all: () => [], save: ({ key }: Trial) => saved.push(key) },
    originalDownloadBytes: over.bytes ?? 1000,
    progress: () => undefined,
    latency: async (asked: readonly string[]) => {
      groups.push([...asked])
      if (over.took) await new Promise((done) => setTimeout(done, over.took))
      return asked.map(() => ({ value: ratio, interval: [ratio - 0.01, ratio + 0.01] as const }))
    },
  } as unknown as SearchOptions
  return { options, groups, saved }
}

describe('what is worth timing', () => {
  test('first what nothing beats in size and quality, inside the floor and smallest first, then what should be fast', () => {
    const found = worthTiming(
      [
        costing('over', 10, 3, 0.2),
        costing('small', 20, 1, 0.9),
        costing('good', 30, 0, 0.9),
        costing('beaten', 40, 1, 0.9),
        costing('fast', 50, 1, 0.3),
        costing('faster', 60, 1, 0.25),
        costing('fastest and over', 70, 4, 0.1),
      ],
      below,
    )
    expect(keys(found)).toBe('small,good,over,faster,fast,fastest and over')
  })

  test('one of many with the same operators, and never more than a few', () => {
    const same = Array.from({ length: 20 }, (_, i) => costing(`s${i}`, 100 + i, 1, 0.5))
    expect(keys(worthTiming([costing('small', 10, 0, 1), ...same], below))).toBe('small,s0')
    const many = Array.from({ length: 60 }, (_, i) => costing(`m${i}`, 100 + i, 60 - i, 0.9 ** i))
    expect(worthTiming(many, below)).toHaveLength(14)
    expect(worthTiming([...many].reverse(), below)).toEqual(worthTiming(many, below))
  })
})

describe('timing', () => {
  const all = (): Trial[] => Array.from({ length: 7 }, (_, i) => costing(`t${i}`, 10 + i, 7 - i, 1))

  test('everything in two groups where time allows, kept with its interval, and never again', async () => {
    const { options, groups, saved } = counted()
    const trials = all()
    await timeFront(trials, options, 60)
    expect(groups.map((group) => group.length)).toEqual([4, 3])
    expect(saved).toEqual(groups.flat())
    expect(trials[0]).toMatchObject({ latencyRatio: 0.5, latencyInterval: [0.49, 0.51] })
    await timeFront(trials, options, 60)
    await timeThese(trials, options)
    expect(groups).toHaveLength(2)
  })

  test('large models one at a time', async () => {
    const { options, groups } = counted(0.5, { bytes: 400e6 })
    await timeFront(all(), options, 60)
    expect(groups.map((group) => group.length)).toEqual([1, 1, 1, 1, 1, 1, 1])
  })

  test('nothing without time, and only what still fits', async () => {
    const none = counted()
    await timeFront(all(), none.options, 0)
    expect(none.groups).toEqual([])
    const short = counted(0.5, { took: 60 })
    await timeFront(all(), short.options, 0.05)
    expect(short.groups.map((group) => group.length)).toEqual([4])
  })

  test('nothing on a target that has its estimate', async () => {
    const { options, groups } = counted()
    const targetLatency = { target: 'ios', ratio: 0.5, source: '' }
    await timeFront([costing('a', 1, 0, 1, { targetLatency })], options, 60)
    expect(groups).toEqual([])
  })
})
