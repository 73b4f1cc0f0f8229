/** Reads CSV and TSV: one column of labels, the other columns together are the input (or one group per input). */
import { PareError } from '../../contract/errors'
import { sizeOf, type ValueInfo } from '../onnx'
import { sourceOfArrays } from './array-source'
import type { NamedArray } from './arrays'
import { concatSources } from './concat'
import { fitRows, rowDims } from './convert'
import { isMissing, numberOf, openCsv, type CsvFile } from './csv'
import type { DataRecord } from './json-lines'
import { LabelColumn } from './label-column'
import { labelRank } from './names'
import type { Reader, ReaderContext } from './reader'
import { RowWriter } from './row-writer'
import type { Rows, Source } from './source'
import type { Watch } from './spool'
import { evaluatedOutput } from './tasks'
import { textInputs, textKeys, textSource } from './text'

export const readTable: Reader = async (place, context) => {
  const sources: Source[] = []
  for (const file of place.files) sources.push(await tableOrTexts(file, context))
  return [{ source: concatSources(sources) }]
}

/** Which columns make which array. */
interface Layout {
  /** Array name → positions of its columns. */
  groups: Map<string, number[]>
  /** Positions of the label columns: none, one, or several numbers. */
  labels: number[]
}

const LOOK_ROWS = 200

/** Columns that are tried one by one on a model with several inputs. */
const MOST_ARRAYS = 256

/** A table with a column of texts, for a model that reads tokens, is texts. */
async function tableOrTexts(file: string, context: ReaderContext): Promise<Source> {
  const csv = await openCsv(file)
  const text = csv.hasHeader ? textInputs(context.inputs) : undefined
  if (text)
    for await (const values of asRecords(csv)) {
      const keys = textKeys(values.values, text.ids.name, context.options.label)
      if (keys) return textSource(file, asRecords(csv, context.options), keys, context)
      break
    }
  return tableOf(file, csv, context)
}

async function* asRecords(csv: CsvFile, watch: Watch = {}): AsyncGenerator<DataRecord> {
  for await (const { where, cells } of csv.records(watch))
    yield {
      where,
      values: Object.fromEntries(csv.columns.map((name, i) => [name, cells[i]])),
    }
}

/** Rows of cells as samples. Throws `data/empty`, `data/unreadable` with the line, `data/shape-mismatch`. */
export async function tableOf(file: string, csv: CsvFile, context: ReaderContext): Promise<Source> {
  const sample: string[][] = []
  for await (const { cells } of csv.records()) {
    sample.push(cells)
    if (sample.length === LOOK_ROWS) break
  }
  if (sample.length === 0) throw new PareError('data/empty', { path: file })
  const layout = layoutOf(csv, sample, context)
  const exact = context.inputs.some((info) => info.dtype !== undefined && info.dtype !== 'float32')
  const spool =
    context.options.temporaryFolder === undefined ? {} : { folder: context.options.temporaryFolder }
  const writers = new Map(
    [...layout.groups].map(([name, columns]) => {
      const dims = [columns.length]
      return [name, new RowWriter(dims, exact ? 'float64' : 'float32', spool)] as const
    }),
  )
  const labels = new LabelColumn(csv.decimalComma)
  try {
    await fill(file, csv, layout, writers, labels, context.options)
    const arrays: NamedArray[] = []
    for (const [name, writer] of writers) {
      const rows = await writer.finish()
      const columns = layout.groups.get(name)!.map((i) => csv.columns[i]!)
      arrays.push(named(name, rows, writer.looksLikeBytes, columns))
    }
    return await sourceOfArrays(arrays, file, context, { labels: await labels.finish(file) })
  } catch (cause) {
    for (const writer of writers.values()) await writer.discard()
    throw cause
  }
}

const named = (
  name: string,
  rows: Rows,
  looksLikeBytes: boolean,
  columns: readonly string[],
): NamedArray => ({
  name,
  length: rows.length,
  dims: rows.dims,
  dtype: rows.dtype,
  looksLikeBytes,
  columns,
  open: async () => rows,
})

async function fill(
  file: string,
  csv: CsvFile,
  layout: Layout,
  writers: ReadonlyMap<string, RowWriter>,
  labels: LabelColumn,
  watch: Watch,
): Promise<void> {
  const groups = [...layout.groups].map(([name, columns]) => ({ columns, writer: writers.get(name)! }))
  for await (const { cells, where } of csv.records(watch)) {
    const numberIn = (column: number): number => {
      const value = numberOf(cells[column]!, csv.decimalComma)
      if (Number.isNaN(value) && !isMissing(cells[column]!))
        throw new PareError('data/unreadable', {
          path: file,
          reason: `${where}: the cell in column "${csv.columns[column]!}" holds "${cells[column]!.slice(0, 40)}", which is no number`,
        })
      return value
    }
    for (const { columns, writer } of groups) await writer.push(Float64Array.from(columns, numberIn))
    const [only, ...others] = layout.labels
    if (only !== undefined)
      labels.push(others.length > 0 ? layout.labels.map(numberIn) : cells[only], file, where)
  }
}

