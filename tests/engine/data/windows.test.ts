/** Long logs cut into windows, and the whole way of a monitor that raises alarms on them. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { openDataset } from '../../../src/engine/data/open'
import { labelOf, segmentsOf } from '../../../src/engine/data/windows'
import { seeded } from '../../../src/engine/math/random'
import { Model, Tensor, type Dim } from '../../../src/engine/onnx'
import { viewsOf, wholeWay } from '../tasks/whole-way'
import { temporaryFolder } from './support'

/** An alarm where two channels shake: sigmoid of their mean square. */
function monitor(dims: Dim[] = [2, 16], time = 2): Model {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['N', ...dims] }]
  graph.outputs = [{ name: 'alarm', dtype: 'float32', dims: ['N', 1] }]
  graph.initializers.set('w', Tensor.float32([2, 1], [4, 4]))
  graph.initializers.set('b', Tensor.float32([1], [-4]))
  graph.addNode({ opType: 'Mul', inputs: ['x', 'x'], outputs: ['square'] })
  graph.addNode({
    opType: 'ReduceMean',
    inputs: ['square'],
    outputs: ['power'],
    attributes: { axes: { ints: [time] }, keepdims: { int: 0 } },
  })
  graph.addNode({ opType: 'Gemm', inputs: ['power', 'w', 'b'], outputs: ['score'] })
  graph.addNode({ opType: 'Sigmoid', inputs: ['score'], outputs: ['alarm'] })
  return model
}

const ROWS = 3200
/** Shakes in every fourth stretch of 80 rows; the clock stands still for a minute after 1000 rows. */
function log(rows = ROWS): string {
  const random = seeded(3)
  const lines = ['time,ax,ay,label']
  for (let i = 0; i < rows; i++) {
    const shakes = Math.floor(i / 80) % 4 === 3
    const [x, y] = [0, 1].map(() => (shakes ? 2 : 0.2) * (random.next() - 0.5) * 2)
    lines.push(
      `${(i * 0.01 + (i >= 1000 ? 60 : 0)).toFixed(2)},${x!.toFixed(3)},${y!.toFixed(3)},${Number(shakes)}`,
    )
  }
  const file = path.join(temporaryFolder(), 'log.csv')
  fs.writeFileSync(file, lines.join('\n'))
  return file
}

it('goes from a log over a candidate and its clips to a bundle that proves itself', async () => {
  const model = monitor()
  const data = await openDataset(log(), model, { seconds: 0.16 })
  expect(data.task).toBe('events')
  // 62 windows of 16 rows before the gap, 137 after it.
  expect(data.summary().samples).toBe(199)
  expect(data.summary().notes.join(' ')).toContain('none across one of the 1 gaps')
  const { original, candidate, detail } = await wholeWay(model, data, 3)
  expect(original.quality).toMatchObject({ metric: 'eventF1', value: 1 })
  expect(original.quality.others).toMatchObject({ missed: 0, falseAlarmsPerHour: 0 })
  expect(original.blocks).toBeDefined()
  expect(candidate.quality.value).toBe(1)
  for (const view of viewsOf(detail.outputs, 'events')) {
    expect(view.scores).toHaveLength(view.truth.length)
    expect(view.scores.length).toBeGreaterThan(4)
    expect(view.scores.map((score) => Number(score >= view.threshold))).toEqual(view.truth)
  }
  await data.close()
})

it('lays steps before channels where the model does, overlaps by stride, labels by rule', async () => {
  const file = log(400)
  const data = await openDataset(file, monitor(['T', 2], 1), {
    task: 'events',
    window: { length: 20, stride: 10, label: 'any' },
  })
  expect(data.summary().samples).toBe(39)
  expect(data.spec.window).toEqual({ length: 20, stride: 10, label: 'any' })
  const lines = fs.readFileSync(file, 'utf8').split('\n')
  for (const split of [data.splits.validation, data.splits.training])
    for await (const { inputs } of split.batches(64))
      for (let row = 0; row < inputs['x']!.dims[0]!; row++) {
        expect(inputs['x']!.dims.slice(1)).toEqual([20, 2])
        const values = Array.from(inputs['x']!.data as Float32Array).slice(row * 40, row * 40 + 4)
        const [first, second] = [0, 2].map((i) => `${values[i]!.toFixed(3)},${values[i + 1]!.toFixed(3)},`)
        const at = lines.findIndex((line, i) => line.includes(first!) && lines[i + 1]?.includes(second!))
        expect((at - 1) % 10).toBe(0)
      }
  await data.close()
})

it('says why windows that are asked for cannot be', async () => {
  await expect(openDataset(log(40), monitor(['T', 2], 1), { window: {} })).rejects.toMatchObject({
    data: { code: 'data/spec', reason: expect.stringContaining('how long') as string },
  })
  await expect(openDataset(log(40), monitor([3, 16]), { window: {} })).rejects.toMatchObject({
    data: { code: 'data/spec', reason: expect.stringContaining('2 channels') as string },
  })
  await expect(openDataset(log(10), monitor())).rejects.toMatchObject({ data: { code: 'data/empty' } })
})

it('finds gaps by the usual step, and where time goes back', () => {
  expect(segmentsOf([0, 1, 2, 9, 10, 4, 5], 7)).toEqual({
    segments: [
      [0, 3],
      [3, 5],
      [5, 7],
    ],
    step: 1,
  })
  expect(segmentsOf([], 4).segments).toEqual([[0, 4]])
})

it.each([
  ['most', 'walk'],
  [undefined, 'walk'],
  ['last', 'sit'],
  ['any', 'walk'],
] as const)('labels a window by the rule %s', (rule, label) => {
  expect(labelOf(['0', '1.5', '2.25'])).toBe('2.25')
  expect(labelOf(['0', 'walk', 'walk', 'sit'], rule)).toBe(label)
})
