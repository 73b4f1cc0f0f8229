/** The whole way of tasks that arrays and token streams tell; those of pictures, sounds, logs and texts are beside their readers. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { Task } from '../../../src/contract/dataset'
import { openDataset } from '../../../src/engine/data/open'
import type { OpenOptions } from '../../../src/engine/data/open'
import { seeded } from '../../../src/engine/math/random'
import { Model, Tensor, type Dim } from '../../../src/engine/onnx'
import { describeTasks } from '../../../src/engine/tasks'
import { npy, npz, temporaryFolder } from '../data/support'
import { viewsOf, wholeWay } from './whole-way'

const ROWS = 60
const random = seeded(11)
const noise = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal())

/** One operator with weights that stand for themselves. */
function model(
  [op, weights, dims]: [op: string, weights: readonly number[], dims: readonly number[]],
  inputs: Dim[],
  outputs: Dim[],
  dtype: 'float32' | 'int64' = 'float32',
): Model {
  const made = new Model()
  made.opsets.set('', 17)
  made.irVersion = 8
  const { graph } = made
  const name = dtype === 'int64' ? 'input_ids' : 'x'
  graph.inputs = [{ name, dtype, dims: ['N', ...inputs] }]
  graph.outputs = [{ name: 'out', dtype: 'float32', dims: ['N', ...outputs] }]
  graph.initializers.set('w', Tensor.float32([...dims], Float32Array.from(weights)))
  const read = op === 'Gather' ? ['w', name] : [name, 'w']
  graph.addNode({ opType: op, inputs: read, outputs: ['out'] })
  return made
}

const dense = (weights: readonly number[], outputs: number): Model =>
  model(['MatMul', weights, [weights.length / outputs, outputs]], [weights.length / outputs], [outputs])

function arrays(contents: Record<string, [shape: number[], data: Float32Array | BigInt64Array]>): string {
  const file = path.join(temporaryFolder(), 'data.npz')
  const descr = (data: object): string => (data instanceof BigInt64Array ? '<i8' : '<f4')
  const files = Object.entries(contents).map(([name, [shape, data]]): [string, Uint8Array] => [
    name,
    npy(descr(data), shape, data),
  ])
  fs.writeFileSync(file, npz(Object.fromEntries(files)))
  return file
}

const WEIGHTS = [1, -0.5, 0.25, 2, -1, 0.75]
const x = noise(ROWS * 3)
const y = Float32Array.from({ length: ROWS * 2 }, (_, i) =>
  [0, 1, 2].reduce((sum, k) => sum + x[3 * Math.floor(i / 2) + k]! * WEIGHTS[2 * k + (i % 2)]!, 0),
)
const pictures = Float32Array.from({ length: 12 * 256 }, () => random.next())
/** A bigram model that is certain of each next token: those of a cycle. */
const CYCLE = 12
const bigram = Array.from({ length: CYCLE ** 2 }, (_, i) =>
  i % CYCLE === (Math.floor(i / CYCLE) + 5) % CYCLE ? 9 : 0,
)

function stream(): string {
  const folder = temporaryFolder()
  const tokens = Uint16Array.from({ length: 480 }, (_, i) => (5 * i) % CYCLE)
  for (const name of ['train.bin', 'val.bin'])
    fs.writeFileSync(path.join(folder, name), new Uint8Array(tokens.buffer))
  return folder
}

interface Way {
  model: Model
  data: () => string
  options?: OpenOptions
  metric: string
  value: number
  others?: Record<string, number>
  /** What the page of a sample shows. */
  view: 'numbers' | 'neighbours'
}

