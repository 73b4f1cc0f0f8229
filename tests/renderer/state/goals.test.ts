import { expect, test } from 'vitest'
import type { Goal } from '../../../src/contract/goal'
import type { TargetDescription } from '../../../src/contract/targets'
import { goalLine, retargeted } from '../../../src/renderer/state/goals'

const described = (board?: TargetDescription['board']): TargetDescription => ({
  id: 'x',
  aliases: [],
  title: 'X',
  detail: '',
  does: '',
  runtime: '',
  estimated: false,
  sources: [],
  ...(board && { board }),
})
const goal: Goal = {
  kind: 'search',
  maxDrop: 1,
  maxFlash: 128_000,
  maxRam: 32_000,
  target: 'cortex-m4f',
  minutes: 5,
}

test('limits of flash and RAM are told in the goal’s line', () => {
  expect(goalLine(goal)).toMatch(/at most 128.kB of flash, at most 32.kB of RAM/)
})

test('another microcontroller keeps them; a phone has neither', () => {
  expect(retargeted(goal, 'c', described({}))).toEqual({ ...goal, target: 'c' })
  expect(retargeted(goal, 'ios', described())).toEqual({
    kind: 'search',
    maxDrop: 1,
    target: 'ios',
    minutes: 5,
  })
  const preset: Goal = { kind: 'preset', preset: 'safe', target: 'c' }
  expect(retargeted(preset, 'ios', described())).toEqual({ ...preset, target: 'ios' })
})
