import { describe, expect, it } from 'vitest'
import type { ParameterField } from '../../../src/contract/passes'
import type { Report } from '../../../src/contract/report'
import { classRows } from '../../../src/renderer/steps/compare/classes'
import { measuresFor } from '../../../src/renderer/steps/compare/measures'
import { Pager } from '../../../src/renderer/steps/compare/pager.svelte'
import {
  axisOf,
  frontOf,
  limitOn,
  originalPoint,
  pointOf,
  qualityRange,
  reachedBy,
  timeText,
  trialPoints,
} from '../../../src/renderer/steps/compress/points'
import { tradeOffChart } from '../../../src/renderer/steps/compress/trade-off'
import type { Palette } from '../../../src/renderer/ui/charts'
import { preprocessingFacts } from '../../../src/contract/data-facts'
import { treeLines } from '../../../src/renderer/steps/export/tree'
import { parameterText, parseParameter, rangeText } from '../../../src/renderer/steps/goal/parameters'
import { sorted, type Column } from '../../../src/renderer/ui/columns'
import { finishedRun, loadedData, original, report } from '../fake/fixtures'

const field = (part: Partial<ParameterField>): ParameterField => ({
  name: 'x',
  kind: 'number',
  label: 'X',
  help: '',
  default: 0,
  ...part,
})

it('what a search has reached are the tried points that no other beats, from small to large', () => {
  const at = (id: string, x: number, y: number) => ({ id, name: id, x, y })
  const tried = [
    at('large', 9, 0.9),
    at('beaten', 5, 0.4),
    at('small', 1, 0.2),
    at('level', 4, 0.5),
    at('worse', 4, 0.3),
  ]
  expect(reachedBy(tried, true).map(({ id }) => id)).toEqual(['small', 'level', 'large'])
  expect(reachedBy(tried, false).map(({ id }) => id)).toEqual(['small'])
  expect(reachedBy([], true)).toEqual([])
})

it('the trade-off draws a candidate in its own colour and shape, and marks the best that was tried', () => {
  const palette = new Proxy({}, { get: (_, name) => String(name) }) as Palette
  const point = (id: string, slot?: number) => ({ id, name: id, x: 1, y: 1, slot })
  const [second, hidden, best, other] = [point('a', 1), point('b'), point('c'), point('d')]
  const { data } = tradeOffChart(palette, {
    ...{ front: [second, hidden], others: [], start: [], tried: [best, other], reached: [best], best: 'c' },
    ...{ by: 'size', acrossTitle: '', axis: '', allowed: { higherIsBetter: true }, lines: () => [] },
  })
  const drawn = (dataset: number, of: string, raw: object) =>
    (data.datasets[dataset] as unknown as Record<string, (at: object) => unknown>)[of]!({ raw })
  expect([second, hidden].map((raw) => drawn(0, 'pointBorderColor', raw))).toEqual(['candidate2', 'muted'])
  expect([second, hidden].map((raw) => drawn(0, 'pointStyle', raw))).toEqual(['rect', 'circle'])
  expect([best, other].map((raw) => drawn(3, 'pointBackgroundColor', raw))).toEqual([
    'compressed',
    'transparent',
  ])
})

it.each([
  ['size', true, { type: 'logarithmic' }, { xMax: 60_000, yMin: 96 }],
  ['time', false, { type: 'linear' }, { xMax: 60_000, yMax: 96 }],
] as const)(
  'its front over %s is a staircase, and what is allowed is shaded',
  (by, higherIsBetter, scale, box) => {
    const palette = new Proxy({}, { get: (_, name) => String(name) }) as Palette
    const at = (id: string, x: number, y: number) => ({ id, name: id, x, y })
    const [small, large] = [at('small', 20_000, 97), at('large', 50_000, 98)]
    const { data, options } = tradeOffChart(palette, {
      ...{ front: [small, large], others: [], start: [at('original', 229_000, 98)], tried: [], reached: [] },
      ...{ by, acrossTitle: 'download size', axis: '', lines: () => [] },
      allowed: { quality: 96, across: 60_000, higherIsBetter },
    })
    expect(data.datasets[0]).toMatchObject({ data: [small, large], showLine: true, stepped: 'before' })
    expect(data.datasets[2]).toMatchObject({ data: [{ id: 'original' }], pointStyle: 'rectRot' })
    expect(options!.scales!.x).toMatchObject(scale)
    const { allowed } = options!.plugins!.annotation!.annotations as Record<string, object>
    expect(allowed).toMatchObject({ type: 'box', drawTime: 'beforeDatasetsDraw', ...box })
  },
)

