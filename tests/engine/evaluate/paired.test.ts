import { describe, expect, it } from 'vitest'
import type { Task, TASKS } from '../../../src/contract/dataset'
import { lossOf, qualityChange } from '../../../src/engine/evaluate/paired'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { seeded } from '../../../src/engine/math/random'
import type { Value } from '../../../src/engine/runtime/value'
import { textLabels } from '../../../src/engine/tasks/transcription/texts'
import { labelRows, type LabelledPicture } from '../../../src/engine/tasks/detection/label-rows'
import { peopleRows, type LabelledPeople } from '../../../src/engine/tasks/keypoints/people'
import { arrayDataset, floats, ints, wires } from './support'

const random = seeded(4)
const N = 40
const uniform = (count: number): number[] => Array.from({ length: count }, () => random.next())
const below = (count: number, n: number): number[] => Array.from({ length: count }, () => random.below(n))

/** Data on which a model is right about half of the time, by task. */
const DATA: Record<Exclude<(typeof TASKS)[number], 'unlabelled'>, [input: Value, labels: Value]> = {
  classification: [floats([N, 3], uniform(3 * N)), ints([N], below(N, 3))],
  'multi-label': [floats([N, 3], uniform(3 * N)), floats([N, 3], below(3 * N, 2))],
  regression: [floats([N, 2], uniform(2 * N)), floats([N, 2], uniform(2 * N))],
  'language-model': [floats([N, 4, 5], uniform(20 * N)), ints([N, 4], below(4 * N, 5))],
  embedding: [floats([N, 4], uniform(4 * N)), ints([N], below(N, 3))],
  segmentation: [floats([N, 2, 4, 4], uniform(32 * N)), ints([N, 4, 4], below(16 * N, 2))],
  matting: [floats([N, 1, 4, 4], uniform(16 * N)), floats([N, 1, 4, 4], below(16 * N, 2))],
  events: [floats([N, 1], uniform(N)), floats([N, 1], below(N, 2))],
  tagging: [floats([N, 6, 3], uniform(18 * N)), ints([N, 6], below(6 * N, 3))],
  restoration: [floats([N, 1, 8, 8], uniform(64 * N)), floats([N, 1, 8, 8], uniform(64 * N))],
  transcription: [
    floats([N, 6, 4], uniform(24 * N)),
    textLabels(below(N, 3).map((c) => ['ab', 'c', 'ba'][c]!)),
  ],
  keypoints: [floats([N, 3, 2], uniform(6 * N)), peopleRows(Array.from({ length: N }, pose), 3)],
  detection: [floats([N, 5, 20], uniform(100 * N)), labelRows(Array.from({ length: N }, picture))],
}

/** A thing of three keypoints in a picture as large as the input. */
function pose(): LabelledPeople {
  const points = Array.from({ length: 3 }, () => ({ x: random.next(), y: random.next(), seen: 2 }))
  const person = { class: 0, ignored: 0 as const, area: 1, left: 0, top: 0, right: 1, bottom: 1, points }
  return { frame: picture().frame, people: [person] }
}

/** A picture as large as the input, a box in it. */
function picture(): LabelledPicture {
  const size = { width: 1, height: 1, inputWidth: 1, inputHeight: 1, scaleX: 1, scaleY: 1 }
  const [left, top] = [random.next() / 2, random.next() / 2]
  const box = { left, top, right: left + 0.4, bottom: top + 0.4, class: 0, ignored: 0 as const }
  return { frame: { ...size, left: 0, top: 0 }, boxes: [box] }
}

const compare = async (task: Task, input: Value, labels: Value, op: string) => {
  const wire = { dims: ['N', ...input.dims.slice(1)] }
  const classes = task === 'transcription' ? ['a', 'b', 'c'] : undefined
  const dataset = arrayDataset({ task, inputs: { x: input }, labels, ...(classes && { classes }) })
  const { original, candidates } = await measureQuality(wires({ x: wire }), [wires({ x: { ...wire, op } })], {
    dataset,
  })
  return [original, candidates[0]!] as const
}

describe.each(Object.entries(DATA))('%s', (task, [input, labels]) => {
  it('is the metric itself where every sample counts once', async () => {
    const [original] = await compare(task as Task, input, labels, 'Identity')
    expect(original.reweighted(new Float64Array(N).fill(1))).toBeCloseTo(original.quality.value, 6)
    expect(original.reweighted(new Float64Array(N).fill(3))).toBeCloseTo(original.quality.value, 6)
  })

  it('has no doubt about an identical candidate, but of answers not seen', async () => {
    const [original, candidate] = await compare(task as Task, input, labels, 'Identity')
    const { value, interval } = qualityChange(original, candidate)
    const { points, low, high } = lossOf(original, candidate)
    expect([value, points]).toEqual([0, 0])
    const doubt = task === 'classification' ? 1.959963984540054 / (N + 2) : 0
    expect(interval[0]).toBeCloseTo(-doubt, 9)
    expect(interval[1]).toBeCloseTo(doubt, 9)
    expect([low, high]).toEqual([expect.closeTo(-100 * doubt, 6), expect.closeTo(100 * doubt, 6)])
  })

  it('holds the loss of another candidate within its interval', async () => {
    const [original, candidate] = await compare(task as Task, input, labels, 'Sin')
    const { points, low, high } = lossOf(original, candidate)
    expect(low).toBeLessThanOrEqual(points)
    expect(high).toBeGreaterThanOrEqual(points)
  })
})

it('is sharper than the two intervals: what is hard for both cancels out', async () => {
  const [input, labels] = DATA.segmentation
  const [original, candidate] = await compare('segmentation', input, labels, 'Sin')
  const { low, high } = lossOf(original, candidate)
  const [worst, best] = original.quality.interval
  expect(high - low).toBeLessThan((100 * (best - worst)) / 4)
})

it('a perfect ranking is perfect in every resample', async () => {
  const rare = Array.from({ length: 2 * N }, (_, i) => (i === 0 || (i % 2 && i % 3) ? 1 : 0))
  const [original] = await compare('multi-label', floats([N, 2], rare), floats([N, 2], rare), 'Identity')
  expect(original.quality).toMatchObject({ value: 1, interval: [1, 1] })
})