/** Columns that number or name the rows and are no measurement. */
const ROW_NAMES = /^(|id|index|idx|row|unnamed: 0|file|filename|name|timestamp|date|time)$/i

function layoutOf(
  csv: CsvFile,
  sample: readonly string[][],
  { inputs, model, options }: ReaderContext,
): Layout {
  const names = csv.columns
  const isNumber = (cell: string): boolean => !Number.isNaN(numberOf(cell, csv.decimalComma))
  const numeric = names.map(
    (_, i) =>
      sample.some((cells) => isNumber(cells[i]!)) &&
      sample.every((cells) => isNumber(cells[i]!) || isMissing(cells[i]!)),
  )
  const labels = labelColumns(csv, options.label)
  const groups = inputGroups(names, inputs)
  if (groups.size === inputs.length) {
    const read = new Set([...groups.values()].flat())
    return { groups, labels: labels.filter((i) => !read.has(i)) }
  }
  const [input] = inputs
  const labelled = new Set(labels)
  const free = names.map((_, i) => i).filter((i) => !labelled.has(i))
  const fits = (columns: readonly number[]): boolean =>
    fitRows([columns.length], rowDims(input!)) !== undefined
  const one = (columns: number[], found: number[]): Layout => ({
    groups: new Map([['columns', columns]]),
    labels: found,
  })
  if (inputs.length > 1) {
    if (free.length > MOST_ARRAYS)
      throw new PareError('data/shape-mismatch', {
        input: inputs.map(({ name }) => name).join(', '),
        expected: 'columns called like the inputs',
        got: `${free.length} columns: ${free
          .slice(0, 3)
          .map((i) => names[i]!)
          .join(', ')} …`,
      })
    return { groups: new Map(free.map((i) => [names[i]!, [i]])), labels }
  }
  const numbers = free.filter((i) => numeric[i])
  const measured = numbers.filter((i) => !ROW_NAMES.test(names[i]!))
  const candidates = [free, numbers, measured]
  if (labels.length > 0) return one(candidates.find((c) => c.length > 0 && fits(c)) ?? free, labels)
  // Without a label by name: what is left over at either end, text first.
  const texts = free.filter((i) => !numeric[i])
  if (texts.length === 1 && fits(numbers)) return one(numbers, texts)
  if (fits(free)) return one(free, [])
  for (const columns of candidates)
    for (const end of ends(
      columns,
      sample,
      sizeOf(evaluatedOutput(model).dims.filter((d) => typeof d === 'number')),
    )) {
      const rest = columns.filter((i) => i !== end)
      if (fits(rest)) return one(rest, [end])
    }
  return one(candidates.find((c) => c.length > 0 && fits(c)) ?? free, texts.length === 1 ? texts : [])
}

/** The last and the first column; the one that looks like a class number comes first. */
function ends(columns: readonly number[], sample: readonly string[][], classes: number): number[] {
  const distinct = (column: number): number => new Set(sample.map((cells) => cells[column])).size
  const looksLikeClass = (column: number): boolean => {
    const values = sample.flatMap((cells) => (isMissing(cells[column]!) ? [] : Number(cells[column])))
    return (
      distinct(column) > 1 && values.every((v) => Number.isInteger(v) && v >= -1 && v <= Math.max(classes, 1))
    )
  }
  const both = [columns.at(-1), columns[0]].filter((i) => i !== undefined)
  return both.sort((a, b) => Number(looksLikeClass(b)) - Number(looksLikeClass(a)))
}

function labelColumns(csv: CsvFile, chosen: string | undefined): number[] {
  const names = csv.columns
  if (chosen !== undefined) {
    const at = names.indexOf(chosen)
    if (at >= 0) return [at]
    throw new PareError('data/shape-mismatch', {
      input: 'labels',
      expected: `a column "${chosen}"`,
      got: names.slice(0, 12).join(', '),
    })
  }
  if (!csv.hasHeader) return []
  const single = names
    .map((name, i) => ({ i, rank: labelRank(name) }))
    .filter(({ rank }) => rank !== undefined)
  if (single.length > 0) return [single.sort((a, b) => a.rank! - b.rank!)[0]!.i]
  // y0, y1, … or target_1, target_2, …: several numbers per sample.
  return names.flatMap((name, i) =>
    labelRank(name.replace(/[_ .[]*\d+\]?$/, '')) !== undefined && /\d\]?$/.test(name) ? [i] : [],
  )
}

/** Columns called like an input, alone or numbered: speed, or ids_0, ids_1, …. */
function inputGroups(names: readonly string[], inputs: readonly ValueInfo[]): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const input of inputs) {
    const columns = names.flatMap((name, i) => {
      const rest = name.startsWith(input.name) ? name.slice(input.name.length) : undefined
      return rest === '' || (rest !== undefined && /^[_ .[]?\d+\]?$/.test(rest)) ? [i] : []
    })
    if (columns.length > 0 && fitRows([columns.length], rowDims(input))) groups.set(input.name, columns)
  }
  return groups
}
