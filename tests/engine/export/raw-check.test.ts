/** A bundle that would read samples otherwise than they were measured, or guesses, is never written. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { formatMetric } from '../../../src/contract/metrics'
import type { Dataset } from '../../../src/engine/data/dataset'
import { findPreprocessing } from '../../../src/engine/data/find'
import { openDataset, type OpenOptions } from '../../../src/engine/data/open'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { exportBundle } from '../../../src/engine/export/bundle'
import { Manifest } from '../../../src/engine/export/manifest'
import { seeded } from '../../../src/engine/math/random'
import { readModel, Tensor, writeModel } from '../../../src/engine/onnx'
import { findTarget } from '../../../src/engine/targets'
import { declares, temporaryFolder, write } from '../data/support'

const sample = (...parts: string[]): string => path.resolve('resources/samples', ...parts)
const digits = sample('digits', 'lenet5.onnx')

async function bundleOf(dataset: Dataset, model = digits): Promise<string> {
  const out = path.join(temporaryFolder(), 'bundle')
  try {
    const request = { model, name: 'digits', target: findTarget('any'), dataset }
    return (await exportBundle(request, { form: 'folder', out })).path
  } catch (cause) {
    // Not even a part of it.
    expect(fs.readdirSync(path.dirname(out))).toEqual([])
    throw cause
  } finally {
    await dataset.close()
  }
}

const open = (): Promise<Dataset> => openDataset(sample('digits', 'data'), readModel(digits))

test('golden samples are there as the user has them, with what is expected of them', async () => {
  const bundle = await bundleOf(await open())
  const file = path.join(bundle, 'manifest.json')
  const { golden } = Manifest.parse(JSON.parse(fs.readFileSync(file, 'utf8')))
  expect(golden).toHaveLength(3)
  const classes = sample('digits', 'data', 'validation')
  for (const { raw, label } of golden) {
    const picture = fs.readFileSync(path.join(bundle, raw!['image']!))
    const own = fs.readdirSync(path.join(classes, label as string))
    const same = own.filter((name) =>
      fs.readFileSync(path.join(classes, label as string, name)).equals(picture),
    )
    expect(same).toHaveLength(1)
  }
  expect(fs.readFileSync(path.join(bundle, 'README.md'), 'utf8')).toContain('raw samples')
})

test('a description that gives the model other numbers stops the export', async () => {
  const dataset = await open()
  const form = dataset.form!.inputs
  if (form.kind !== 'image') throw new Error('digits are pictures')
  const wrong = { ...dataset, form: { inputs: { ...form, scale: 1 } } }
  await expect(bundleOf(wrong)).rejects.toMatchObject({
    data: { code: 'export/not-reproduced', sample: 1, input: form.inputs[0]!.name },
  })
})

test('a model that answers like guessing stops the export', async () => {
  const dataset = await open()
  const { preprocessing } = dataset
  if (preprocessing.kind !== 'image') throw new Error('digits are pictures')
  const black = dataset.variant({ preprocessing: { ...preprocessing, scale: 0 } })
  await expect(bundleOf(black)).rejects.toMatchObject({ data: { code: 'export/at-chance' } })
  // The order of the classes is a part of it.
  const classes = [...dataset.classes!.slice(3), ...dataset.classes!.slice(0, 3)]
  const rotated = (await open()).variant({ classes })
  await expect(bundleOf(rotated)).rejects.toMatchObject({ data: { code: 'export/at-chance' } })
})

const checks = (bundle: string): string => fs.readFileSync(path.join(bundle, 'README.md'), 'utf8')
const answerIn = (bundle: string): Manifest['answer'] =>
  Manifest.parse(JSON.parse(fs.readFileSync(path.join(bundle, 'manifest.json'), 'utf8'))).answer

test('events are judged as events: how far scores lie from 0 and 1 says nothing of them', async () => {
  const model = sample('wake', 'wake.onnx')
  const dataset = await openDataset(sample('wake', 'data'), readModel(model), { task: 'events' })
  const { quality } = (await measureQuality(model, [], { dataset })).original
  const bundle = await bundleOf(dataset, model)
  expect(checks(bundle)).toContain(`F1 over events ${formatMetric('eventF1', quality.value)} of 90`)
  expect(answerIn(bundle)).toMatchObject({ threshold: 0.5 })
})

const columns = ['a', 'b', 'c']

/** A table of three columns and labels, and a model of products of them: an output a matrix. */
function linear(
  rows: number,
  outputs: Record<string, number[][]>,
  labels: (row: number[]) => (number | string)[],
): string {
  const folder = temporaryFolder()
  const random = seeded(2)
  const table = Array.from({ length: rows }, () => columns.map(() => random.normal()))
  const names = labels(table[0]!).map((_, k) => `y${k}`)
  const lines = table.map((row) => [...row.map((v) => v.toFixed(4)), ...labels(row)].join(','))
  write(folder, { 'data.csv': [[...columns, ...names].join(','), ...lines].join('\n') })
  const model = declares(
    [['x', ['N', 3]]],
    Object.entries(outputs).map(([name, matrix]) => [name, ['N', matrix[0]!.length]]),
  )
  model.opsets.set('', 17)
  for (const [name, matrix] of Object.entries(outputs)) {
    model.graph.addInitializer(`${name}/w`, Tensor.float32([3, matrix[0]!.length], matrix.flat()))
    model.graph.addNode({ opType: 'MatMul', inputs: ['x', `${name}/w`], outputs: [name] })
  }
  writeModel(model, path.join(folder, 'linear.onnx'))
  return folder
}

