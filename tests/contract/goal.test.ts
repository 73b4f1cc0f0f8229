import { expect, test } from 'vitest'
import { Goal } from '../../src/contract/goal'

test.each([
  { kind: 'search' },
  { kind: 'preset', preset: 'safe' },
  { kind: 'recipe', recipe: { pare: 1, name: 'Mine', description: '', steps: [] } },
])('a goal saved without a target, as %j, is for any; one that has one keeps it', (goal) => {
  expect(Goal.parse(goal).target).toBe('any')
  expect(Goal.parse({ ...goal, target: 'ios' }).target).toBe('ios')
})
