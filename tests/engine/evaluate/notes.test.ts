import { expect, test } from 'vitest'
import type { Report } from '../../../src/contract/report'
import type { Dataset } from '../../../src/engine/data/dataset'
import { GREY, notesOf, type NoteContext } from '../../../src/engine/evaluate/notes'
import { report } from '../../renderer/fake/fixtures'

const given = { splits: { validation: { origin: 'given' } } } as unknown as Dataset
const shared = { splits: { validation: { origin: 'shared' } } } as unknown as Dataset
const context: NoteContext = { own: 1, integer: false, dataset: given, grey: false, lowerBound: false }
const original = report({ path: '/a/model.onnx' })

const notes = (part: Partial<Report>, more: Partial<NoteContext> = {}, others: Report[] = []): string[] => {
  const own = report({ path: '/a/small.onnx', bytes: 60_000, downloadBytes: 50_000, ...part })
  return notesOf(own, [original, own, ...others], { ...context, ...more })
}

test('where nothing is to be said nothing is', () => {
  expect(notes({})).toEqual([])
  expect(notesOf(original, [original], { ...context, own: 0 })).toEqual([])
})

test('pictures without colour are told in the original’s report too', () => {
  expect(notes({}, { grey: true })).toEqual([GREY])
  expect(notesOf(original, [original], { ...context, own: 0, grey: true })).toEqual([GREY])
})

test('labels that are all alike, or of some classes only, are told with the figures', () => {
  const labelled = (...confusion: number[][]): string[] => notes({ confusion, classes: ['a', 'b', 'c'] })
  expect(labelled([9, 0, 1], [0, 0, 0], [0, 0, 0])).toEqual([
    'Every validation label is the class “a”: on these no score tells a good model from a bad one.',
  ])
  expect(labelled([9, 0, 1], [0, 0, 0], [0, 0, 4])).toEqual([
    "The validation samples show 2 of the model's 3 classes: what is lost on the others is not seen.",
  ])
  expect(labelled([9, 0, 1], [0, 1, 0], [0, 0, 4])).toEqual([])
})

test('a speed is told only as far as its interval bears it out', () => {
  const ratio = (value: number, low: number, high: number) =>
    ({ latencyRatio: { value, interval: [low, high] } }) as Partial<Report>
  expect(notes(ratio(0.5, 0.45, 0.55))).toEqual([])
  expect(notes(ratio(1, 0.97, 1.04))).toEqual([
    'No difference in speed to the original can be told on this machine.',
  ])
  // Certain, and too small to matter.
  expect(notes(ratio(1.03, 1.01, 1.04))).toEqual([])
  expect(notes(ratio(0.97, 0.96, 0.99))).toEqual([])
  expect(notes(ratio(0.1, 0.03, 0.33))).toEqual([
    'The machine was too busy to tell the speed: between 0.03× and 0.33× the original’s time.',
  ])
  const slow = ratio(2.345, 2.1, 2.6)
  expect(notes(slow)).toEqual([
    'It is slower than the original here: 2.35× slower a sample on this machine. For speed, the original is the better choice.',
  ])
  const fast = report({ path: '/b/fast.onnx', ...ratio(0.4, 0.35, 0.45) })
  expect(notes(slow, { integer: true }, [fast])).toEqual([
    'Integer arithmetic is slower than float here: 2.35× slower a sample on this machine. For speed, fast.onnx is the better choice.',
  ])
})

test('medians that say something else than the runs in turn are told which counts', () => {
  const latency = (p50: number) => ({ ...original.latencyMs, p50 })
  const timed = (before: number, now: number) =>
    notes({
      latencyMs: latency(now),
      originalLatencyMs: latency(before),
      latencyRatio: { value: 1 / 1.57, interval: [1 / 1.62, 1 / 1.52] },
    })
  expect(timed(40.5, 35.4)).toEqual([
    'The medians, 40.5 ms and 35.4 ms, would be 1.14× faster; run by run in turn it is 1.57× faster, which counts: the machine was not equally busy all along.',
  ])
  expect(timed(40.5, 25.8)).toEqual([])
})

test('a change in quality that chance explains is called so, and only that', () => {
  const change = (value: number, low: number, high: number): Partial<Report> =>
    ({ qualityChange: { value, interval: [low, high] }, accuracy: original.quality.value + value }) as never
  expect(notes(change(-0.0028, -0.011, 0.0056))).toEqual([
    'With 360 samples a difference of 0.28 points cannot be told from chance (95% interval of the change −1.1 to +0.6 points).',
  ])
  expect(notes(change(-0.00003, -0.0001, 0.00002))).toEqual([
    'With 360 samples a difference of less than 0.01 points cannot be told from chance (95% interval of the change −0.01 to 0 points).',
  ])
  expect(notes(change(-0.05, -0.07, -0.03))).toEqual([])
  expect(notes(change(0, 0, 0))).toEqual([])
})

test('a file that gained nothing says so, to keep and to download', () => {
  expect(notes({ bytes: original.bytes + 1 })).toEqual(['The file is larger than the original’s.'])
  expect(notes({ bytes: original.bytes, downloadBytes: original.downloadBytes + 1 })).toEqual([
    'The file is smaller, but compressed for download it is larger than the original’s.',
  ])
})

test('what the data cannot show is said of every report, the original included', () => {
  const unlabelled = { quality: { ...original.quality, task: 'unlabelled' as const } }
  const random = { quality: { ...unlabelled.quality, split: 'random' as const } }
  expect(notes(random)).toEqual([
    'No data was given: inputs are random, and only the likeness to the original is measured.',
  ])
  expect(notes(unlabelled)).toEqual([
    'The data has no labels: the measure is how closely the outputs follow the original model.',
  ])
  const own = { ...context, own: 0, dataset: shared, lowerBound: true }
  expect(notesOf(original, [original], own)).toEqual([
    'The validation samples were also used to calibrate or train, so the quality shown may flatter.',
    'Memory was measured inside the engine process and is a lower bound.',
  ])
})

test('an estimate is never shown without that word and its source', () => {
  const [note] = notes({ targetLatency: { target: 'ios', ratio: 0.51234, source: 'a table' } })
  expect(note).toBe(
    'Estimate for ios, not a measurement: 1.95× faster there, from the costs of each operator. Figures of the device: a table.',
  )
})
