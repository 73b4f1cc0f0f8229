import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { PareError } from '../../../src/contract/errors'
import type { Sensitivity } from '../../../src/contract/sensitivity'
import { sensitivitiesIn } from '../../../src/engine/run/sensitivities'
import { temporaryFolder } from './support'

const measured = (layer: string): Sensitivity => ({
  layer,
  op: 'Conv',
  parameters: 9,
  technique: 'bits',
  strength: 4,
  points: 1,
  sqnr: 20,
  weightSqnr: 20,
})

test('what others measured is known, and what is damaged was never measured', () => {
  const folder = temporaryFolder()
  sensitivitiesIn(folder, 'first').keep('net', [measured('a')])
  for (const [name, value] of Object.entries({
    null: [null, { layer: 5 }, measured('b')],
    word: 'x',
    none: {},
  }))
    fs.writeFileSync(path.join(folder, `net.${name}.json`), JSON.stringify(value))
  const known = sensitivitiesIn(folder)
  expect(['a', 'b', 'c'].map((layer) => known.find('net', layer, 'bits', 4)?.points)).toEqual([
    1,
    1,
    undefined,
  ])
})

test('of data that is no longer what it was nothing is kept', () => {
  const folder = temporaryFolder()
  const cache = sensitivitiesIn(folder, 'main', () => {
    throw new PareError('data/gone', { path: '/data' })
  })
  expect(() => cache.keep('net', [measured('a')])).toThrow(expect.objectContaining({ code: 'data/gone' }))
  expect(fs.readdirSync(folder)).toEqual([])
})