describe('generated fields', () => {
  it.each([
    [{ kind: 'number', minimum: 0, maximum: 1 }, '0,5', { value: 0.5 }],
    [{ kind: 'number', maximum: 1 }, '2', { problem: 'At most 1.' }],
    [{ kind: 'number', minimum: 1 }, '-3', { problem: 'At least 1.' }],
    [{ kind: 'integer' }, '2.5', { problem: 'A whole number is needed.' }],
    [{ kind: 'number' }, 'many', { problem: 'A number is needed.' }],
    [{ kind: 'list' }, 'conv1, fc2\n fc3,', { value: ['conv1', 'fc2', 'fc3'] }],
    [{ kind: 'text' }, 'as it is', { value: 'as it is' }],
  ] as const)('%o takes %s', (part, text, parsed) =>
    expect(parseParameter(field(part), text)).toEqual(parsed),
  )

  it('says ranges and defaults', () => {
    expect(
      [{ minimum: 0, maximum: 1 }, { minimum: 1 }, { maximum: 4 }, {}].map((part) => rangeText(field(part))),
    ).toEqual(['0 to 1', '1 or more', '4 or less', ''])
    expect([undefined, ['a', 'b'], false, 0].map(parameterText)).toEqual(['', 'a, b', 'false', '0'])
  })
})

describe('the comparison', () => {
  const candidate = report({
    bytes: 62_000,
    p50: 0.8,
    fidelity: { cosine: 1, sqnr: 30, agreement: 0.99, maxAbsoluteError: 0, samples: 9 },
    qualityChange: { value: -0.006, interval: [-0.014, 0.002] },
  })
  const measures = measuresFor(original, [candidate])
  const change = (id: string) => measures.find((measure) => measure.id === id)?.change?.(original, candidate)

  it('says how much, and whether that is better', () => {
    expect(change('bytes')).toEqual({ text: '4.01× smaller', better: true })
    expect(change('macs')).toEqual({ text: 'the same' })
  })

  it('calls a time neither faster nor slower where its interval holds both', () => {
    const timed = (value: number, interval: [number, number]) => {
      const measured = { ...candidate, latencyRatio: { value, interval } }
      return measures.find(({ id }) => id === 'p50')!.change!(original, measured)
    }
    expect(timed(0.5, [0.4, 0.625])).toEqual({ text: '2× faster (95%: 1.6× to 2.5×)', better: true })
    expect(timed(0.97, [0.94, 1.03])).toEqual({
      text: 'same speed (95%: 0.94× to 1.03× the original’s time)',
    })
    expect(timed(0.8, [0.5, 1.25])).toEqual({ text: 'speed unclear (0.5× to 1.25× the original’s time)' })
    expect(change('p95')?.better, 'a single figure of the slow ones').toBeUndefined()
  })

  it('gives the interval of the paired difference', () => {
    expect(change('quality')?.text).toBe('±0 points (95%: −1.4 to 0.2)')
  })

  it('prefers the ratio that was measured in turn', () => {
    const faster = { ...candidate, latencyRatio: { value: 0.5, interval: [0.4, 0.625] as [number, number] } }
    expect(measures.find(({ id }) => id === 'p50')?.change?.(original, faster)).toEqual({
      text: '2× faster (95%: 1.6× to 2.5×)',
      better: true,
    })
  })

  it('shows times of different sittings as ratios alone', () => {
    const timed = (before: number) => ({
      ...candidate,
      latencyRatio: { value: 0.5, interval: [0.45, 0.55] as [number, number] },
      originalLatencyMs: { ...original.latencyMs, p50: before },
    })
    const ids = (candidates: Report[]) => measuresFor(original, candidates).map(({ id }) => id)
    expect(ids([timed(0.4), timed(0.4)])).toEqual(expect.arrayContaining(['p50', 'p95']))
    const apart = ids([timed(0.4), timed(0.5)])
    expect(apart).toContain('time')
    expect(apart).not.toContain('p50')
    expect(apart).not.toContain('p95')
    expect(apart).not.toContain('memory')
  })

  it('leaves out what was not measured', () => {
    expect(measuresFor(original, [report({})]).some(({ id }) => id === 'agreement')).toBe(false)
  })

  it('counts classes from the confusion matrix', () => {
    const a = {
      ...original,
      confusion: [
        [8, 2],
        [0, 0],
      ],
      classes: ['no', 'yes'],
    }
    const b = {
      ...original,
      confusion: [
        [5, 5],
        [0, 0],
      ],
    }
    expect(classRows(a, [b])).toEqual([
      {
        index: 0,
        name: 'no',
        samples: 10,
        recall: 0.8,
        recalls: [0.5],
        intervals: [[expect.closeTo(-0.6, 3), expect.closeTo(0.1067, 3)]],
      },
      { index: 1, name: 'yes', samples: 0, recall: 0, recalls: [0], intervals: [[-1, 1]] },
    ])
  })
})

