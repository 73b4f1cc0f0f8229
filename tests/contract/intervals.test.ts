/** An interval is written to the digits that its width leaves room for. */
import { expect, test } from 'vitest'
import { formatEnds } from '../../src/contract/format'
import { formatInterval } from '../../src/contract/metrics'

test.each<[[number, number], [string, string]]>([
  [
    [-0.6231, 1.0449],
    ['-0.6', '1'],
  ],
  [
    [-12.34, 9.876],
    ['-12', '10'],
  ],
  [
    [0.204, 0.2561],
    ['0.2', '0.26'],
  ],
  [
    // What is above zero by little does not touch it.
    [0.03, 1.44],
    ['0.03', '1.4'],
  ],
  [
    [0, 0],
    ['0', '0'],
  ],
])('%j', (ends, written) => expect(formatEnds(ends)).toEqual(written))

test.each<[string, [number, number], [string, string]]>([
  ['accuracy', [0.98256, 0.99801], ['98.3%', '99.8%']],
  ['accuracy', [0.716, 0.884], ['72%', '88%']],
  ['accuracy', [0.9821, 0.99964], ['98.2%', '99.96%']],
  ['accuracy', [0.98993, 1], ['99%', '100%']],
  ['accuracy', [0, 0.014], ['0%', '1.4%']],
  ['r2', [0.99123, 0.99341], ['0.9912', '0.9934']],
  ['perplexity', [12.34, 13.01], ['12.3', '13']],
])('%s %j', (metric, interval, written) => expect(formatInterval(metric, interval)).toEqual(written))
