import { describe, expect, it } from 'vitest'
import { errorShare, layerNames } from '../../../src/renderer/lib/layers'
import { scaleOf } from '../../../src/renderer/steps/compare/bars'
import { classRows, shareChange } from '../../../src/renderer/steps/compare/classes'
import { answersOf } from '../../../src/renderer/steps/compare/feel'
import { loadedBy } from '../../../src/renderer/steps/export/loads'
import { original, project, report } from '../fake/fixtures'

const typed = (text: string): string => text.replaceAll(/\s/g, ' ')

describe('the three answers', () => {
  const candidate = report({
    bytes: 68_500,
    downloadBytes: 21_080,
    accuracy: 0.9722,
    p50: 0.2,
    latencyRatio: { value: 0.5, interval: [0.48, 0.52] },
    qualityChange: { value: -0.0056, interval: [-0.011, -0.001] },
  })

  it('say before and after, by how much, and what that is like', () => {
    const [size, time, quality] = answersOf(original, candidate)
    expect([size!.said, typed(size!.before!.text), typed(size!.after.text)]).toEqual([
      '10.9× smaller',
      '229 kB',
      '21.1 kB',
    ])
    expect(size!.felt).toMatch(/^10 of it fit where the original fits once/)
    expect(time).toMatchObject({ said: '2× faster', better: true })
    expect(time!.felt).toContain('5,000 answers a second on this machine, instead of 2,500')
    expect(quality).toMatchObject({ better: false, most: 1 })
    expect(quality!.felt).toBe('28 wrong answers in 1,000, instead of 22.')
  })

  it('are held against the limit on the axis it is judged on', () => {
    const [size, time, quality] = answersOf(original, candidate, {
      maxBytes: 60_000,
      maxLatency: 0.6,
      maxDrop: 1,
    })
    expect(size!.limit).toMatchObject({ kept: false })
    expect(time!.limit).toMatchObject({ kept: true })
    expect(quality!.limit!.at).toBeCloseTo(0.9678)
    expect(answersOf(original, candidate, { maxDrop: 0.5 })[2]!.limit!.kept).toBe(false)
  })

  it('call nothing better or worse that may be chance, and compare no times that were not taken in turn', () => {
    const unsure = report({
      ...{ accuracy: 0.975, latencyRatio: { value: 0.97, interval: [0.9, 1.05] } },
      qualityChange: { value: -0.0028, interval: [-0.01, 0.004] },
    })
    const [, time, quality] = answersOf(original, unsure)
    expect([time!.better, quality!.better]).toEqual([undefined, undefined])
    expect(quality!.felt).toMatch(/may be chance/)
    expect(time!.felt).not.toContain('instead of')
    const alone = answersOf(original, report({}))[1]!
    expect([alone.said, alone.before]).toEqual(['speed not compared', undefined])
    expect(alone.felt).not.toContain('instead of')
  })
})

describe('the scale of bars', () => {
  it('begins at zero and holds every whisker and the limit', () => {
    const rows = [{ name: 'a', value: 4, interval: [3, 9] as const }]
    expect(scaleOf({ rows })).toEqual({ min: 0, max: expect.closeTo(9.54) })
    expect(scaleOf({ rows, limit: 20 }).max).toBeGreaterThan(20)
    const lost = scaleOf({ rows: [{ name: 'a', value: -0.2, interval: [-0.6, 0.1] }], difference: true })
    expect(lost.min).toBeLessThan(-0.6)
    expect(lost.max).toBeGreaterThan(0.1)
    expect(scaleOf({ rows: [{ name: 'a', value: 0 }] })).toEqual({ min: 0, max: expect.closeTo(0.06) })
  })
})

describe('classes', () => {
  it('change within the interval of Newcombe 1998, method 10', () => {
    // His example (a) of table II: 56 of 70 against 48 of 80.
    const [low, high] = shareChange(48, 56, 80, 70)
    expect([low, high]).toEqual([expect.closeTo(0.0524, 4), expect.closeTo(0.3339, 4)])
    const same = shareChange(36, 36, 36)
    expect(same[0]).toBeLessThan(0)
    expect(same[1]).toBeGreaterThan(0)
    expect(shareChange(0, 0, 0)).toEqual([-1, 1])
    expect(classRows(original, [original])[0]!.intervals).toHaveLength(1)
  })
})

it('a layer has one name in every step, and the most error the longest bar', () => {
  const names = layerNames(project())
  expect([...names.values()]).toContain('/conv1/Conv')
  expect(layerNames(undefined).size).toBe(0)
  expect([0, 20, 40].map(errorShare)).toEqual([1, 0.1, expect.closeTo(0.01)])
})

describe('what the pasted code loads', () => {
  const entries = ['model.onnx', 'model.onnx.data', 'model.ort', 'manifest.json', 'golden/0.bin'].map(
    (name, at) => ({ name, bytes: 1000 - at, downloadBytes: 100, what: '' }),
  )
  const plan = (...code: string[]) => ({
    ...{ entries, bytes: 1, downloadBytes: 1, checks: [] },
    snippets: code.map((text, at) => ({ language: `l${at}`, title: '', code: text })),
  })
  const names = (found: { name: string }[]): string[] => found.map(({ name }) => name)

  it('stands first, with the weights beside it', () => {
    const made = plan('open("model.ort")', 'open("model.onnx"); read("manifest.json")')
    expect(names(loadedBy(made))).toEqual(['model.ort'])
    expect(names(loadedBy(made, 'l1'))).toEqual(['model.onnx', 'model.onnx.data'])
  })

  it('without code is the largest model', () => {
    expect(names(loadedBy(plan()))).toEqual(['model.onnx', 'model.onnx.data'])
  })
})
