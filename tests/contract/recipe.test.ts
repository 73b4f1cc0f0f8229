import { expect, test } from 'vitest'
import { DataSpec } from '../../src/contract/dataset'
import { Recipe } from '../../src/contract/recipe'

const nested = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as unknown

test('parameters that are nested without end are refused, and told by their place', () => {
  const recipe = (value: unknown) => ({ name: 'deep', steps: [{ pass: 'simplify', params: { a: value } }] })
  expect(Recipe.safeParse(recipe(nested(40))).success).toBe(true)
  for (const depth of [100, 5000]) {
    const issue = Recipe.safeParse(recipe(nested(depth))).error!.issues[0]!
    expect(issue.path).toEqual(['steps', 0, 'params', 'a'])
    expect(issue.message).toContain('nested')
  }
  expect(DataSpec.safeParse({ preprocessing: { mean: nested(5000) } }).success).toBe(false)
})
