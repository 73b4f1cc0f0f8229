/** CSV and TSV as records with line numbers, streamed. Source: RFC 4180, and what spreadsheets make of it. */
import fs from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { CsvError, parse } from 'csv-parse'
import { PareError } from '../../contract/errors'
import type { Watch } from './spool'
import { textStream } from './text-stream'

interface CsvRecord {
  /** For messages: "line 12", where the record begins or ends, or "row 12". */
  where: string
  cells: string[]
}

export interface CsvFile {
  /** Column names; 'column 1', … where the file has no header. */
  columns: string[]
  hasHeader: boolean
  /** Numbers are written 3,14. */
  decimalComma: boolean
  records(watch?: Watch): AsyncGenerator<CsvRecord>
}

/** Longer records than this are not a table. */
const RECORD_LIMIT = 32 * 2 ** 20
const LOOK_BYTES = 256 * 1024
const LOOK_RECORDS = 200

const unreadable = (file: string, reason: string, cause?: unknown): PareError =>
  new PareError('data/unreadable', { path: file, reason }, { cause })

/** Reads the first records to find separator and header. Throws `data/unreadable` and `data/empty`. */
export async function openCsv(file: string): Promise<CsvFile> {
  const delimiter = separatorOf(await firstLine(file))
  const first: CsvRecord[] = []
  for await (const record of recordsOf(file, delimiter)) {
    first.push(record)
    if (first.length === LOOK_RECORDS) break
  }
  const [top, next] = first
  if (!top) throw new PareError('data/empty', { path: file })
  const decimalComma = delimiter === ';' || provesDecimalComma(first.flatMap(({ cells }) => cells))
  const isNumber = (cell: string): boolean => !Number.isNaN(numberOf(cell, decimalComma))
  const hasHeader = next
    ? top.cells.some((cell, i) => !isNumber(cell) && isNumber(next.cells[i] ?? '')) ||
      (!top.cells.some(isNumber) && new Set(top.cells).size === top.cells.length && top.cells.every(isName))
    : false
  return {
    columns: hasHeader ? top.cells.map((cell) => cell.trim()) : top.cells.map((_, i) => `column ${i + 1}`),
    hasHeader,
    decimalComma,
    async *records(watch) {
      let skip = hasHeader
      for await (const record of recordsOf(file, delimiter, watch)) {
        if (!skip) yield record
        skip = false
      }
    },
  }
}

const isName = (cell: string): boolean => /^[\p{L}_][\p{L}\p{N}_ .-]{0,40}$/u.test(cell.trim())

/**
 * No cell has a decimal point, and some have a comma that can part no thousands: 0,5 or 1,25. Of 1,234 nobody can
 * tell.
 */
function provesDecimalComma(cells: readonly string[]): boolean {
  const plain = cells.map((cell) => cell.trim())
  return (
    plain.some(
      (cell) => /^[+-]?\d+,\d+(e[+-]?\d+)?$/i.test(cell) && !/^[+-]?[1-9]\d{0,2},\d{3}$/.test(cell),
    ) && !plain.some((cell) => /^[+-]?\d*\.\d+(e[+-]?\d+)?$/i.test(cell))
  )
}

/** What spreadsheets, pandas, R and SQL write where there is nothing, or nothing finite. */
export const isMissing = (cell: string): boolean =>
  /^(|nan|na|n\/a|#n\/a|<na>|null|none|nil|\?|-|\.|[+-]?inf(inity)?)$/i.test(cell.trim())

/** NaN where a cell is no number; empty cells are none. */
export function numberOf(cell: string, decimalComma = false): number {
  const text = decimalComma ? cell.trim().replace(',', '.') : cell.trim()
  if (text === '') return NaN
  // Number() also takes hexadecimal and "Infinity", which no table means.
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN
}

async function firstLine(file: string): Promise<string> {
  return (await text(await textStream(file, LOOK_BYTES))).split(/\r?\n/, 1)[0]!
}

function separatorOf(line: string): string {
  const plain = line.replace(/"([^"]|"")*"/g, '')
  const count = (mark: string): number => plain.split(mark).length - 1
  return ['\t', ';', ','].reduce((best, mark) => (count(mark) > count(best) ? mark : best), ',')
}

interface Parsed {
  record: string[]
  info: { lines: number; bytes: number }
}

const PROGRESS_LINES = 500

async function* recordsOf(
  file: string,
  delimiter: string,
  { signal, progress }: Watch = {},
): AsyncGenerator<CsvRecord> {
  const total = progress ? (await fs.promises.stat(file)).size : 0
  const stream = await textStream(file)
  const parser = stream.pipe(
    parse({
      delimiter,
      bom: true,
      info: true,
      skip_empty_lines: true,
      max_record_size: RECORD_LIMIT,
      relax_quotes: true,
    }),
  )
  stream.on('error', (error) => parser.destroy(error))
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      signal?.throwIfAborted()
      if (info.lines % PROGRESS_LINES === 0) progress?.(info.bytes / total, `Reading ${path.basename(file)}`)
      yield { where: `line ${info.lines}`, cells: record }
    }
  } catch (cause) {
    if (cause instanceof CsvError) throw unreadable(file, sentenceOf(cause), cause)
    throw cause
  } finally {
    stream.destroy()
  }
}

function sentenceOf(error: CsvError): string {
  const line = String((error as { lines?: number }).lines ?? '?')
  switch (error.code) {
    case 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH':
    case 'CSV_RECORD_INCONSISTENT_COLUMNS':
      return `line ${line} has another number of cells than the first line`
    case 'CSV_QUOTE_NOT_CLOSED':
      return `a quotation mark is never closed (from line ${line})`
    case 'CSV_MAX_RECORD_SIZE':
      return `line ${line} is longer than ${RECORD_LIMIT / 2 ** 20} MB`
    default:
      return `line ${line}: ${error.message}`
  }
}
