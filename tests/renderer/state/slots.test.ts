import { expect, test } from 'vitest'
import { keepSlots, MOST_SLOTS, slotColour, SLOT_SHAPES } from '../../../src/renderer/state/slots'

test('who stays on show keeps its colour, who comes takes the first that is free', () => {
  const first = keepSlots([], ['a', 'b', 'c'])
  expect(first).toEqual(['a', 'b', 'c'])
  const second = keepSlots(first, ['b', 'c'])
  expect(second).toEqual([undefined, 'b', 'c'])
  expect(keepSlots(second, ['d', 'b', 'c'])).toEqual(['d', 'b', 'c'])
  expect(keepSlots([], [])).toEqual([undefined, undefined, undefined])
})

test('every slot has a colour and a shape of its own', () => {
  const slots = Array.from({ length: MOST_SLOTS }, (_, at) => at)
  expect(new Set(slots.map(slotColour)).size).toBe(MOST_SLOTS)
  expect(new Set(SLOT_SHAPES).size).toBe(MOST_SLOTS)
  expect(slotColour(undefined)).not.toContain('candidate')
})
