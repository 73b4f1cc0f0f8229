import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { PASS_ROLES } from '../../../src/contract/passes'
import type { RecipeStep } from '../../../src/contract/recipe'
import { describePasses } from '../../../src/engine/passes'
import { PRESETS } from '../../../src/engine/passes/presets'
import { misplaced } from '../../../src/engine/run/steps'
import { latencyPortfolio, PORTFOLIO } from '../../../src/engine/passes/portfolio'

const SEARCH = path.join(import.meta.dirname, '../../../src/engine/search')

const late = (steps: readonly RecipeStep[]): string[] =>
  steps.flatMap((step, at) => (misplaced(steps, at) ? [step.pass] : []))

test('a pass comes after roles and passes that there are', () => {
  const passes = describePasses()
  const known = new Set<string>([...PASS_ROLES, ...passes.map(({ id }) => id)])
  const unknown = passes
    .flatMap(({ id, after }) => after.map((of) => [id, of]))
    .filter(([, of]) => !known.has(of!))
  expect(unknown).toEqual([])
})

/** Where two passes share a setting, a person learns it once: it is declared once, and only its default differs. */
test('there are fewer than a hundred parameters to learn, and what is in a group means the same everywhere', () => {
  const fields = describePasses().flatMap(({ parameters }) => parameters)
  const texts = new Map<string, Set<string>>()
  for (const { group, name, label, help } of fields)
    if (group) texts.set(name, (texts.get(name) ?? new Set()).add(`${label} ${help}`))
  expect([...texts].filter(([, said]) => said.size > 1).map(([name]) => name)).toEqual([])
  const own = fields.filter(({ group }) => !group)
  expect(own.length + texts.size).toBeLessThan(100)
})

test('the recipes that ship are in an order their passes allow', () => {
  const shipped = [
    ...PRESETS.map(({ steps }) => steps),
    ...PORTFOLIO.quick,
    ...PORTFOLIO.first,
    ...PORTFOLIO.learning,
  ]
  for (const steps of [...shipped, ...latencyPortfolio(0.5)]) expect(late(steps)).toEqual([])
})

test.each([
  [['quantize-static', 'equalize'], ['equalize']],
  [
    ['float16', 'prune-channels', 'fine-tune'],
    ['prune-channels', 'fine-tune'],
  ],
  [['pack-weights', 'simplify'], ['simplify']],
  [['equalize', 'quantize-static', 'pack-weights'], []],
])('of %j, too late: %j', (ids, found) => {
  expect(late(ids.map((pass) => ({ pass, params: {} })))).toEqual(found)
})

test('the search knows no pass by its name', () => {
  const files = fs
    .readdirSync(SEARCH, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
  const named = files.flatMap((file) => {
    const text = fs.readFileSync(path.join(SEARCH, file), 'utf8')
    return describePasses()
      .filter(({ id }) => text.includes(`'${id}'`))
      .map(({ id }) => `${file}: ${id}`)
  })
  expect(files.length).toBeGreaterThan(5)
  expect(named).toEqual([])
})