const WAYS = {
  classification: {
    model: dense(WEIGHTS, 2),
    data: () =>
      arrays({
        x: [[ROWS, 3], x],
        y: [[ROWS], BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(y[2 * i]! < y[2 * i + 1]!))],
      }),
    metric: 'accuracy',
    value: 1,
    view: 'numbers',
  },
  'multi-label': {
    model: dense(WEIGHTS, 2),
    data: () => arrays({ x: [[ROWS, 3], x], y: [[ROWS, 2], y.map((v) => Number(v > 0))] }),
    metric: 'map',
    value: 1,
    view: 'numbers',
  },
  regression: {
    model: dense(WEIGHTS, 2),
    data: () => arrays({ x: [[ROWS, 3], x], y: [[ROWS, 2], y] }),
    metric: 'r2',
    value: 1,
    view: 'numbers',
  },
  embedding: {
    model: dense(WEIGHTS, 2),
    data: () =>
      arrays({
        x: [[ROWS, 3], x],
        y: [[ROWS], BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(y[2 * i]! > 0))],
      }),
    options: { task: 'embedding' },
    metric: 'cosine',
    value: 1,
    others: { rankCorrelation: 1 },
    view: 'neighbours',
  },
  unlabelled: {
    model: dense(WEIGHTS, 2),
    data: () => arrays({ x: [[ROWS, 3], x] }),
    metric: 'cosine',
    value: 1,
    view: 'numbers',
  },
  restoration: {
    model: model(['Mul', new Array<number>(16).fill(0.5), [16]], [1, 16, 16], [1, 16, 16]),
    data: () =>
      arrays({ x: [[12, 1, 16, 16], pictures], y: [[12, 1, 16, 16], pictures.map((v) => v / 2 + 0.1)] }),
    metric: 'psnr',
    // A tenth off everywhere.
    value: 20,
    view: 'numbers',
  },
  'language-model': {
    model: model(['Gather', bigram, [CYCLE, CYCLE]], [8], [8, CYCLE], 'int64'),
    data: stream,
    metric: 'perplexity',
    // One certain of e⁹ against eleven others.
    value: 1 + 11 * Math.exp(-9),
    view: 'numbers',
  },
} satisfies Partial<Record<Task, Way>>

/** Tests of tasks that have a reader of their own. */
const ELSEWHERE = {
  segmentation: '../data/masks/read.test.ts',
  matting: '../data/masks/read.test.ts',
  tagging: '../data/tags.test.ts',
  events: '../data/windows.test.ts',
  detection: '../detection.test.ts',
  keypoints: '../keypoints.test.ts',
  transcription: '../transcription.test.ts',
} satisfies Partial<Record<Task, string>>

it('is gone by every task there is', () => {
  const gone = [...Object.keys(WAYS), ...Object.keys(ELSEWHERE)]
  expect(gone.sort()).toEqual(
    describeTasks()
      .map(({ id }) => id)
      .sort(),
  )
  for (const file of Object.values(ELSEWHERE))
    expect(fs.readFileSync(path.resolve(import.meta.dirname, file), 'utf8')).toContain('await wholeWay(')
})

it.each(Object.entries<Way>(WAYS))('%s: from samples over a candidate to a bundle', async (task, way) => {
  const data = await openDataset(way.data(), way.model, way.options)
  expect(data.task).toBe(task)
  const { original, candidate, detail } = await wholeWay(way.model, data)
  expect(original.quality).toMatchObject({
    metric: way.metric,
    value: expect.closeTo(way.value, 4) as number,
  })
  for (const [name, value] of Object.entries(way.others ?? {}))
    expect(original.quality.others[name]).toBeCloseTo(value, 4)
  expect(candidate.quality.value / way.value).toBeCloseTo(1, 2)
  expect(viewsOf(detail.outputs, way.view)).toHaveLength(2)
  await data.close()
})

it('shows which samples a model finds most alike, and where they stood with the original', async () => {
  const { model: own, data: file, options } = WAYS.embedding
  const data = await openDataset(file(), own, options)
  const { detail } = await wholeWay(own, data, 2)
  const [before, after] = viewsOf(detail.outputs, 'neighbours')
  const rows: number[][] = []
  for await (const { inputs } of data.splits.validation.batches(100)) {
    const values = inputs['x']!.data as Float32Array
    for (let i = 0; i < inputs['x']!.dims[0]!; i++)
      rows.push(
        [0, 1].map((o) => [0, 1, 2].reduce((sum, k) => sum + values[3 * i + k]! * WEIGHTS[2 * k + o]!, 0)),
      )
  }
  const cosine = ([a = 0, b = 0]: number[], [c = 0, d = 0]: number[]): number =>
    (a * c + b * d) / Math.hypot(a, b) / Math.hypot(c, d)
  const best = rows
    .map((row, index) => ({ index, likeness: cosine(rows[2]!, row) }))
    .filter(({ index }) => index !== 2)
    .sort((a, b) => b.likeness - a.likeness)
  expect(before!.among).toBe(rows.length - 1)
  expect(before!.found.map(({ index }) => index)).toEqual(best.slice(0, 5).map(({ index }) => index))
  for (const [i, { likeness, was, same, label }] of before!.found.entries()) {
    expect(likeness).toBeCloseTo(best[i]!.likeness, 5)
    expect(was).toBeUndefined()
    expect(typeof same).toBe('boolean')
    expect(label).toMatch(/^[01]$/)
  }
  for (const { index, was } of after!.found) expect(best[was! - 1]!.index).toBe(index)
  await data.close()
})
