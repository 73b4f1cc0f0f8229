/** Lines of text as pictures: for a model that reads them, and for one that tells which are turned over. */
import fs from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import type { Value } from '../../src/engine/runtime/value'
import { formsOf, inBatches, SPLIT_FILES, type DataSet } from './truth'
import { LINE_FORMS } from './form-tables'

const SPLITS = Object.keys(SPLIT_FILES)

const LINE = { width: 192, height: 48, channels: 3 } as const

/** Lines of text upright and turned over, for a model that tells which. */
export async function turnedLines(zoo: string): Promise<DataSet> {
  const from = path.join(zoo, 'data', 'text-lines')
  const files = fs.readdirSync(from).filter((name) => name.endsWith('.png'))
  const splits: Record<string, { samples: Uint8Array[]; labels: number[] }> = {}
  for (const [i, name] of files.entries())
    for (const label of [0, 1]) {
      const split = (splits[Object.keys(SPLIT_FILES)[i % 3]!] ??= { samples: [], labels: [] })
      const line = sharp(path.join(from, name))
        .rotate(180 * label)
        .removeAlpha()
      split.samples.push(await line.resize(LINE.width, LINE.height, { fit: 'fill' }).raw().toBuffer())
      split.labels.push(label)
    }
  const { samples, labels } = splits['validation']!
  const size = LINE.width * LINE.height
  const data = new Float32Array(samples.length * 3 * size)
  for (const [i, sample] of samples.entries())
    for (let at = 0; at < 3 * size; at++)
      data[i * 3 * size + at] = (sample[(at % size) * 3 + 2 - Math.floor(at / size)]! / 255 - 0.5) / 0.5
  const x: Value = { dtype: 'float32', dims: [samples.length, 3, LINE.height, LINE.width], data }
  const set = { dims: [LINE.height, LINE.width, 3], splits, names: ['upright', 'turned'] }
  return {
    models: [path.join(zoo, 'models', 'ocr_cls.onnx')],
    forms: formsOf(set, LINE_FORMS),
    truth: { inputs: inBatches('x', x, 10), labels },
  }
}

/** A file that lists pictures with their texts, by its name. */
const LISTS: Readonly<
  Record<string, [name: string, list: (rows: readonly (readonly [string, string])[]) => string]>
> = {
  'PNG and a list': [
    'labels.csv',
    (rows) => ['file,text', ...rows.map(([file, text]) => `${file},"${text}"`)].join('\n'),
  ],
  'PNG and JSON lines': [
    'metadata.jsonl',
    (rows) => rows.map(([file_name, text]) => JSON.stringify({ file_name, text })).join('\n'),
  ],
}

/** Lines with what is written in them, for a model that reads. */
export async function linesOfText(zoo: string): Promise<DataSet> {
  const from = path.join(zoo, 'data', 'text-lines')
  const [, ...rows] = fs.readFileSync(path.join(from, 'labels.csv'), 'utf8').trim().split(/\r?\n/)
  const all = rows.map((row) => row.split(',') as [string, string])
  const inSplit = (split: string): [string, string][] => all.filter((_, i) => SPLITS[i % 3] === split)
  const forms = Object.entries(LISTS).map(([form, [name, list]]) => [
    form,
    async (folder: string): Promise<void> => {
      fs.copyFileSync(path.join(from, 'characters.txt'), path.join(folder, 'characters.txt'))
      for (const split of SPLITS) {
        fs.mkdirSync(path.join(folder, split))
        fs.writeFileSync(path.join(folder, split, name), list(inSplit(split)))
        for (const [file] of inSplit(split))
          fs.copyFileSync(path.join(from, file), path.join(folder, split, file))
      }
    },
  ])
  const judged = inSplit('validation')
  const inputs = await Promise.all(
    judged.map(async ([file]) => ({ x: await pixelsOf(path.join(from, file)) })),
  )
  const characters = fs.readFileSync(path.join(from, 'characters.txt'), 'utf8').trimEnd().split('\n')
  return {
    models: [path.join(zoo, 'models', 'ocr_rec.onnx')],
    forms: Object.fromEntries(forms) as DataSet['forms'],
    truth: { inputs, labels: judged.map(([, text]) => text), characters: ['', ...characters, ' '] },
  }
}

/** As the owners of the model feed it: from −1 to 1. */
async function pixelsOf(file: string): Promise<Value> {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const size = info.width * info.height
  const at = (i: number): number => (data[(i % size) * 3 + Math.floor(i / size)]! / 255 - 0.5) / 0.5
  return {
    dtype: 'float32',
    dims: [1, 3, info.height, info.width],
    data: Float32Array.from({ length: 3 * size }, (_, i) => at(i)),
  }
}
