import { describe, expect, it } from 'vitest'
import { plural } from '../../../src/contract/format'
import {
  bytes,
  count,
  decibel,
  duration,
  left,
  roughly,
  microjoules,
  milliseconds,
  percent,
  points,
  shape,
  share,
  three,
  times,
  when,
} from '../../../src/renderer/lib/format'

/** Narrow spaces as plain ones, so that the tables below can be read. */
const plain = (text: string): string => text.replaceAll('\u202f', ' ')

describe('three significant digits', () => {
  it.each([
    [0, '0'],
    [1234, '1,230'],
    [0.012345, '0.0123'],
    [-0.5, '−0.5'],
    [99.96, '100'],
    [Number.NaN, 'no number'],
    [-Infinity, '−∞'],
  ])('%d', (value, text) => expect(three(value)).toBe(text))
})

describe('sizes and counts change their unit before they get long', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [999.6, '1 kB'],
    [248_733, '249 kB'],
    [999_600, '1 MB'],
    [1_726_000, '1.73 MB'],
    [2.5e9, '2.5 GB'],
    [7e15, '7000 TB'],
  ])('%d bytes', (value, text) => expect(plain(bytes(value))).toBe(text))
  it('has no unit below a thousand', () => {
    expect(count(850)).toBe('850')
    expect(plain(count(61_706))).toBe('61.7 k')
  })
})

it('writes times in the unit that fits', () => {
  expect([0, 0.0929, 1.5, 999, 2400].map(milliseconds).map(plain)).toEqual([
    '0',
    '92.9 µs',
    '1.5 ms',
    '999 ms',
    '2.4 s',
  ])
  expect([1.92, 4200, 3e6].map(microjoules).map(plain)).toEqual(['1.92 µJ', '4.2 mJ', '3 J'])
})

it('writes shares and changes', () => {
  expect([0.9778, 1, 0.99954, 0].map(percent)).toEqual(['97.78%', '100%', '99.95%', '0%'])
  expect([0.004, 0.41, 0].map(share)).toEqual(['<1%', '41%', '0%'])
  expect([-0.002, 0.0312, 0.0004].map(points)).toEqual(['−0.2 points', '+3.12 points', '+0.04 points'])
  expect([0.01, 0.010004, -0.005].map(points)).toEqual(['+1 point', '+1 point', '−0.5 points'])
  expect(times(11.83)).toBe('11.8×')
  expect(plain(decibel(36.149))).toBe('36.1 dB')
})

it('writes durations and honest guesses of what is left', () => {
  expect([0.3, 7, 83, 3700].map(duration)).toEqual(['under 1 s', '7 s', '1 min 23 s', '1 h 1 min'])
  expect([2, 22, 130, 5400].map(roughly)).toEqual([
    'a few seconds',
    'about 30\u00a0s',
    'about 3\u00a0min',
    'about 1.5\u00a0h',
  ])
  expect([2, 22, 130, 5400].map(left)).toEqual([
    'a few seconds left',
    'about 25 s left',
    'about 3 min left',
    'about 1.5 h left',
  ])
})

it('writes shapes, dates and plurals', () => {
  expect(plain(shape(['batch', 1, null]))).toBe('batch × 1 × any')
  expect(shape([])).toBe('scalar')
  const now = Date.parse('2026-03-02T12:00:00Z')
  expect(
    ['2026-03-02T11:59:30Z', '2026-03-02T11:18:00Z', '2026-03-02T03:00:00Z', '2026-02-20T12:00:00Z'].map(
      (iso) => when(iso, now),
    ),
  ).toEqual(['just now', '42 min ago', '9 h ago', 'Feb 20, 2026'])
  expect([plural(1, 'pass', 'passes'), plural(1200, 'pass', 'passes')]).toEqual(['1 pass', '1,200 passes'])
})
