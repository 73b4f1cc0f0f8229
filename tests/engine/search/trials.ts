/** Trials as a search keeps them. */
import type { Trial } from '../../../src/contract/trial'

export const trial = (
  key: string,
  downloadBytes: number,
  pointsLost: number,
  more: Partial<Trial> = {},
): Trial => ({
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
  ...more,
})

export const keys = (trials: readonly Trial[]): string => trials.map(({ key }) => key).join()
