/** The labelled sets beside the checkout, as numbers: what a model must be fed, and what it then answers right. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { unzipSync } from 'fflate'
import { readModel, Tensor, writeModel } from '../../src/engine/onnx'
import type { Value } from '../../src/engine/runtime/value'
import type { LabelledSet } from './data-forms'
import { linesOfText, turnedLines } from './text-lines'
import { formsOf, inBatches, rowsOf, SPLIT_FILES, type DataSet } from './truth'
import { BACKGROUND_FORMS, COLUMN_FORMS, CROPPED_FORMS, PICTURE_FORMS, WINDOW_FORMS } from './form-tables'

/** Of an NPY file of version 1 in float32 or int64. Source: numpy.lib.format. */
function parseNpy(bytes: Uint8Array): { dims: number[]; data: Float32Array } {
  const length = 10 + bytes[8]! + 256 * bytes[9]!
  const header = Buffer.from(bytes.subarray(10, length)).toString('latin1')
  const dims = /'shape': \(([\d, ]*)\)/
    .exec(header)![1]!
    .split(',')
    .filter((text) => text.trim())
    .map(Number)
  const body = bytes.slice(length).buffer
  const data = header.includes('<i8')
    ? Float32Array.from(new BigInt64Array(body), Number)
    : new Float32Array(body)
  return { dims, data }
}

/** Whole numbers [samples, …] of an archive, by name. */
function readIds(file: string): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(unzipSync(fs.readFileSync(file))).map(([name, bytes]) => {
      const { dims, data } = parseNpy(bytes)
      return [path.parse(name).name, { dtype: 'int64', dims, data: BigInt64Array.from(data, BigInt) }]
    }),
  )
}

function readSplit(file: string): { x: Value; labels: number[] } {
  const archive = unzipSync(fs.readFileSync(file))
  const { dims, data } = parseNpy(archive['x.npy']!)
  return { x: { dtype: 'float32', dims, data }, labels: [...parseNpy(archive['y.npy']!).data] }
}

type Splits = Record<keyof typeof SPLIT_FILES, ReturnType<typeof readSplit>>

const splitsIn = (folder: string): Splits =>
  Object.fromEntries(
    Object.entries(SPLIT_FILES).map(([split, name]) => [split, readSplit(path.join(folder, `${name}.npz`))]),
  ) as Splits

function setOf(
  splits: Splits,
  dims: readonly number[],
  raw: (value: number) => number,
  names?: readonly string[],
): LabelledSet {
  const entries = Object.entries(splits).map(([split, { x, labels }]) => [
    split,
    { samples: rowsOf(x).map((row) => Float64Array.from(row, raw)), labels },
  ])
  return { dims, splits: Object.fromEntries(entries) as LabelledSet['splits'], ...(names && { names }) }
}

const DIGITS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']

/** Paragraphs and their ids, 64 each: files as they are, or with class numbers, or with nothing but ids and numbers. */
function textForms(from: string, classes: readonly string[]): DataSet['forms'] {
  const splits = Object.keys(SPLIT_FILES)
  const texts =
    (label: (name: string) => unknown) =>
    async (folder: string): Promise<void> => {
      fs.copyFileSync(path.join(from, 'tokenizer.json'), path.join(folder, 'tokenizer.json'))
      for (const split of splits) {
        const lines = fs
          .readFileSync(path.join(from, `${split}.jsonl`), 'utf8')
          .trim()
          .split('\n')
        const rows = lines.map((line) => JSON.parse(line) as { text: string; label: string })
        const made = rows.map(({ text, label: name }) => JSON.stringify({ text, label: label(name) }))
        fs.writeFileSync(path.join(folder, `${split}.jsonl`), made.join('\n'))
      }
    }
  return {
    'JSONL with names': texts((name) => name),
    'JSONL with numbers': texts((name) => classes.indexOf(name)),
    'NPZ of ids': async (folder) => {
      for (const split of splits)
        fs.copyFileSync(path.join(from, `${split}_ids.npz`), path.join(folder, `${split}.npz`))
    },
  }
}

