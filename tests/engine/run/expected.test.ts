import { expect, test } from 'vitest'
import { PRESETS } from '../../../src/engine/passes/presets'
import { expectedSeconds, type Extent } from '../../../src/engine/run/expected'

const extent = (each: number): Extent => ({
  each,
  layers: 20,
  samples: { calibration: 256, training: 1000, validation: 256 },
})

const total = (id: string, each: number): number => {
  const { steps, measuring } = expectedSeconds(
    PRESETS.filter((preset) => preset.id === id),
    extent(each),
  )
  return steps.flat().reduce((sum, seconds) => sum + seconds, measuring)
}

test('a preset takes the longer the slower the model is, and learning takes longest', () => {
  for (const { id } of PRESETS) expect(total(id, 0.1)).toBeGreaterThan(total(id, 0.001))
  const order = ['safe', 'balanced', 'smallest'].map((id) => total(id, 0.02))
  expect(order).toEqual(order.toSorted((a, b) => a - b))
  // 30 epochs of a thousand samples of 20 ms, forward and back.
  expect(total('smallest', 0.02)).toBeGreaterThan(30 * 1000 * 0.02 * 2)
})

test('quantizing allows itself so long and no longer', () => {
  expect(total('balanced', 10) - total('safe', 10)).toBeLessThan(60)
})
