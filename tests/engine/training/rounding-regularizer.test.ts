import { expect, test } from 'vitest'
import { roundingRegularizer, type FakeWeight } from '../../../src/engine/training/fake-quant'
import { Parameters } from '../../../src/engine/training/trainable'

const STRENGTH = 0.3

/** λ·Σ(1 − |2h − 1|^β) with h = clip(1.2·σ(v) − 0.1, 0, 1): arXiv:2004.10568, equations 23 and 24. */
function penalty(logits: Float64Array, beta: number): number {
  return logits.reduce((sum, v) => {
    const h = Math.min(1, Math.max(0, 1.2 / (1 + Math.exp(-v)) - 0.1))
    return sum + STRENGTH * (1 - Math.abs(2 * h - 1) ** beta)
  }, 0)
}

test.each([
  [0.2, 20],
  [0.6, 11],
  [1, 2],
])('after %f of the training the slope is that of β = %i, by finite differences', (done, beta) => {
  const logits = Float64Array.from({ length: 61 }, (_, i) => (i - 30) / 10 + 0.013)
  const parameters = new Parameters(['other', 'v'], [[3], [logits.length]])
  parameters.view(1).set(logits)
  const fake = { latent: 'v' } as FakeWeight
  const gradients = new Float32Array(parameters.values.length)
  roundingRegularizer(parameters, [fake], STRENGTH).gradients!(parameters.values, gradients, done)
  const expected = [...logits.keys()].map((i) => {
    const moved = (by: number): number =>
      penalty(
        logits.map((v, j) => (j === i ? v + by : v)),
        beta,
      )
    return (moved(1e-5) - moved(-1e-5)) / 2e-5
  })
  expect([...gradients.subarray(0, 3)]).toEqual([0, 0, 0])
  const most = Math.max(...expected.map(Math.abs))
  expect(most).toBeGreaterThan(0.1)
  for (const [i, slope] of expected.entries())
    expect(Math.abs(parameters.view(1, gradients)[i]! - slope)).toBeLessThan(0.01 * most)
})

test('nothing pulls during the first fifth', () => {
  const parameters = new Parameters(['v'], [[4]], new Float32Array(4).fill(0.7))
  const gradients = new Float32Array(4)
  roundingRegularizer(parameters, [{ latent: 'v' } as FakeWeight], 1).gradients!(
    parameters.values,
    gradients,
    0.19,
  )
  expect([...gradients]).toEqual([0, 0, 0, 0])
})
