import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { storedOutcomes, storeOutcomes } from '../../bench/support/portfolio-outcomes'
import { temporaryFolder } from '../engine/run/support'

const naming = { nameOf: (key: string) => `recipe ${key}`, measured: '2026-01-02' }
const outcome = (share: number): { share: number; pointsLost: number; seconds: number } => ({
  share,
  pointsLost: 0.25,
  seconds: 1.5,
})

test('what is measured anew replaces one model and leaves the others', () => {
  const file = path.join(temporaryFolder(), 'portfolio.json')
  expect(storedOutcomes(file, new Set(['a'])).size).toBe(0)
  storeOutcomes(file, new Map([['two', new Map([['a', outcome(0.5)]])]]), naming)
  storeOutcomes(file, new Map([['one', new Map([['a', outcome(0.25)]])]]), naming)
  storeOutcomes(file, new Map([['two', new Map([['b', outcome(0.125)]])]]), naming)
  const all = storedOutcomes(file, new Set(['a', 'b']))
  expect([...all.keys()]).toEqual(['one', 'two'])
  expect(all.get('one')!.get('a')).toMatchObject(outcome(0.25))
  expect([...all.get('two')!.keys()]).toEqual(['b'])
  expect(readFileSync(file, 'utf8')).toContain('"name": "recipe b"')
})

test('a recipe that is no candidate any more says nothing', () => {
  const file = path.join(temporaryFolder(), 'portfolio.json')
  storeOutcomes(file, new Map([['one', new Map([['a', outcome(0.5)]])]]), naming)
  expect(storedOutcomes(file, new Set(['b'])).get('one')!.size).toBe(0)
})
