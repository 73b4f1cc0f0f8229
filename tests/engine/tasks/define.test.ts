/** Tasks of plug-ins: the short way held against a task of Pare's that is judged the same way, bad ones refused. */
import { expect, it } from 'vitest'
import { recogniseTask, evaluatedOutput } from '../../../src/engine/data/tasks'
import { take } from '../../../src/engine/jobs/plugins'
import { defineTask } from '../../../src/engine/tasks/define'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { isAdded, taskOf } from '../../../src/engine/tasks'
import { TASKS } from '../../../src/contract/dataset'
import { arrayDataset, floats, wires } from '../evaluate/support'
import { declares } from '../data/support'

const [rows, width] = [40, 3]
const x = floats(
  [rows, width],
  Array.from({ length: rows * width }, (_, i) => Math.sin(i)),
)
const labels = floats(
  [rows, width],
  Array.from({ length: rows * width }, (_, i) => Math.sin(i) + 0.1 * Math.cos(7 * i)),
)
const model = wires({ x: { dims: ['N', width] } })

const absolute = defineTask({
  id: 'mean-distance',
  metric: 'mae',
  higherIsBetter: false,
  score: (output, label) => {
    expect(output.dims).toEqual([width])
    return (
      label.data.reduce((sum, value, i) => sum + Math.abs(value - output.data[i]!), 0) / label.data.length
    )
  },
})
take({ tasks: [absolute] })

it('the mean of a score is what the same task of Pare says, with an interval around it', async () => {
  const own = await measureQuality(model, [], {
    dataset: arrayDataset({ task: 'mean-distance', inputs: { x }, labels }),
  })
  const theirs = await measureQuality(model, [], {
    dataset: arrayDataset({ task: 'regression', inputs: { x }, labels }),
  })
  const { value, interval, metric, higherIsBetter, samples } = own.original.quality
  expect([metric, higherIsBetter, samples]).toEqual(['mae', false, rows])
  expect(value).toBeCloseTo(theirs.original.quality.others['mae']!, 6)
  expect(interval[0]).toBeLessThan(value)
  expect(interval[1]).toBeGreaterThan(value)
  // The standard error of the mean, as the bootstrap finds it.
  const { score } = own.original.samples
  const variance = score.reduce((sum, s) => sum + (s - value) ** 2, 0) / (rows - 1)
  expect((interval[1] - interval[0]) / 2).toBeCloseTo(1.96 * Math.sqrt(variance / rows), 2)
})

it('answers that are no numbers count as the worst of the others', () => {
  const meter = absolute.meter({ names: ['y'], form: 'values', scale: 'logits', classes: 0, reason: '' })
  const outputs = { y: floats([3, width], [0, 0, 0, NaN, 0, 0, 2, 2, 2]) }
  const truth = floats([3, width], new Array<number>(9).fill(0))
  meter.add({ indices: [0, 1, 2], rows: 3, outputs, labels: truth, reference: outputs })
  const { quality, nonFinite, samples } = meter.result()
  expect(nonFinite).toBe(1)
  expect(samples.score).toEqual([0, 2, 2])
  expect(quality.value).toBeCloseTo(4 / 3, 6)
})

it('it is meant where it is named, by labels as they are', () => {
  const classifier = declares([['x', ['N', 8]]], [['y', ['N', 3]]])
  const recognise = (task: string, facts: Parameters<typeof recogniseTask>[2]) =>
    recogniseTask(classifier, evaluatedOutput(classifier), facts, { task })
  expect(recognise('mean-distance', { kind: 'names', names: ['a', 'b'] })).toMatchObject({
    task: 'mean-distance',
    targets: { kind: 'class', byName: true },
    classes: ['a', 'b'],
  })
  expect(recognise('mean-distance', { kind: 'none' }).targets).toEqual({ kind: 'none' })
  expect(() => recognise('mean-distanse', { kind: 'none' })).toThrow(
    expect.objectContaining({
      code: 'data/spec',
      data: expect.objectContaining({ reason: expect.stringContaining('mean-distance') }),
    }),
  )
})

it('what is no task is refused where it is declared or taken', () => {
  const score = (): number => 0
  expect(() => defineTask({ id: 'Not An Id', metric: 'mine', score })).toThrow()
  expect(() => defineTask({ id: 'mine', metric: 'not a name', score })).toThrow()
  expect(() => defineTask({ id: 'mine', metric: 'mine' } as never)).toThrow('neither score nor')
  expect(() => take({ tasks: [absolute] })).toThrow('already')
  expect(() => take({ tasks: [defineTask({ id: 'regression', metric: 'mine', score })] })).toThrow('already')
  expect(() => take({ tasks: [{ id: 'x' }] })).toThrow()
  expect(taskOf('mean-distance')).toBe(absolute)
})

it('each task that the contract has words for is declared, and a plug-in’s is told from them', () => {
  for (const id of TASKS) expect([taskOf(id).id, isAdded(id)]).toEqual([id, false])
  expect(isAdded('mean-distance')).toBe(true)
})
