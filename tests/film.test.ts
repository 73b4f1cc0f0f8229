/** How a moving picture is cut. */
import { expect, test } from 'vitest'
import { cutTo, type Frame } from './e2e/film'

const frames = (...shown: [at: number, picture: string][]): Frame[] =>
  shown.map(([at, picture]) => ({ at, picture: Buffer.from(picture) }))
const told = (seconds: number, all: Frame[]): [string, number][] =>
  cutTo(seconds, all).map(({ picture, milliseconds }) => [String(picture), milliseconds])

test('what stays the same is one picture, and a long wait a short one', () => {
  const all = frames([0, 'a'], [250, 'a'], [500, 'b'], [60_000, 'b'], [90_000, 'c'])
  expect(told(30, all)).toEqual([
    ['a', 500],
    ['b', 1800],
    ['c', 2500],
  ])
})

test('a long film runs faster and is as long as it may be, its end whole', () => {
  const all = frames(...Array.from({ length: 1000 }, (_, i): [number, string] => [i * 250, `p${i}`]))
  const cut = told(30, all)
  const total = cut.reduce((sum, [, milliseconds]) => sum + milliseconds, 0)
  expect(total).toBeGreaterThan(29_000)
  expect(total).toBeLessThanOrEqual(30_500)
  expect(Math.min(...cut.map(([, milliseconds]) => milliseconds))).toBeGreaterThanOrEqual(40)
  expect(cut.at(-1)).toEqual(['p999', 2500])
  expect(cut.length).toBeLessThan(1000)
})

test('of nothing there is no film', () => expect(cutTo(30, [])).toEqual([]))
