import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { readModel, writeModel } from '../../../src/engine/onnx'
import { compareJobs } from '../../../src/engine/jobs/comparing'
import { forgetOpenData, withOpenData } from '../../../src/engine/jobs/data'
import { writeJson } from '../../../src/disk/write'
import { scaled } from '../run/support'
import { answerOf, best, given, listening } from './support'
import { numbers } from '../evaluate/support'

afterEach(forgetOpenData)

const { histogram, diff, operators, compareSamples, compareSample } = compareJobs

/** The tiny model with its weights times `factor`, beside the original. */
function withCandidate(factor: number) {
  const request = given(best)
  const candidate = path.join(request.folder, 'candidate.onnx')
  writeModel(scaled(readModel(request.model), factor), candidate)
  return { ...request, candidate }
}

const total = (bins: readonly number[]): number => bins.reduce((sum, bin) => sum + bin, 0)

test('weights twice as large are counted in bins twice as far out', async () => {
  const { model, candidate } = withCandidate(2)
  const { edges, before, after } = await histogram({ model, candidate, layer: 'h' }, listening())
  expect([total(before), total(after!)]).toEqual([12, 12])
  const reach = (bins: readonly number[]): number =>
    Math.max(...bins.flatMap((bin, i) => (bin > 0 ? [Math.abs(edges[i]!), Math.abs(edges[i + 1]!)] : [])))
  const width = edges[1]! - edges[0]!
  // The largest of sin 1 … sin 12 is |sin 11| = 0.99999.
  expect(Math.abs(reach(after!) - 2)).toBeLessThanOrEqual(width)
  expect(Math.abs(reach(before) - 1)).toBeLessThanOrEqual(width)
  await expect(histogram({ model, layer: 'nowhere' }, listening())).rejects.toMatchObject({
    code: 'not-found',
  })
})

test('another weight is a change of its node alone', async () => {
  const { model, candidate } = withCandidate(2)
  expect((await diff({ model, candidate }, listening())).counts).toEqual({
    same: 1,
    changed: 1,
    removed: 0,
    added: 0,
  })
  expect((await diff({ model }, listening())).counts).toMatchObject({ same: 2, changed: 0 })
})

test('operators are timed in both models', async () => {
  const request = withCandidate(2)
  const times = await operators(request, listening())
  const product = times.find(({ op }) => /MatMul|Gemm/.test(op))!
  expect(product.original).toBeGreaterThan(0)
  expect(product.original).toBeLessThan(1000)
  expect(product.candidate).toBeGreaterThan(0)
})

const kept = (answers: number[]) => ({
  index: answers.map((_, i) => i),
  label: answers.map(() => 0),
  answer: answers,
  score: answers.map(() => 0.9),
})

test('rows come from what was kept of each candidate', async () => {
  const { folder } = given()
  const results = ['a.json', 'b.json'].map((name) => path.join(folder, name))
  writeJson(results[0]!, { original: kept([0, 0, 1, 1]), candidate: kept([0, 1, 1, 0]) })
  writeJson(results[1]!, { original: kept([0, 0, 1, 1]), candidate: kept([0, 0, 1, 2]) })
  const query = { results, task: 'classification' as const, filter: 'changed' as const, offset: 0, limit: 10 }
  const page = await compareSamples(query, listening())
  expect(page.counts).toEqual({ all: 4, changed: 2, 'now-wrong': 1, 'now-right': 1 })
  expect(page.rows.map(({ index }) => index)).toEqual([1, 3])
  expect(page.rows.map(({ candidates }) => candidates.map(({ changed }) => changed))).toEqual([
    [true, false],
    [true, true],
  ])
  const gone = path.join(folder, 'gone.json')
  const ragged = { ...kept([0, 0]), score: [1] }
  const damaged = [undefined, {}, { original: 5, candidate: 5 }, { original: ragged, candidate: ragged }]
  for (const value of damaged) {
    if (value) writeJson(gone, value)
    expect(() => compareSamples({ ...query, results: [gone] }, listening())).toThrow(
      expect.objectContaining({ code: 'not-found' }) as Error,
    )
  }
})

test('one sample side by side shows what each model answers for it', async () => {
  const request = withCandidate(3)
  const results = [path.join(request.folder, 'a.json')]
  const samples = kept([1, 1, 1, 1])
  writeJson(results[0]!, { original: samples, candidate: samples })
  const query = {
    ...request,
    candidates: [{ name: 'Tripled', model: request.candidate }],
    results,
    task: 'classification' as const,
  }
  const { outputs, row, preview } = await compareSample({ ...query, index: 2 }, listening())
  expect([row.index, preview.index]).toEqual([2, 2])
  const raw = withOpenData(request.model, request.data, async (data) => {
    for await (const { inputs } of data.splits.validation.batches(1, { indices: [2] }))
      return Array.from(inputs.x!.data as Float32Array)
    return []
  })
  const answer = answerOf(await raw)
  expect(outputs.map(({ name }) => name)).toEqual(['Original', 'Tripled'])
  const top = best(answer)
  // Softmax of the answer and of three times the answer.
  const softmax = (values: number[]): number => {
    const powers = values.map((value) => Math.exp(value))
    return powers[top]! / powers.reduce((sum, power) => sum + power, 0)
  }
  expect(numbers(outputs[0]!).values[0]!.value).toBeCloseTo(softmax(answer), 4)
  expect(numbers(outputs[1]!).values[0]!.value).toBeCloseTo(softmax(answer.map((value) => 3 * value)), 4)
  await expect(compareSample({ ...query, index: 77 }, listening())).rejects.toMatchObject({
    code: 'not-found',
  })
})
