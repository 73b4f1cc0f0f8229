import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { costsOf, misses, parseShare, parseSize, sizeIn, type Limits } from '../../src/contract/limits'
import type { Footprint } from '../../src/contract/report'
import { original, report } from '../renderer/fake/fixtures'

test.each([
  ['900KB', { bytes: 900_000 }],
  ['1.5MB', { bytes: 1_500_000 }],
  ['2 MiB', { bytes: 2_097_152 }],
  [' 12 ', { bytes: 12 }],
  ['25%', { share: 0.25 }],
  ['4x', { share: 0.25 }],
  ['4×', { share: 0.25 }],
  ['1x', { share: 1 }],
])('a size of %s is %o', (text, limit) => {
  expect(parseSize(text)).toEqual(limit)
})

test.each(['', 'big', '-1MB', '0', '0%', '0.25x', '1.2.3MB', '5 parsecs', 'MB', '%', 'x', '0.1'])(
  'a size of “%s” is none',
  (text) => {
    expect(parseSize(text)).toBeUndefined()
  },
)

test.each([
  ['0.5x', 0.5],
  ['0.5×', 0.5],
  ['50%', 0.5],
  ['2', 2],
])('a share of %s is %f', (text, share) => {
  expect(parseShare(text)).toBe(share)
})

test.each(['0', '-1x', 'half', 'xx', '', '1e999'])('a share of “%s” is none', (text) => {
  expect(parseShare(text)).toBeUndefined()
})

test('a share of the file never allows more than it says', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 1e9 }), (times, bytes) => {
      expect(sizeIn(parseSize(`${times}x`)!, bytes) * times).toBeLessThanOrEqual(bytes)
    }),
  )
})

describe('what stands against a result', () => {
  const costs = { pointsLost: 1.25, bytes: 1_200_000, time: { value: 0.8 } }

  test('says what, what is allowed and by how much it is over', () => {
    const missed = misses({ maxDrop: 1, maxBytes: 1e6, maxLatency: 0.5 }, costs)
    expect(missed).toEqual([
      { limit: 'quality', times: 1.25, sentence: 'it loses 1.25 points where 1 are allowed (0.25 too many)' },
      {
        limit: 'size',
        times: 1.2,
        sentence: 'its file takes 1.2 MB, more than the 1 MB allowed (200 kB too many)',
      },
      {
        limit: 'latency',
        times: 1.6,
        sentence: "it takes 0.8× the original's time where 0.5× is allowed (0.3× too much)",
      },
    ])
  })

  test('perplexity is no points', () => {
    const [missed] = misses({ maxDrop: 1 }, { pointsLost: 2, metric: 'perplexity', bytes: 1 })
    expect(missed!.sentence).toBe('its perplexity is 2% worse where 1% are allowed')
  })

  test('is nothing without limits, or exactly on them, rounding apart', () => {
    expect(misses({}, costs)).toEqual([])
    expect(misses({ maxDrop: 1.25, maxBytes: 1_200_000, maxLatency: 0.8 }, costs)).toEqual([])
    expect(misses({ maxDrop: 0.3 }, { pointsLost: (0.3 - 0.2) * 3, bytes: 1 })).toEqual([])
  })

  test('an excess is never shown as nothing', () => {
    const [missed] = misses({ maxDrop: 1 }, { pointsLost: 1.0004, bytes: 1 })
    expect(missed!.sentence).toContain('(0.0004 too many)')
  })

  test('quality that is not known is not inside a limit, a time that was not taken is not over one', () => {
    expect(misses({ maxDrop: 100, maxLatency: 0.1 }, { bytes: 1 })).toMatchObject([{ limit: 'quality' }])
  })

  test('of a report: the estimate for the target goes before what was measured here', () => {
    const here = report({ latencyRatio: { value: 2, interval: [1.9, 2.1] } })
    expect(costsOf(here, original).time).toEqual({ value: 2, interval: [1.9, 2.1] })
    const there = { ...here, targetLatency: { target: 'ios', ratio: 0.5, source: '' } }
    expect(costsOf(there, original).time).toEqual({ value: 0.5, target: 'ios' })
    expect(misses({ maxLatency: 0.25 }, costsOf(there, original))[0]!.sentence).toContain(
      'on ios by estimate',
    )
  })
})

const counted = {
  target: 'cortex-m4f',
  flashBytes: 300_000,
  ramBytes: 70_000,
  constantBytes: 298_000,
  arenaBytes: 69_000,
  source: 'counted',
}
const missedBy = (limits: Limits, footprint?: Footprint): string[] =>
  misses(limits, { bytes: 1, ...(footprint && { footprint }) }).map(({ limit }) => limit)

test('flash and RAM are held against what is asked, and against what the chip has where nothing is', () => {
  expect(missedBy({ maxFlash: 300_000, maxRam: 70_000 }, counted)).toEqual([])
  expect(missedBy({ maxFlash: 299_999, maxRam: 69_999 }, counted)).toEqual(['flash', 'ram'])
  expect(missedBy({}, counted)).toEqual([])
  const onChip = { ...counted, has: { flashBytes: 262_144, ramBytes: 65_536 } }
  expect(missedBy({}, onChip)).toEqual(['flash', 'ram'])
  expect(missedBy({ maxFlash: 400_000 }, onChip)).toEqual(['ram'])
  const [miss] = misses({ maxFlash: 256_000 }, { bytes: 1, footprint: counted })
  expect(miss!.sentence).toBe(
    'it takes 300 kB of flash on cortex-m4f, more than the 256 kB allowed (44 kB too many)',
  )
})

test('what cannot be had as C, or was not counted, is over a limit of flash', () => {
  const none = { target: 'c', reason: 'there is no C for NonZero.' }
  expect(missedBy({}, none)).toEqual(['flash'])
  expect(misses({ maxRam: 1 }, { bytes: 1, footprint: none })[0]!.sentence).toContain('NonZero')
  expect(missedBy({ maxRam: 1e9 })).toEqual(['flash'])
  expect(missedBy({})).toEqual([])
})

test('a report and a trial bring what they take on the chip', () => {
  expect(costsOf({ ...original, footprint: counted }).footprint).toBe(counted)
  expect(costsOf({ ...original, footprint: counted }, original).footprint).toBe(counted)
})