/** Batches of 40 of every array, as the model's inputs are called. */
function inBatchesOf(values: Record<string, Value>, size = 40): Record<string, Value>[] {
  const [first] = Object.values(values)
  return Array.from({ length: Math.ceil(first!.dims[0]! / size) }, (_, i) =>
    Object.fromEntries(
      Object.entries(values).map(([name, { dims, data }]) => {
        const row = data.length / dims[0]!
        const part = (data as BigInt64Array).slice(i * size * row, (i + 1) * size * row)
        return [name, { dtype: 'int64', dims: [part.length / row, ...dims.slice(1)], data: part }]
      }),
    ),
  )
}

/** The same model with one output more before its own, which no label belongs to. */
function withBackground(file: string): string {
  const folder = path.join(os.tmpdir(), `pare-suite-background-${process.pid}`)
  const to = path.join(folder, path.basename(file))
  if (fs.existsSync(to)) return to
  const model = readModel(file)
  const { graph } = model
  const [scores] = graph.outputs
  const inputs = [Tensor.int64([0, 1, 0, 0]), Tensor.scalar('float32', -30)].map((tensor) =>
    graph.addInitializer('background', tensor),
  )
  const wider = graph.freshName('with_background')
  graph.addNode({ opType: 'Pad', inputs: [scores!.name, ...inputs], outputs: [wider] })
  graph.outputs = [{ name: wider, dtype: 'float32', dims: [scores!.dims?.[0] ?? null, 11] }]
  fs.mkdirSync(folder, { recursive: true })
  writeModel(model, to)
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  return to
}

export async function dataSets(shared: string): Promise<Record<string, DataSet>> {
  const data = (...parts: string[]): string => path.join(shared, 'reference', 'data', ...parts)
  const models = (...names: string[]): string[] =>
    names.map((name) => path.join(shared, 'reference', 'models', `${name}.onnx`))
  const digits = splitsIn(data('digits', 'npz'))
  const bearing = splitsIn(data('bearing', 'npz'))
  const control = splitsIn(data('control'))
  const of = (splits: Splits): DataSet['truth'] => ({
    inputs: inBatches('x', splits.validation.x),
    labels: splits.validation.labels,
  })
  const paragraphs = JSON.parse(fs.readFileSync(data('text', 'labels.json'), 'utf8')) as string[]
  const { y, ...ids } = readIds(data('text', 'validation_ids.npz'))
  const bearings = ['normal', 'inner_race', 'outer_race', 'ball', 'imbalance', 'misalignment']
  return {
    digits: {
      models: models('lenet300', 'lenet5', 'lenet5_legacy'),
      forms: formsOf(
        setOf(digits, [28, 28, 1], (v) => Math.round(v * 255), DIGITS),
        PICTURE_FORMS,
      ),
      truth: of(digits),
    },
    'digits beside a border': {
      models: models('lenet5'),
      forms: formsOf(
        setOf(digits, [28, 28, 1], (v) => Math.round(v * 255)),
        CROPPED_FORMS,
      ),
      truth: of(digits),
    },
    'digits after a background': {
      models: [withBackground(models('lenet5')[0]!)],
      forms: formsOf(
        setOf(digits, [28, 28, 1], (v) => Math.round(v * 255)),
        BACKGROUND_FORMS,
      ),
      truth: { ...of(digits), labels: digits.validation.labels.map((label) => label + 1) },
    },
    'turned lines': await turnedLines(path.join(shared, 'zoo')),
    'lines of text': await linesOfText(path.join(shared, 'zoo')),
    'digits one by one': {
      models: [path.join(shared, 'zoo', 'models', 'mnist_cntk.onnx')],
      forms: formsOf(
        setOf(digits, [28, 28, 1], (v) => Math.round(v * 255)),
        BACKGROUND_FORMS,
      ),
      truth: { ...of(digits), inputs: inBatches('x', digits.validation.x, 1) },
    },
    bearing: {
      models: models('cnn1d', 'cnn1d_bn_legacy'),
      forms: formsOf(
        setOf(bearing, [3, 1024], (v) => v * 256, bearings),
        WINDOW_FORMS,
      ),
      truth: of(bearing),
    },
    text: {
      models: models('bert', 'bert_legacy'),
      forms: textForms(data('text'), paragraphs),
      truth: { inputs: inBatchesOf(ids), labels: Array.from(y!.data as BigInt64Array, Number) },
    },
    control: {
      models: models('mlp'),
      forms: formsOf(setOf(control, [5], Number), COLUMN_FORMS),
      truth: of(control),
    },
  }
}