it('joins the front from small to large', () => {
  expect(frontOf(finishedRun().candidates, 'downloadBytes').map(({ x }) => x)).toEqual([
    9_800, 21_080, 55_300, 113_800,
  ])
})

it('joins equals: neither is beaten by the other', () => {
  const [small] = finishedRun().candidates
  expect(frontOf([small!, { ...small!, id: 'again' }], 'downloadBytes').map(({ id }) => id)).toEqual([
    small!.id,
    'again',
  ])
})

it('does not join what is on the front for its time alone', () => {
  const [small, ...rest] = finishedRun().candidates
  const { quality } = small!.report
  const fast = {
    ...small!,
    id: 'fast',
    report: { ...small!.report, downloadBytes: 500_000, quality: { ...quality, value: quality.value / 2 } },
  }
  expect(frontOf([small!, ...rest, fast], 'downloadBytes').map(({ id }) => id)).not.toContain('fast')
  expect(pointOf(fast, 'downloadBytes').onFront).toBe(true)
})

it('says of each time whether it was measured or estimated', () => {
  const trial = {
    key: 'a',
    name: 'a',
    state: 'kept',
    reason: '',
    bytes: 1,
    downloadBytes: 1,
    pointsLost: 0,
  } as const
  const texts = trialPoints(
    [
      { ...trial, latencyRatio: 0.62 },
      { ...trial, latencyRatio: 0.62, targetLatency: { target: 'ios', ratio: 0.4, source: '' } },
      trial,
    ],
    original.quality,
    'downloadBytes',
  ).map(timeText)
  expect(texts).toEqual(['1.61× faster, measured here', '2.5× faster on ios, estimated', ''])
})

it('has the size on its axis that is limited', () => {
  const goal = { kind: 'search', maxDrop: 1, target: 'any', minutes: 1 } as const
  expect(axisOf(undefined)).toBe('downloadBytes')
  expect(axisOf(goal)).toBe('downloadBytes')
  const axis = axisOf({ ...goal, maxBytes: 60_000 })
  expect(axis).toBe('bytes')
  const [small] = finishedRun().candidates
  expect(pointOf(small!, axis).x).toBe(small!.report.bytes)
  expect(originalPoint(original, axis).x).toBe(original.bytes)
})

