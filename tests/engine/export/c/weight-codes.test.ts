/** Weights come back as they were, in as few bytes as their values allow. */
import { describe, expect, test } from 'vitest'
import { seeded } from '../../../../src/engine/math/random'
import {
  bookOf,
  codeBytes,
  gridOf,
  packed,
  smallestCodes,
  sparseOf,
  type WeightCodes,
} from '../../../../src/engine/export/c/weight-codes'

const random = seeded(3)
const ROWS = 24
const COLS = 64
const make = (value: (row: number, col: number) => number): Float32Array =>
  Float32Array.from({ length: ROWS * COLS }, (_, i) => value(Math.floor(i / COLS), i % COLS))
const below = (limit: number): number => random.below(limit)

/** What codes stand for. */
function restored(codes: WeightCodes, values: Float32Array): Float32Array {
  switch (codes.kind) {
    case 'plain':
      return values
    case 'book':
      return Float32Array.from(codes.codes, (code) => codes.table[code]!)
    case 'grid':
      return Float32Array.from(
        codes.codes,
        (code, i) =>
          (code + codes.lows[codes.lows.length > 1 ? Math.floor(i / codes.group) : 0]!) *
          codes.scales[Math.floor(i / codes.group)]!,
      )
    case 'sparse': {
      const out = new Float32Array(values.length)
      let at = 0
      codes.gaps.forEach((gap, e) => void (out[(at += gap)] = codes.table[codes.codes[e]!]!))
      return out
    }
  }
}

const scales = Float32Array.from({ length: ROWS }, () => 0.01 + random.next() / 10)
const shared = Float32Array.from({ length: 16 }, () => random.normal())

describe.each([
  ['floats', make(() => random.normal()), 'plain', 4 * ROWS * COLS],
  [
    '8 bits, a scale a row',
    make((r) => Math.fround(scales[r]! * (below(255) - 127))),
    'grid',
    ROWS * COLS + 4 * ROWS,
  ],
  [
    '4 bits, a scale a row',
    make((r) => Math.fround(scales[r]! * (below(16) - 8))),
    'grid',
    (ROWS * COLS) / 2 + 4 * ROWS,
  ],
  [
    '4 bits, a scale a block of 16',
    make((r, c) => Math.fround(scales[(r + (c >> 4)) % ROWS]! * (below(16) - 8))),
    'grid',
    (ROWS * COLS) / 2 + 4 * 4 * ROWS,
  ],
  [
    '4 bits, a scale and a zero point a row',
    make((r) => Math.fround(scales[r]! * (below(16) - (r % 16)))),
    'grid',
    (ROWS * COLS) / 2 + 6 * ROWS,
  ],
  [
    'ternary, a scale a row',
    make((r) => Math.fround(scales[r]! * (below(3) - 1))),
    'grid',
    (ROWS * COLS) / 4 + 4 * ROWS,
  ],
  ['signs', make(() => (below(2) ? 0.25 : -0.25)), 'book', (ROWS * COLS) / 8 + 8],
  ['16 shared values', make(() => shared[below(16)]!), 'book', (ROWS * COLS) / 2 + 64],
  ['shared and pruned to a twentieth', make(() => (below(20) ? 0 : shared[1 + below(15)]!)), 'sparse', 250],
  [
    'shared and pruned to a quarter: a byte an entry, distance and all',
    make((r, c) => ((r * COLS + c) % 4 ? 0 : shared[1 + below(15)]!)),
    'sparse',
    (ROWS * COLS) / 4 + 64,
  ],
] as const)('%s', (_, values, kind, bytes) => {
  const codes = smallestCodes(values, COLS)
  test(`are ${kind}`, () => expect(codes.kind).toBe(kind))
  test('come back to within the rounding of a product', () => {
    restored(codes, values).forEach((value, i) =>
      expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(2 ** -22 * Math.abs(values[i]!)),
    )
  })
  test('take no more bytes than their values allow', () =>
    expect(codeBytes(codes, values.length)).toBeLessThanOrEqual(bytes))
})

test('what an encoding cannot hold it does not take', () => {
  const floats = make(() => random.normal())
  expect(gridOf(floats, COLS)).toBeUndefined()
  expect(bookOf(floats)).toBeUndefined()
  expect(sparseOf(make(() => shared[below(16)]!))).toBeUndefined()
  expect(smallestCodes(new Float32Array(0), 1).kind).toBe('plain')
  expect(smallestCodes(new Float32Array(16), 4).kind).not.toBe('plain')
})

test('the first of packed codes lies in the lowest bits', () => {
  expect([...packed(Uint8Array.of(1, 2, 3, 15), 4)]).toEqual([0x21, 0xf3])
  expect([...packed(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1, 1), 1)]).toEqual([0x81, 0x01])
})
