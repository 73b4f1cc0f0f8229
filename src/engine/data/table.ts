/** Reads CSV and TSV: one column of labels, the other columns together are the input (or one group per input). */
import { PareError } from '../../contract/errors'
import { sourceOfArrays } from './array-source'
import type { NamedArray } from './arrays'
import { concatSources } from './concat'
import { isMissing, numberOf, openCsv, type CsvFile } from './csv'
import type { DataRecord } from './json-lines'
import { LabelColumn } from './label-column'
import type { Reader, ReaderContext } from './reader'
import { RowWriter } from './row-writer'
import type { Rows, Source } from './source'
import type { Watch } from './spool'
import { layoutOf, type Layout } from './table-layout'
import { cutFor, windowsOf } from './windows'
import { textInputs, textSource } from './text'
import { textKeys } from './text-keys'

export const readTable: Reader = async (place, context) => {
  const sources: Source[] = []
  for (const file of place.files) sources.push(await tableOrTexts(file, context))
  return [{ source: concatSources(sources) }]
}

const LOOK_ROWS = 200

/** A table with a column of texts, for a model that reads tokens, is texts. */
async function tableOrTexts(file: string, context: ReaderContext): Promise<Source> {
  const csv = await openCsv(file)
  const text = csv.hasHeader ? textInputs(context.inputs) : undefined
  if (text)
    for await (const values of asRecords(csv)) {
      const keys = textKeys(values.values, text.ids.name, context.options)
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
  const cut = cutFor(csv, sample, context)
  if (cut) return windowsOf(file, csv, cut, context)
  const layout = layoutOf(file, csv, sample, context)
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
