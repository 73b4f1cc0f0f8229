import { expect, test } from 'vitest'
import type { RecipeStep } from '../../../src/contract/recipe'
import type { Trial } from '../../../src/contract/trial'
import { expectation } from '../../../src/engine/search/expect'
import { POLICY } from '../../../src/engine/search/policy'
import { keyOf, recipeOf } from '../../../src/engine/search/recipes'
import { trial as stored } from './trials'

const GOAL = { kind: 'search', maxDrop: 1, target: 'any', minutes: 5 } as const
const step = (pass: string, params: RecipeStep['params'] = {}): RecipeStep => ({ pass, params })

function trial(steps: RecipeStep[], downloadBytes: number, pointsLost: number): Trial {
  const recipe = recipeOf(steps)
  return stored(keyOf(recipe), downloadBytes, pointsLost, { recipe })
}

test('what learning is expected to win back is what the same pass won back before, on this model', () => {
  const [prune, other] = [step('prune'), step('quantize')]
  const tried = [
    trial([prune], 100, 4),
    trial([prune, step('fine-tune')], 100, 4),
    trial([prune, step('distill')], 100, 1),
    trial([prune, other], 50, 2),
    trial([prune, step('distill'), other], 50, 1),
  ]
  const next = trial([step('narrow')], 30, 8)
  const expected = expectation([...tried, next], GOAL)
  // A quarter and a half were left by one, all by the other, and nothing is known of a third.
  expect(expected.trained(next, 'distill')).toEqual({ downloadBytes: 30, pointsLost: 3 })
  expect(expected.trained(next, 'fine-tune')).toEqual({ downloadBytes: 30, pointsLost: 8 })
  expect(expected.trained(next, 'learn').pointsLost).toBeCloseTo(8 * POLICY.learnedLoss)
})

test('a changed value is expected to do what it did to other recipes, both ways', () => {
  const tried = [
    trial([step('prune', { goal: 0.7 }), step('quantize')], 200, 0.5),
    trial([step('prune'), step('quantize')], 100, 2.5),
  ]
  const next = trial([step('prune'), step('distill'), step('quantize')], 90, 1)
  const { near } = expectation([...tried, next], GOAL)
  const change = { pass: 'prune', field: 'goal', from: undefined, to: 0.7 }
  const milder = near(next, change)
  expect(milder.downloadBytes).toBeCloseTo(180)
  // Losses are compared with half a point added: a third of one and a half is left.
  expect(milder.pointsLost).toBeCloseTo(0)
  const stronger = near(next, { ...change, from: 0.7, to: undefined })
  expect(stronger.downloadBytes).toBeCloseTo(45)
  expect(stronger.pointsLost).toBeCloseTo(4)
  expect(near(next, { ...change, to: 0.3 }).downloadBytes).toBeCloseTo(90 * POLICY.stepSize)
  expect(expectation([...tried, next], GOAL).longer(next, [change])).toEqual(milder)
})

test('a parameter is idle where it never changed anything, and not before it was tried', () => {
  const tried = [
    trial([step('quantize')], 50, 2),
    trial([step('quantize', { limit: 1 })], 50, 2),
    trial([step('quantize', { bits: 4 })], 30, 2),
    trial([step('prune'), step('quantize', { limit: 1 })], 20, 3),
  ]
  const { isIdle } = expectation(tried, GOAL)
  expect(isIdle('quantize', 'limit')).toBe(true)
  expect(isIdle('quantize', 'bits')).toBe(false)
  expect(isIdle('prune', 'goal')).toBe(false)
  // One recipe for which it mattered is enough.
  const more = [...tried, trial([step('prune'), step('quantize', { limit: 2 })], 25, 3)]
  expect(expectation(more, GOAL).isIdle('quantize', 'limit')).toBe(false)
})

test('what comes first weighs how much smaller by the chance to be inside the floor', () => {
  const surely = trial([step('quantize')], 800, 0)
  const byAHair = trial([step('prune'), step('quantize')], 48, 0.97)
  const { priority, isGain } = expectation([trial([step('simplify')], 7000, 0), surely, byAHair], GOAL)
  const order = (...ideas: { downloadBytes: number; pointsLost: number }[]): number[] =>
    ideas.toSorted((a, b) => priority(a) - priority(b)).map(({ downloadBytes }) => downloadBytes)
  const milder = { downloadBytes: 110, pointsLost: 0.8 }
  expect(order({ downloadBytes: 57, pointsLost: 1.2 }, milder)).toEqual([110, 57])
  expect(order({ downloadBytes: 57, pointsLost: 0.9 }, milder)).toEqual([57, 110])
  // What is far over the floor comes behind all that may be inside, and what is no smaller than what is inside comes last.
  expect(
    order(
      { downloadBytes: 900, pointsLost: 0 },
      { downloadBytes: 20, pointsLost: 5 },
      { downloadBytes: 700, pointsLost: 0.5 },
    ),
  ).toEqual([700, 20, 900])
  // Of what is inside by a hair others are not held to be larger in vain.
  expect(isGain(milder)).toBe(true)
  expect(isGain({ downloadBytes: 900, pointsLost: 0 })).toBe(false)
})
