import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { SearchGoal } from '../../../src/contract/goal'
import type { Trial } from '../../../src/contract/trial'
import { amountText, lossText, pointsLost } from '../../../src/contract/points'
import { lossOf } from '../../../src/engine/evaluate/paired'
import { measureQuality, type ModelQuality } from '../../../src/engine/evaluate/quality'
import { seeded } from '../../../src/engine/math/random'
import { encodeModel, Tensor, type Model } from '../../../src/engine/onnx'
import type { Values } from '../../../src/engine/runtime'
import { runTrial, type TrialRunner } from '../../../src/engine/search/trial-runner'
import { arrayDataset, floats, ints, wires } from './support'

const N = 30
const random = seeded(9)
const inputs = {
  x: floats(
    [N, 2],
    Array.from({ length: 2 * N }, () => random.normal()),
  ),
  v: floats(
    [N, 5],
    Array.from({ length: 5 * N }, () => random.normal()),
  ),
  age: floats(
    [N, 1],
    Array.from({ length: N }, () => random.normal()),
  ),
}
const truth = Array.from({ length: N }, (_, i) => Number(inputs.x.data[2 * i + 1]! > inputs.x.data[2 * i]!))
const dataset = arrayDataset({
  task: 'classification',
  inputs,
  labels: ints([N], truth),
  classes: ['a', 'b'],
})

/** Classes, a vector and a number a sample as three outputs, each by its own operator. */
const heads = ({ v = 'Identity', age = 'Identity' } = {}): Model =>
  wires({
    x: { dims: ['N', 2], to: 'logits' },
    v: { dims: ['N', 5], op: v, to: 'vector' },
    age: { dims: ['N', 1], op: age, to: 'years' },
  })

async function measured(candidate: Model, unused?: string[]): Promise<[ModelQuality, ModelQuality]> {
  const data = { ...dataset, spec: { ...dataset.spec, ...(unused && { unused }) } }
  const { original, candidates } = await measureQuality(heads(), [candidate], { dataset: data, batchSize: 7 })
  return [original, candidates[0]!]
}

/** Mean cosine of rows, in double precision. */
function meanCosine(value: Values[string], of: (v: number) => number): number {
  const width = value.dims[1]!
  const data = value.data as Float32Array
  let sum = 0
  for (let row = 0; row < N; row++) {
    const a = Array.from(data.subarray(row * width, (row + 1) * width))
    const b = a.map(of)
    const dot = (p: number[], q: number[]): number => p.reduce((total, one, i) => total + one * q[i]!, 0)
    sum += dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
  }
  return sum / N
}

it('holds every output that no label judges against the original’s, and loses what the worst of them does', async () => {
  const [original, candidate] = await measured(heads({ v: 'Sin' }))
  expect(original.quality.beside).toBeUndefined()
  const likeness = meanCosine(inputs.v, Math.sin)
  expect(candidate.quality).toMatchObject({ metric: 'accuracy', value: 1 })
  expect(candidate.quality.beside).toEqual([
    { output: 'vector', likeness: expect.closeTo(likeness, 6) },
    { output: 'years', likeness: 1 },
  ])
  const lost = pointsLost(original.quality, candidate.quality)
  expect(lost).toBeCloseTo(100 * (1 - likeness), 4)
  expect(lossText(candidate.quality, lost)).toMatch(/^losing [\d.]+ points of likeness in output “vector”$/)
})

it('judges one number a sample by the variance it explains, as its cosine says nothing', async () => {
  const [, candidate] = await measured(heads({ age: 'Sin' }))
  const ages = Array.from(inputs.age.data as Float32Array)
  const mean = ages.reduce((a, b) => a + b, 0) / N
  const spread = ages.reduce((sum, age) => sum + (age - mean) ** 2, 0)
  const errors = ages.reduce((sum, age) => sum + (age - Math.sin(age)) ** 2, 0)
  expect(candidate.quality.beside![1]).toEqual({
    output: 'years',
    likeness: expect.closeTo(1 - errors / spread, 5),
  })
})

it('has a loss within its interval, as wide as chance makes the worst output', async () => {
  const [original, candidate] = await measured(heads({ v: 'Sin', age: 'Sin' }))
  const { points, low, high } = lossOf(original, candidate)
  expect(points).toBe(pointsLost(original.quality, candidate.quality))
  expect(low).toBeLessThan(points)
  expect(high).toBeGreaterThan(points)
})

it('lets outputs be anything that are called unused, and names one that is not there', async () => {
  const [original, candidate] = await measured(heads({ v: 'Neg', age: 'Sin' }), ['vector', 'years'])
  expect(candidate.quality.beside).toBeUndefined()
  expect(pointsLost(original.quality, candidate.quality)).toBe(0)
  await expect(measured(heads(), ['bones'])).rejects.toMatchObject({
    data: { code: 'data/spec', reason: expect.stringContaining('“bones”') as string },
  })
})

it('counts outputs that are not finite, whatever the judged one answers', async () => {
  const broken = heads()
  broken.graph.initializers.set('nan', Tensor.float32([1], Float32Array.of(NaN)))
  const { nodes } = broken.graph
  nodes.find(({ outputs }) => outputs[0] === 'vector')!.outputs[0] = 'plain'
  broken.graph.addNode({ opType: 'Add', inputs: ['plain', 'nan'], outputs: ['vector'] })
  const [, candidate] = await measured(broken)
  expect(candidate.nonFinite).toBe(N)
  expect(candidate.quality).toMatchObject({ value: 1, beside: [{ output: 'vector', likeness: 0 }, {}] })
})

it('a gain stands where no other output lost what is shown', () => {
  const quality = {
    metric: 'accuracy',
    value: 0.9,
    higherIsBetter: true,
    samples: 9,
  } as ModelQuality['quality']
  const better = { ...quality, value: 0.95, beside: [{ output: 'v', likeness: 0.99999 }] }
  expect(pointsLost(quality, better)).toBeCloseTo(-5)
  expect(pointsLost(quality, { ...better, beside: [{ output: 'v', likeness: 0.98 }] })).toBeCloseTo(2)
})

it('a search drops what ruins an output that no label judges', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-beside-'))
  const files = { original: heads(), same: heads(), ruined: heads({ v: 'Neg' }) }
  for (const [name, model] of Object.entries(files))
    fs.writeFileSync(path.join(folder, `${name}.onnx`), encodeModel(model))
  const trial = (name: string): Promise<Trial> =>
    runTrial(
      { key: name, round: 1, why: '', recipe: { pare: 1, name, description: '', steps: [] } },
      {
        original: path.join(folder, 'original.onnx'),
        data: dataset,
        parts: { subset: dataset, search: dataset } as unknown as TrialRunner['parts'],
        goal: SearchGoal.parse({ kind: 'search', maxDrop: 1 }),
        signal: new AbortController().signal,
        build: () =>
          Promise.resolve({
            file: path.join(folder, `${name}.onnx`),
            bytes: 1,
            downloadBytes: 1,
            steps: [],
            passSeconds: {},
          }),
      },
    )
  expect(await trial('same')).toMatchObject({ state: 'kept', pointsLost: 0 })
  expect(await trial('ruined')).toMatchObject({ state: 'dropped', pointsLost: expect.closeTo(200) as number })
})

it('an amount that reads as one is one point', () => {
  expect([1, 1.004, 0.62].map((amount) => amountText('accuracy', amount))).toEqual([
    '1 point',
    '1 point',
    '0.62 points',
  ])
})
