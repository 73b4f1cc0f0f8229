/** Records with named values (JSONL, Parquet) as samples: texts, or arrays by key. */
import { PareError } from '../../contract/errors'
import { sourceOfArrays } from './array-source'
import type { NamedArray } from './arrays'
import { numberOf, type CsvFile } from './csv'
import type { DataRecord } from './json-lines'
import { flatNumbers, hasWords, isList, listShape, textOf } from './label-column'
import { sizeOf } from '../onnx'
import type { ReaderContext } from './reader'
import { RowWriter } from './row-writer'
import type { Rows, Source } from './source'
import { tableOf } from './table'
import { textInputs, textSource } from './text'
import { textKeys } from './text-keys'

/** Starts a new walk over the records on every call. */
type Records = (signal?: AbortSignal) => AsyncGenerator<DataRecord>

/** Throws `data/empty`, `data/unreadable`, `data/shape-mismatch`. */
export async function recordSource(file: string, records: Records, context: ReaderContext): Promise<Source> {
  const first = await firstValues(records)
  if (!first) throw new PareError('data/empty', { path: file })
  const text = textInputs(context.inputs)
  const keys = text && textKeys(first, text.ids.name, context.options)
  if (keys) return textSource(file, records(context.options.signal), keys, context)
  const columns = Object.keys(first)
  if (columns.every((key) => !isList(first[key]))) return tableOf(file, asTable(columns, records), context)
  return arraysOf(file, first, records, context)
}

const LOOK_RECORDS = 200

/** The first value under each name: of one record alone some may be missing. */
export async function firstValues(records: Records): Promise<DataRecord['values'] | undefined> {
  let first: DataRecord['values'] | undefined
  let seen = 0
  for await (const { values } of records()) {
    first ??= {}
    for (const [key, value] of Object.entries(values)) first[key] ??= value
    if (++seen === LOOK_RECORDS) break
  }
  return first
}

/** Single values are a table, whatever file they come from. */
function asTable(columns: string[], records: Records): CsvFile {
  const cell = (value: unknown): string => {
    if (value === null || value === undefined) return ''
    return typeof value === 'boolean' ? String(Number(value)) : textOf(value)
  }
  return {
    columns,
    hasHeader: true,
    decimalComma: false,
    async *records(watch) {
      for await (const { where, values } of records(watch?.signal))
        yield { where, cells: columns.map((key) => cell(values[key])) }
    },
  }
}

async function arraysOf(
  file: string,
  first: DataRecord['values'],
  records: Records,
  context: ReaderContext,
): Promise<Source> {
  const exact = context.inputs.some((info) => info.dtype !== undefined && info.dtype !== 'float32')
  const { temporaryFolder, signal } = context.options
  const spool = temporaryFolder === undefined ? {} : { folder: temporaryFolder }
  const columns = Object.keys(first).map((key) => {
    const value = first[key]
    const isText = typeof value === 'string' && Number.isNaN(numberOf(value))
    // By its first elements a list of a few numbers may have the shape of thousands of millions.
    if (isList(value)) requireNumbers(value, sizeOf(listShape(value)), file, 'the first record', key)
    const writer = new RowWriter(listShape(value), exact || !isList(value) ? 'float64' : 'float32', spool)
    return { key, writer, strings: isText ? ([] as string[]) : undefined }
  })
  try {
    for await (const { where, values } of records(signal))
      for (const { key, writer, strings } of columns) {
        const value = values[key]
        if (strings) strings.push(textOf(value))
        else await writer.push(rowOf(value, writer, file, where, key))
      }
    const arrays: NamedArray[] = []
    for (const { key, writer, strings } of columns) {
      const rows = strings ? stringRows(strings) : await writer.finish()
      const { length, dims, dtype } = rows
      arrays.push({
        name: key,
        length,
        dims,
        dtype,
        looksLikeBytes: writer.looksLikeBytes,
        open: async () => rows,
      })
    }
    return await sourceOfArrays(arrays, file, context)
  } catch (cause) {
    for (const { writer } of columns) await writer.discard()
    throw cause
  }
}

function rowOf(value: unknown, writer: RowWriter, file: string, where: string, key: string): number[] {
  const size = sizeOf(writer.dims)
  if (value === null || value === undefined) return new Array<number>(size).fill(NaN)
  return requireNumbers(value, size, file, where, key)
}

function requireNumbers(value: unknown, size: number, file: string, where: string, key: string): number[] {
  const numbers = flatNumbers([value])
  const words = hasWords([value])
  if (numbers.length === size && !words) return numbers
  const got = words ? 'something that is no number' : `${numbers.length} numbers, not ${size}`
  throw new PareError('data/unreadable', { path: file, reason: `${where}: "${key}" holds ${got}` })
}

const stringRows = (cells: readonly string[]): Rows => ({
  length: cells.length,
  dims: [],
  dtype: 'string',
  read: async (indices) => ({ dtype: 'string', dims: [indices.length], data: indices.map((i) => cells[i]!) }),
  close: async () => {},
})
