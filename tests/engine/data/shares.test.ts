import { expect, test } from 'vitest'
import { makeSplits } from '../../../src/engine/data/splits'
import type { Source } from '../../../src/engine/data/source'

const source = (length: number): Source => ({ length }) as Source

const sizes = ({ parts }: ReturnType<typeof makeSplits>): number[] =>
  [parts.calibration, parts.training, parts.validation].map(
    (part) => part.order?.length ?? part.source.length,
  )

test.each([
  [100, { calibration: 0.1, validation: 0.3 }, [10, 60, 30]],
  [100, { calibration: 0, validation: 0 }, [1, 98, 1]],
  [100, { calibration: 1, validation: 1 }, [1, 1, 98]],
  [5, { calibration: 0.5, validation: 0.5 }, [1, 1, 3]],
])('%i samples by the shares %j', (length, shares, expected) => {
  const made = makeSplits({ whole: source(length) }, () => undefined, 0, shares)
  expect(sizes(made)).toEqual(expected)
  const all = [made.parts.calibration, made.parts.training, made.parts.validation].flatMap(({ order }) => [
    ...order!,
  ])
  expect(new Set(all).size).toBe(length)
})

test('a split the dataset has stays as it is', () => {
  const given = { training: source(100), validation: source(40) }
  expect(sizes(makeSplits(given, () => undefined, 0, { calibration: 0.25, validation: 0.9 }))).toEqual([
    25, 75, 40,
  ])
})
