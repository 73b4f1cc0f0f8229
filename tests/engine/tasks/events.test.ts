import { expect, it } from 'vitest'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { alarmsOf, counted } from '../../../src/engine/tasks/events/alarms'
import { events } from '../../../src/engine/tasks/events/events'
import { waveOf } from '../../../src/engine/tasks/wave-view'
import { arrayDataset, floats, wires } from '../evaluate/support'

const marks = (text: string): boolean[] => Array.from(text, (c) => c === '1')

/** Two clips of twelve and six steps. */
const line = {
  truth: marks('001110000110' + '110000'),
  alarm: marks('010011000001' + '100110'),
  follows: marks('011111111111' + '011111'),
}

it('counts events and alarms once each, not beyond their clips', () => {
  const alarms = alarmsOf(line)
  expect(alarms).toEqual({
    events: [{ at: 2, delay: 2 }, { at: 9 }, { at: 12, delay: 0 }],
    falseAlarms: [1, 11, 15],
  })
  expect(counted(alarms)).toEqual({ found: 2, missed: 1, falseAlarms: 3, f1: 0.5 })
  const weights = Float64Array.from(line.truth, (_, i) => (i < 12 ? 0 : 2))
  expect(counted(alarms, weights)).toEqual({ found: 2, missed: 0, falseAlarms: 2, f1: 4 / 6 })
  expect(counted({ events: [], falseAlarms: [] }).f1).toBe(1)
})

const measure = async (scores: number[], truth: number[], seconds?: number) => {
  const dims = [scores.length, 1]
  const dataset = arrayDataset({
    task: 'events',
    inputs: { x: floats(dims, scores) },
    labels: floats(dims, truth),
  })
  if (seconds) Object.assign(dataset.spec, { seconds })
  return (await measureQuality(wires({ x: { dims: ['N', 1] } }), [], { dataset })).original
}

it('tells false alarms an hour where it is known how long a sample lasts', async () => {
  // 2 events, one missed; 6 quiet samples of 2 minutes, in one of which the alarm is false.
  const quality = await measure([0.9, 0.2, 0.1, 0.7, 0.1, 0.1, 0.1, 0.1], [1, 1, 0, 0, 0, 0, 0, 0], 120)
  expect(quality.quality).toMatchObject({
    metric: 'eventF1',
    value: 0.5,
    others: { missed: 0.5, falseAlarms: 1, falseAlarmsPerHour: 5, delaySeconds: 0 },
  })
  expect(quality.notes).toEqual([])
})

it('reads logits from zero on, and says what it would need for rates', async () => {
  const { quality, notes, nonFinite, output } = await measure([3, -2, NaN, 0.5], [1, 0, 1, 1])
  expect(quality.value).toBeCloseTo(0.8, 12)
  expect(quality.others['falseAlarmsPerHour']).toBeUndefined()
  expect(nonFinite).toBe(1)
  expect(notes.join(' ')).toContain('“seconds”')
  expect(output.reason).toContain('logit')
})

it('draws scores and the wave of a clip', () => {
  const steps = [0, 1, 2].map((i) => ({
    x: floats(
      [1, 64],
      Array.from({ length: 64 }, (_, t) => Math.sin(t) * (i + 1)),
    ),
  }))
  const wave = waveOf(steps)!
  expect(wave).toHaveLength(192)
  expect(Math.max(...wave.map(([, high]) => high))).toBeLessThanOrEqual(1)
  expect(waveOf([{ x: floats([1, 3, 64], new Array<number>(192).fill(0)) }])).toBeUndefined()
  const label = floats([1, 1], [1])
  const outputs = [{ y: floats([1, 1], [0.7]) }]
  const choice = events.choose(outputs[0]!, { rows: 1, labels: label })
  const shown = { outputs: [outputs], labels: [label], inputs: steps.slice(0, 1), at: 0 }
  const [view] = events.view!({ outputs, choice, label, steps: shown }) as {
    scores: number[]
    truth: number[]
  }[]
  expect(view).toMatchObject({ kind: 'events', truth: [1], at: 0, threshold: 0.5 })
  expect(view!.scores[0]).toBeCloseTo(0.7, 6)
})
