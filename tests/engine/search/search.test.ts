import { expect, test } from 'vitest'
import type { Confirmation, Trial } from '../../../src/contract/search'
import { frontOf } from '../../../src/engine/search/search'

const trial = (key: string, downloadBytes: number, pointsLost: number, latency?: number): Trial => ({
  key,
  round: 1,
  recipe: { pare: 1, name: key, description: '', steps: [] },
  state: 'kept',
  stage: 'search',
  reason: '',
  seconds: 1,
  bytes: downloadBytes,
  downloadBytes,
  pointsLost,
  steps: [],
  ...(latency !== undefined && { latencyRatio: latency }),
})

const found = (verdict: Confirmation['verdict']): Confirmation => ({ verdict }) as Confirmation
const keys = (trials: readonly Trial[]): string => trials.map(({ key }) => key).join()

test('what the kept-back samples contradict is not on the front; what it had beaten is', () => {
  const lucky = trial('lucky', 10, 0)
  const winner = trial('winner', 20, 0.4)
  const rest = trial('rest', 30, 0.1)
  const rejected = [{ trial: lucky, confirmation: found('contradicted') }]
  expect(keys(frontOf([rest, winner, lucky], { winner, rejected }))).toBe('winner,rest')
  expect(keys(frontOf([rest, winner, lucky], { rejected: [] }))).toBe('lucky')
})

test('the winner stands on the front where a smaller trial misses the limit on latency by a hair', () => {
  const beyond = trial('beyond', 10, 0.1, 0.52)
  const winner = trial('winner', 20, 0.2, 0.49)
  expect(keys(frontOf([winner, beyond], { rejected: [] }))).toBe('beyond')
  expect(keys(frontOf([winner, beyond], { winner, rejected: [] }))).toBe('beyond,winner')
})
