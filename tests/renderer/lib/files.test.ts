import fc from 'fast-check'
import { parse } from 'csv-parse/sync'
import { expect, it } from 'vitest'
import { fileName, toCsv } from '../../../src/renderer/lib/save'
import { hasWords } from '../../../src/renderer/lib/find'

it('writes CSV that another reader reads back, whatever stands in the cells', () => {
  const cell = fc.string({ unit: 'grapheme', maxLength: 12 })
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 6 }), (rows) => {
      const read = parse(toCsv(['a', 'b'], rows), { skip_empty_lines: false }) as string[][]
      expect(read).toEqual([['a', 'b'], ...rows.map((row) => [...row])])
    }),
  )
})

it('leaves missing values empty', () => {
  expect(
    toCsv(
      ['a', 'b'],
      [
        [undefined, 0],
        [null, false],
      ],
    ),
  ).toBe('a,b\r\n,0\r\n,false\r\n')
})

it('makes file names of titles', () => {
  expect(fileName('Size against quality')).toBe('size-against-quality')
  expect(fileName('…')).toBe('pare')
})

it('finds by words in any order', () => {
  expect(hasWords('Static integer quantization', 'quant int')).toBe(true)
  expect(hasWords('Static integer quantization', 'float')).toBe(false)
  expect(hasWords('anything', '')).toBe(true)
})