it('has the time over the original’s on the axis that a limit of time is judged on', () => {
  const goal = { kind: 'search', maxDrop: 1, maxLatency: 0.8, target: 'ios', minutes: 1 } as const
  expect(limitOn('time', goal)).toBe(0.8)
  expect(limitOn('bytes', { ...goal, maxBytes: 60_000 })).toBe(60_000)
  expect(limitOn('downloadBytes', { ...goal, maxBytes: 60_000 })).toBeUndefined()
  expect(limitOn('time', undefined)).toBeUndefined()
  const [one, ...rest] = finishedRun().candidates
  const report = { ...one!.report, latencyRatio: { value: 0.7, interval: [0.6, 0.8] as [number, number] } }
  const here = { ...one!, report }
  expect(pointOf(here, 'time').x).toBe(0.7)
  expect(originalPoint(original, 'time').x).toBe(1)
  // The estimate for the target counts, as it does for the limit.
  const there = { ...here, report: { ...report, targetLatency: { target: 'ios', ratio: 0.01, source: '' } } }
  expect(pointOf(there, 'time').x).toBe(0.01)
  expect(frontOf([...rest, there], 'time')[0]!.id).toBe(one!.id)
  const { latencyRatio: _, ...untimed } = report
  expect(pointOf({ ...here, report: untimed }, 'time').x).toBe(Infinity)
})

it('leaves room around the points, and never shows shares above 100%', () => {
  expect(qualityRange([99.5, 99.5], true)).toEqual({ min: 99, max: 100 })
  expect(qualityRange([94.4, 97.8], true)).toEqual({ min: 93, max: 99 })
  expect(qualityRange([], true)).toBeUndefined()
  const range = qualityRange([20, 25], false)!
  expect(range.min).toBeLessThan(20)
  expect(range.max).toBeGreaterThan(25)
})

it('says preprocessing in words', () => {
  const facts = preprocessingFacts(loadedData().summary.preprocessing)
  expect(facts.map(({ value }) => value)).toEqual([
    '28 × 28, stretched',
    'grey',
    '0 to 1',
    '0 and 1',
    'channels first (NCHW)',
  ])
})

it('makes a tree of entries, with the sizes of folders', () => {
  const entry = (name: string, bytes: number) => ({ name, bytes, downloadBytes: bytes, what: '' })
  const lines = treeLines([entry('golden/a/in.npz', 5), entry('model.onnx', 9), entry('golden/out.npz', 3)])
  expect(lines.map(({ depth, name, bytes }) => `${'>'.repeat(depth)}${name} ${bytes}`)).toEqual([
    'model.onnx 9',
    'golden 8',
    '>a 5',
    '>>in.npz 5',
    '>out.npz 3',
  ])
})

it('sorts numbers as numbers, words with numbers naturally, missing ones last', () => {
  const columns: Column<{ n?: number; s: string }>[] = [
    { id: 'n', title: '', text: ({ n }) => String(n), raw: ({ n }) => n },
    { id: 's', title: '', text: ({ s }) => s },
  ]
  const rows = [{ n: 10, s: 'b10' }, { s: 'b9' }, { n: 9, s: 'a' }]
  expect(sorted(rows, columns, { column: 'n', descending: false }).map(({ n }) => n)).toEqual([
    9,
    10,
    undefined,
  ])
  expect(sorted(rows, columns, { column: 'n', descending: true }).map(({ n }) => n)).toEqual([
    10,
    9,
    undefined,
  ])
  expect(sorted(rows, columns, { column: 's', descending: false }).map(({ s }) => s)).toEqual([
    'a',
    'b9',
    'b10',
  ])
})

it('fetches each page once, and forgets answers to old questions', async () => {
  const asked: number[] = []
  let hold: (() => void) | undefined
  const pager = new Pager<number>(async (offset, limit) => {
    asked.push(offset)
    if (hold === undefined) await new Promise<void>((resolve) => (hold = resolve))
    return Array.from({ length: limit }, (_, at) => offset + at)
  })
  pager.need(0, 50)
  pager.need(10, 60)
  expect(asked).toEqual([0])
  pager.reset()
  pager.need(250, 310)
  await new Promise((resolve) => setTimeout(resolve))
  hold?.()
  await new Promise((resolve) => setTimeout(resolve))
  expect(asked).toEqual([0, 200, 300])
  expect(pager.at(0)).toBeUndefined()
  expect(pager.at(255)).toBe(255)
})
