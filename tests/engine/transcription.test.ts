/** Readers of lines: from pictures with texts to the bundle, and one of others on some of its lines. */
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDataset } from '../../src/engine/data/open'
import { measureQuality } from '../../src/engine/evaluate/quality'
import { readModel, Tensor } from '../../src/engine/onnx'
import { distill } from '../../src/engine/passes/distill'
import { writeLines } from '../e2e/kinds-fixtures'
import { temporaryFolder } from './data/support'
import { viewsOf, wholeWay } from './tasks/whole-way'
import { contextOf } from './training/support'

const zoo = path.resolve('..', 'shared', 'zoo')
/** Some of the lines, which a model of this size takes its time for. */
const LINES = 5

function someLines(): string {
  const [from, folder] = [path.join(zoo, 'data/text-lines'), temporaryFolder()]
  const [head, ...rows] = fs.readFileSync(path.join(from, 'labels.csv'), 'utf8').trim().split('\n')
  fs.writeFileSync(path.join(folder, 'labels.csv'), [head, ...rows.slice(0, LINES)].join('\n'))
  for (const row of rows.slice(0, LINES)) {
    const [name] = row.split(',')
    fs.copyFileSync(path.join(from, name!), path.join(folder, name!))
  }
  fs.copyFileSync(path.join(from, 'characters.txt'), path.join(folder, 'characters.txt'))
  return folder
}

describe.skipIf(!fs.existsSync(zoo))('PaddleOCR’s reader', () => {
  it('reads lines by its list of characters', async () => {
    const file = path.join(zoo, 'models/ocr_rec.onnx')
    const data = await openDataset(someLines(), readModel(file))
    expect(data.task).toBe('transcription')
    expect(data.summary().description).toBe('5 images of 6623 characters')
    const { original } = await measureQuality(file, [], { dataset: data, split: 'training' })
    expect(original.output.reason).toContain('the blank first, a space last')
    expect(original.quality.metric).toBe('cer')
    expect(original.quality.value).toBeLessThan(0.05)
    await data.close()
  })
})

it('goes from evaluating over a candidate and its samples to a bundle that proves itself', async () => {
  const [file, folder] = (await writeLines(temporaryFolder())) as [string, string]
  const model = readModel(file)
  const data = await openDataset(folder, model, { preprocessing: { mean: [0], std: [1] } })
  const { original, candidate, detail, bundle, manifest } = await wholeWay(model, data)
  expect(original.quality).toMatchObject({ metric: 'cer', value: 0, others: { wer: 0, exact: 1 } })
  expect(candidate.samples.text).toEqual(original.samples.truth)
  for (const { truth, parts } of viewsOf(detail.outputs, 'text')) expect(truth).toEqual(parts)
  const text = (name: string): string => fs.readFileSync(path.join(bundle, name), 'utf8')
  const { answer, golden } = manifest
  // All that a program needs to spell the answers out.
  expect(answer).toEqual({ output: 'scores', text: { axis: 1, blank: 0 } })
  expect(text('labels.txt')).toBe('\na\nb\nc\nd\ne\n')
  expect(golden.map(({ label }) => label)).toEqual(original.samples.truth!.slice(0, golden.length))
  expect(text('README.md')).toMatch(/raw samples[^\n]*texts are right, 0 of \d+ characters wrong/)
  await data.close()
})

it('a damaged reader learns its scores again from the original, and says why not from texts: only their order means something', async () => {
  const [file, folder] = (await writeLines(temporaryFolder())) as [string, string]
  const original = readModel(file)
  const data = await openDataset(folder, original, { preprocessing: { mean: [0], std: [1] } })
  const damaged = original.clone()
  const { dims } = original.graph.initializers.get('w')!
  const weights = original.graph.initializers.get('w')!.floats()
  damaged.graph.initializers.set(
    'w',
    Tensor.float32(
      dims,
      weights.map((w, i) => (i % 3 ? w : 0)),
    ),
  )
  const settings = { learningRate: 0.02, batchSize: 4, heldOut: 0, epochs: 20 }
  const { model, summary } = await distill.run(damaged, settings, contextOf(original, data))
  expect(summary).toContain('by its scores the texts are hardly likelier than by equal ones')
  const { original: before, candidates } = await measureQuality(original, [damaged, model], {
    dataset: data,
    split: 'training',
  })
  expect(before.quality.value).toBe(0)
  const [broken, mended] = candidates.map(({ quality }) => quality.value)
  expect(broken).toBeGreaterThan(0.2)
  expect(mended).toBeLessThan(0.5 * broken!)
  await data.close()
})
