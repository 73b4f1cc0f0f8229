import { expect, test } from 'vitest'
import type { Sensitivity } from '../../../src/contract/sensitivity'
import { heatColumns, heatOf, heatRows } from '../../../src/renderer/steps/model/heat'

const entry = (
  layer: string,
  technique: Sensitivity['technique'],
  strength: number,
  sqnr: number,
): Sensitivity => ({
  layer,
  op: 'Conv',
  parameters: 10,
  technique,
  strength,
  points: 0,
  sqnr,
  weightSqnr: sqnr,
})

test('one row a layer, one column a technique at a strength', () => {
  const entries = [entry('a', 'bits', 4, 30), entry('a', 'rank', 0.5, 10), entry('b', 'bits', 4, 20)]
  expect(heatColumns(entries)).toEqual([
    { id: 'bits-4', title: '4 bits' },
    { id: 'rank-0.5', title: '50% rank' },
  ])
  const rows = heatRows(entries)
  expect(rows.map((row) => row.layer)).toEqual(['a', 'b'])
  expect(rows[1]!.cells['rank-0.5']).toBeUndefined()
  expect(rows[0]!.cells['bits-4']!.sqnr).toBe(30)
})

test('heat grows as the outputs are lost', () => {
  expect([60, 40, 20, 0, -10].map((sqnr) => heatOf(entry('a', 'bits', 2, sqnr)))).toEqual([0, 0, 0.5, 1, 1])
})
