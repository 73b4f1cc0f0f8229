/** On a microcontroller flash is what is to become small, and RAM has its place on the front. */
import { expect, test } from 'vitest'
import { SearchGoal } from '../../../src/contract/goal'
import type { Footprint } from '../../../src/contract/report'
import type { Trial } from '../../../src/contract/trial'
import { goalFor } from '../../../src/engine/jobs/search-jobs'
import { frontOf } from '../../../src/engine/search/explore'
import { byObjective, closestOf, isInside } from '../../../src/engine/search/limits'
import { findTarget } from '../../../src/engine/targets'
import { keys, trial } from './trials'

const on = (flashBytes: number, ramBytes: number, more: object = {}): Footprint => ({
  target: 'cortex-m0plus',
  flashBytes,
  ramBytes,
  constantBytes: flashBytes,
  arenaBytes: ramBytes,
  source: '',
  ...more,
})
const goal = (more: object = {}): SearchGoal =>
  SearchGoal.parse({ kind: 'search', target: 'cortex-m0plus', ...more })
/** Downloads say the opposite of flash. */
const trials: Trial[] = [
  trial('float', 10, 0, { footprint: on(90, 40) }),
  trial('int8', 20, 0.2, { footprint: on(30, 10) }),
  trial('sparse', 30, 0.2, { footprint: on(20, 40) }),
  trial('none', 5, 0, { footprint: { target: 'cortex-m0plus', reason: 'there is no C for X.' } }),
]

test('the smallest is that of the least flash; what has no C comes last and is inside no limit', () => {
  expect(keys([...trials].sort(byObjective))).toBe('sparse,int8,float,none')
  expect(trials.map((one) => isInside(one, goal()))).toEqual([true, true, true, false])
  expect(trials.map((one) => isInside(one, goal({ maxRam: 20 })))).toEqual([false, true, false, false])
  expect(trials.map((one) => isInside(one, goal({ maxFlash: 25 })))).toEqual([false, false, true, false])
})

test('what takes least RAM stands on the front beside what takes least flash', () => {
  const found = frontOf(trials.slice(0, 3), { rejected: [] })
  expect(keys(found)).toBe('sparse,int8,float')
  const beaten = trial('beaten', 1, 0.2, { footprint: on(31, 11) })
  expect(keys(frontOf([...trials.slice(0, 3), beaten], { rejected: [] }))).toBe('sparse,int8,float')
})

test('the chip is a limit though nobody asked', () => {
  const large = trial('large', 1, 0, { footprint: on(200, 10, { has: { flashBytes: 100, ramBytes: 100 } }) })
  expect(isInside(large, goal())).toBe(false)
  expect(isInside(large, goal({ maxFlash: 300 }))).toBe(true)
})

test('flash and RAM of what is no microcontroller are refused', () => {
  expect(goalFor(goal({ maxRam: 1 }), findTarget('risc-v'))).toMatchObject({ target: 'esp32-c3', maxRam: 1 })
  expect(() => goalFor(goal({ maxFlash: 1 }), findTarget('ios'))).toThrow(
    expect.objectContaining({ data: expect.objectContaining({ code: 'limits/no-board', target: 'ios' }) }),
  )
})

test('the closest is what is over the limits by the least, not what loses least', () => {
  const tried = [
    trial('exact', 40, 0),
    trial('near', 22, 0.8),
    trial('lossy', 21, 2.5),
    trial('nearer', 21, 0.9),
    trial('unknown', 10, 0, { footprint: { target: 'cortex-m0plus', reason: 'no C' } }),
  ]
  const asked = SearchGoal.parse({ kind: 'search', target: 'any', maxDrop: 1, maxBytes: 20 })
  expect(closestOf(tried, asked)!.key).toBe('nearer')
  expect(closestOf(tried, { ...asked, maxBytes: 5 })!.key).toBe('nearer')
  expect(closestOf([], asked)).toBeUndefined()
})
