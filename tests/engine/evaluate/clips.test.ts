/** Steps of clips: each model with its own states, intervals over whole clips. The reference is the recurrence by hand. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ViewOf } from '../../../src/contract/sample-views'
import type { Dataset } from '../../../src/engine/data/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { lossOf, qualityChange, type Paired } from '../../../src/engine/evaluate/paired'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { sampleDetail } from '../../../src/engine/evaluate/sample-detail'
import { makeGolden } from '../../../src/engine/export/golden'
import { blocksOf } from '../../../src/engine/math/statistics'
import { Tensor, writeModel, type Model } from '../../../src/engine/onnx'
import { Net } from '../passes/pruning/build'
import { npy, npz, write } from '../data/support'

const [CLIPS, STEPS, WIDTH] = [40, 12, 2]

/** state_out = keep · state + x, y = state_out². */
function leaky(keep: number): Model {
  const net = new Net()
  const [x, state] = [net.input('x', ['N', WIDTH]), net.input('state', ['N', WIDTH])]
  const kept = net.op('Mul', [state, net.constant('keep', Tensor.float32([1], [keep]))])
  net.model.graph.addNode({ opType: 'Add', inputs: [kept, x], outputs: ['state_out'] })
  net.model.graph.addNode({ opType: 'Mul', inputs: ['state_out', 'state_out'], outputs: ['y'] })
  for (const name of ['y', 'state_out'])
    net.model.graph.outputs.push({ name, dtype: 'float32', dims: ['N', WIDTH] })
  return net.done()
}

// Clips are steady or alternating: steps of one tell the same, and less than as many from all over.
const x = Float32Array.from({ length: CLIPS * STEPS * WIDTH }, (_, i) => {
  const [clip, step] = [Math.floor(i / (STEPS * WIDTH)), Math.floor(i / WIDTH) % STEPS]
  return i % WIDTH === 0 || clip % 2 === 0 ? 1 : step % 2 === 0 ? 2 : -2
})

let data: Dataset
let folder: string
let files: { name: string; model: string }[]
beforeAll(async () => {
  folder = write(fs.mkdtempSync(path.join(os.tmpdir(), 'clips-')), {
    'clips.npz': npz({ x: npy('<f4', [CLIPS, STEPS, WIDTH], x) }),
  })
  files = [0.9, 0.5].map((keep) => {
    const file = path.join(folder, `${keep}.onnx`)
    writeModel(leaky(keep), file)
    return { name: String(keep), model: file }
  })
  data = await openDataset(path.join(folder, 'clips.npz'), leaky(0.9))
})
afterAll(async () => {
  await data.close()
  fs.rmSync(folder, { recursive: true })
})

/** Steps of the validation split from the start of the clip that `index` lies in, by their inputs. */
async function clipAt(index: number): Promise<Float32Array[]> {
  const rows: Float32Array[] = []
  for await (const { inputs, follows } of data.splits.validation.batches(1, { limit: index + 1 })) {
    if (!follows![0]) rows.length = 0
    rows.push(Float32Array.from(inputs['x']!.data as Float32Array))
  }
  return rows
}

function byHand(rows: readonly Float32Array[], keep: number): number[] {
  const state = new Array<number>(WIDTH).fill(0)
  for (const row of rows) for (let i = 0; i < WIDTH; i++) state[i] = keep * state[i]! + row[i]!
  return state
}

test.each([0, 5, 11])('the page of step %i shows what each model makes of the clip', async (index) => {
  const row = { index, original: { answer: '', score: 0 }, candidates: [] }
  const { outputs } = await sampleDetail({ dataset: data, index, models: files, row })
  const rows = await clipAt(index)
  for (const [i, keep] of [0.9, 0.5].entries())
    for (const [j, state] of byHand(rows, keep).entries())
      expect((outputs[i]!.view as ViewOf<'numbers'>).values[j]!.value).toBeCloseTo(state ** 2, 4)
})

test('golden samples are steps that a device can run one after another', async () => {
  const model = leaky(0.5)
  const { samples } = await makeGolden({
    file: files[1]!.model,
    model,
    dataset: data,
    count: 3,
    integer: false,
  })
  expect(samples.map(({ follows }) => follows)).toEqual([undefined, true, true])
  for (const [i, { inputs, outputs }] of samples.entries()) {
    const rows = await clipAt(i)
    const before = i === 0 ? samples[0]!.inputs['state']! : samples[i - 1]!.outputs['state_out']!
    expect(inputs['state']!.data).toEqual(before.data)
    for (const [j, state] of byHand(rows, 0.5).entries())
      expect((outputs['state_out']!.data as Float32Array)[j]).toBeCloseTo(state, 4)
  }
  const drawn = await makeGolden({ file: files[1]!.model, model, count: 2, integer: false })
  expect(drawn.samples[1]!.inputs['state']!.data).toEqual(drawn.samples[0]!.outputs['state_out']!.data)
})

test('intervals resample clips as wholes', async () => {
  const { original, candidates } = await measureQuality(files[0]!.model, [files[1]!.model], { dataset: data })
  const [candidate] = candidates
  const clips = data.splits.validation.length / STEPS
  // Few clips are cut, so that there are twenty blocks.
  expect(candidate!.blocks!.length).toBeGreaterThanOrEqual(Math.max(clips, 20))
  const width = ({ interval }: { interval: readonly [number, number] }): number => interval[1] - interval[0]
  const alone: Paired = { ...candidate!, blocks: undefined }
  expect(width(qualityChange(original, candidate!))).toBeGreaterThan(
    1.2 * width(qualityChange(original, alone)),
  )
  expect(candidate!.quality.interval[0]).toBeLessThan(candidate!.quality.value)
  expect(candidate!.quality.interval[1]).toBeGreaterThan(candidate!.quality.value)
})

test('so do those of accuracy: answers that a clip shares count once', () => {
  const [clips, steps] = [30, 10]
  const n = clips * steps
  // The candidate loses every third clip, all of it.
  const label = new Array<number>(n).fill(1)
  const answer = label.map((_, i) => (Math.floor(i / steps) % 3 === 0 ? 0 : 1))
  const share = (answers: readonly number[]) => (weights: Float64Array) =>
    answers.reduce((sum, one, i) => sum + (one === 1 ? weights[i]! : 0), 0) /
    weights.reduce((a, b) => a + b, 0)
  const paired = (answers: number[], blocks?: readonly number[]): Paired => ({
    quality: {
      metric: 'accuracy',
      value: share(answers)(new Float64Array(n).fill(1)),
      samples: n,
      interval: [0, 1],
      higherIsBetter: true,
      others: {},
      split: 'validation',
      task: 'classification',
    },
    samples: { index: label.map((_, i) => i), label, answer: answers, score: answers },
    reweighted: share(answers),
    ...(blocks && { blocks }),
  })
  const blocks = blocksOf(label.map((_, i) => i % steps !== 0))!
  expect(blocks).toEqual(Array.from({ length: clips }, (_, i) => i * steps))
  const [apart, together] = [
    lossOf(paired(label), paired(answer)),
    lossOf(paired(label, blocks), paired(answer, blocks)),
  ]
  const width = ({ low, high }: { low: number; high: number }): number => high - low
  expect(together.points).toBeCloseTo(100 / 3, 6)
  // A clip in the place of ten samples: √10 times as wide.
  expect(width(together) / width(apart)).toBeGreaterThan(Math.sqrt(10) * 0.8)
  expect(width(together) / width(apart)).toBeLessThan(Math.sqrt(10) * 1.2)
})
