import { expect, test } from 'vitest'
import type { Preprocessing } from '../../../src/contract/dataset'
import { snapped } from '../../../src/engine/data/snap'

const spread = (mean: number[], std: number[]): Preprocessing => ({
  kind: 'array',
  scale: 1,
  mean,
  std,
  columns: {},
})

/** Labels that tell each number to a standard error: half a nat there. */
const within =
  (mean: number[], std: number[], errors: { mean: number[]; std: number[] }) =>
  async (way: Preprocessing): Promise<number> => {
    if (way.kind !== 'array') throw new Error('not an array')
    const squares = (field: 'mean' | 'std', best: number[]): number =>
      best.reduce((sum, v, c) => sum + ((way[field][c]! - v) / errors[field][c]!) ** 2, 0)
    return 7 + (squares('mean', mean) + squares('std', std)) / 2
  }

test('fitted numbers become the round ones that the labels do not tell them from', async () => {
  const [mean, std] = [
    [2.93, -20.41, 0.9, 90.03],
    [0.492, 2.031, 39.6, 57.296],
  ]
  const errors = { mean: [0.1, 0.5, 1.2, 0.05], std: [0.01, 0.05, 0.6, 0.0005] }
  expect(await snapped(spread(mean, std), within(mean, std, errors))).toEqual(
    // What is told from every round number stays as it was fitted.
    spread([3, -20, 0, 90], [0.5, 2, 40, 57.296]),
  )
})

test('of sounds it is the gain, of texts nothing', async () => {
  const sound = { kind: 'audio', sampleRate: 8000, samples: 1, channels: 1, scale: 9.94 } as const
  const nats = async (way: Preprocessing): Promise<number> =>
    way.kind === 'audio' ? ((way.scale - 9.94) / 0.2) ** 2 / 2 : NaN
  expect(await snapped(sound, nats)).toEqual({ ...sound, scale: 10 })
  const text = { kind: 'text', maxLength: 4, padId: 0 } as const
  expect(await snapped(text, () => Promise.reject(new Error('nothing is asked')))).toBe(text)
})