const opened = (folder: string, options: OpenOptions = {}): Promise<Dataset> =>
  openDataset(path.join(folder, 'data.csv'), readModel(path.join(folder, 'linear.onnx')), options)

test('several labels told by logits are no guess, however large the logits are', async () => {
  const matrix = [
    [40, 0],
    [0, 40],
    [0, 0],
  ]
  const folder = linear(200, { logits: matrix }, ([a, b]) => [Number(a! > 0), Number(b! > 0)])
  const bundle = await bundleOf(await opened(folder), path.join(folder, 'linear.onnx'))
  expect(checks(bundle)).toContain('Mean average precision 100%')
  expect(answerIn(bundle)).toMatchObject({ output: 'logits', threshold: 0 })
})

test('the answer of a bundle is the output that its quality was measured by', async () => {
  const [one, other] = [
    [[0.3], [-1], [0.5]],
    [[1], [2], [0]],
  ]
  const folder = linear(200, { hidden: one, value: other }, ([a, b]) => [a! + 2 * b!])
  const dataset = await opened(folder, { output: 'value' })
  expect(answerIn(await bundleOf(dataset, path.join(folder, 'linear.onnx'))).output).toBe('value')
})

test('of two classes told by one score a bundle says the name, whichever of them the score is for', async () => {
  const folder = linear(200, { score: [[5], [0], [0]] }, ([a]) => [a! > 0 ? 'churned' : 'stays'])
  const model = path.join(folder, 'linear.onnx')
  const dataset = await opened(folder)
  const score = async (one: Dataset): Promise<number> =>
    (await measureQuality(model, [], { dataset: one })).original.quality.value
  const [found] = await findPreprocessing(readModel(model), dataset, score)
  expect(found).toMatchObject({ better: true, classes: ['stays', 'churned'] })
  const right = dataset.variant({ classes: found!.classes! })
  const bundle = await bundleOf(right, model)
  expect(checks(bundle)).toContain('40 of 40 answers are right')
  expect(checks(bundle)).toContain('LABELS[int(run(*prepare(raw)).reshape(-1)[0] > 0)]')
  expect(answerIn(bundle)).toMatchObject({ output: 'score', threshold: 0 })
})
