import { expect, test } from 'vitest'
import type { Confirmation } from '../../../src/contract/trial'
import { SearchGoal } from '../../../src/contract/goal'
import { endOfTrials, exploringSeconds, frontOf } from '../../../src/engine/search/explore'
import { keys, trial } from './trials'

const found = (verdict: Confirmation['verdict']): Confirmation => ({ verdict }) as Confirmation

test('what the kept-back samples contradict is not on the front; what it had beaten is', () => {
  const lucky = trial('lucky', 10, 0)
  const winner = trial('winner', 20, 0.4)
  const rest = trial('rest', 30, 0.1)
  const rejected = [{ trial: lucky, confirmation: found('contradicted') }]
  expect(keys(frontOf([rest, winner, lucky], { winner, rejected }))).toBe('winner,rest')
  expect(keys(frontOf([rest, winner, lucky], { rejected: [] }))).toBe('lucky')
})

test('the winner stands on the front where a smaller trial misses the limit on latency by a hair', () => {
  const beyond = trial('beyond', 10, 0.1, { latencyRatio: 0.52 })
  const winner = trial('winner', 20, 0.2, { latencyRatio: 0.49 })
  expect(keys(frontOf([winner, beyond], { rejected: [] }))).toBe('beyond')
  expect(keys(frontOf([winner, beyond], { winner, rejected: [] }))).toBe('beyond,winner')
})

test('trials end with their time, and with nothing kept as long again', () => {
  const goal = SearchGoal.parse({ kind: 'search', maxDrop: 1, minutes: 10 })
  expect(exploringSeconds(goal)).toBe(540)
  expect(endOfTrials([trial('kept', 10, 0)], goal)).toBe(540)
  expect(endOfTrials([], goal)).toBe(1080)
  expect(endOfTrials([trial('lost', 10, 30, { state: 'dropped' })], goal)).toBe(1080)
})
