import { expect, test } from 'vitest'
import { fit, leaveOneOut, reached, type Outcome } from '../../bench/support/fit-portfolio'

const outcome = (share: number, pointsLost: number, seconds: number): Outcome => ({
  share,
  pointsLost,
  seconds,
})

const outcomes = new Map([
  [
    'one',
    new Map([
      ['quick', outcome(1 / 4, 0, 1)],
      ['slow', outcome(1 / 5, 0, 100)],
      ['lossy', outcome(1 / 20, 5, 1)],
    ]),
  ],
  [
    'two',
    new Map([
      ['quick', outcome(1 / 4, 1.5, 1)],
      ['mild', outcome(1 / 2, 0, 2)],
      ['same', outcome(1 / 2, 0, 3)],
    ]),
  ],
])

test('the smallest inside each floor counts, and what loses too much does not', () => {
  expect(reached(outcomes.get('one')!, ['quick', 'lossy'])).toBeCloseTo(Math.log(4))
  // Inside one floor of three.
  expect(reached(outcomes.get('two')!, ['quick'])).toBeCloseTo(Math.log(4) / 3)
  expect(reached(outcomes.get('two')!, ['none'])).toBe(0)
})

test('what wins most a second comes first, and what wins nothing is left out', () => {
  expect(fit(outcomes, ['lossy', 'same', 'slow', 'mild', 'quick'])).toEqual(['quick', 'mild', 'slow'])
  expect(fit(outcomes, ['slow', 'mild'], ['quick'])).toEqual(['mild', 'slow'])
})

test('a model has no say in what it is judged by', () => {
  // By "two" alone only what it knows is chosen, so that "one" gets the quick one; by "one" alone "mild" is unknown.
  const left = leaveOneOut(outcomes, ['quick', 'slow', 'mild'])
  expect(left.get('one')).toBeCloseTo(Math.log(4))
  expect(left.get('two')).toBeCloseTo(Math.log(4) / 3)
})
