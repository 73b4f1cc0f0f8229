/**
 * What a Parquet file declares of its pages, checked before the library allocates by it: it takes counts as they
 * stand, and a run in a page of a few bytes may claim a thousand million values.
 * Source: parquet.apache.org/docs/file-format/data-pages, …/encodings (RLE/bit-packing hybrid).
 */
import type { AsyncBuffer, ColumnMetaData, FileMetaData, PageHeader, SchemaTree } from 'hyparquet'
import { parquetSchema } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { parquetHeader } from 'hyparquet/src/column.js'
import { decompressPage } from 'hyparquet/src/datapage.js'
import {
  getMaxDefinitionLevel,
  getMaxRepetitionLevel,
  getTreePath,
  isFlatColumn,
} from 'hyparquet/src/schema.js'
import { requireMemory } from '../onnx/budget'

/** A value and its level, as JavaScript keeps them in arrays of anything. */
const BYTES_PER_VALUE = 16

const DICTIONARY: readonly string[] = ['PLAIN_DICTIONARY', 'RLE_DICTIONARY']

const widthOf = (largest: number): number => 32 - Math.clz32(largest)

/**
 * Throws an Error where counts contradict each other or a run is longer than its page, and `limit/memory` where a
 * row group holds more values than a job may take; `path` names the file in that.
 */
export async function checkPages(
  file: AsyncBuffer,
  metadata: FileMetaData,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const tree = parquetSchema(metadata)
  let rows = 0n
  for (const { columns, num_rows: groupRows } of metadata.row_groups) {
    rows += groupRows
    const chunks = columns.flatMap(({ meta_data: column }) => column ?? [])
    const values = chunks.reduce((sum, { num_values }) => sum + Number(num_values), 0)
    requireMemory(values * BYTES_PER_VALUE, `a row group of “${path}” has ${values} values`)
    for (const column of chunks) {
      signal?.throwIfAborted()
      const schema = getTreePath(tree, column.path_in_schema)
      if (isFlatColumn(schema) ? column.num_values !== groupRows : column.num_values < groupRows)
        throw new Error('a column does not have as many values as its group has rows')
      await checkColumn(file, column, schema)
    }
  }
  if (rows !== metadata.num_rows) throw new Error('its row groups do not have as many rows as the file')
}

async function checkColumn(file: AsyncBuffer, column: ColumnMetaData, schema: SchemaTree[]): Promise<void> {
  const { data_page_offset: data, dictionary_page_offset: dictionary } = column
  const start = Number(dictionary && dictionary < data ? dictionary : data)
  const bytes = await file.slice(start, start + Number(column.total_compressed_size))
  const reader = { view: new DataView(bytes), offset: 0 }
  let left = Number(column.num_values)
  while (left > 0 && reader.offset < bytes.byteLength) {
    const header = parquetHeader(reader)
    const page = new Uint8Array(bytes, reader.offset, header.compressed_page_size)
    reader.offset += header.compressed_page_size
    left -= checkPage(header, page, left, column, schema)
  }
  if (left > 0) throw new Error('a column ends before its values do')
}

/** Gives how many values the page has. */
function checkPage(
  header: PageHeader,
  packed: Uint8Array,
  left: number,
  { codec, type, total_uncompressed_size: whole }: ColumnMetaData,
  schema: SchemaTree[],
): number {
  const { uncompressed_page_size: size, dictionary_page_header: dictionary } = header
  if (size < 0 || size > Number(whole)) throw new Error('a page is larger than its column')
  if (dictionary) {
    if (dictionary.num_values > size * 8) throw new Error('a dictionary has more values than bits')
    return 0
  }
  const v1 = header.data_page_header
  const about = v1 ?? header.data_page_header_v2
  if (!about || about.num_values < 0 || about.num_values > left)
    throw new Error('a page has more values than its column')
  const { num_values: count, encoding } = about
  const levels = [getMaxRepetitionLevel(schema), getMaxDefinitionLevel(schema)]
  const coded = DICTIONARY.includes(encoding) || encoding === 'RLE'
  if (!coded && levels.every((level) => level === 0)) return count
  const v2 = header.data_page_header_v2
  const lengths = v2 && [v2.repetition_levels_byte_length, v2.definition_levels_byte_length]
  const unpack = (bytes: Uint8Array, length: number): Uint8Array =>
    v2?.is_compressed === false ? bytes : decompressPage(bytes, length, codec, compressors)
  let rest = v2 ? packed : unpack(packed, size)
  for (const [i, largest] of levels.entries()) {
    if (largest === 0 && !lengths) continue
    const length = lengths ? lengths[i]! : lengthIn(rest)
    const from = lengths ? 0 : 4
    if (largest > 0) checkRuns(rest.subarray(from, from + length), widthOf(largest), count)
    rest = rest.subarray(from + length)
  }
  if (!coded) return count
  if (lengths) rest = unpack(rest, size - lengths[0]! - lengths[1]!)
  if (type === 'BOOLEAN') checkRuns(rest.subarray(4, 4 + lengthIn(rest)), 1, count)
  else if (rest[0]) checkRuns(rest.subarray(1), rest[0], count)
  return count
}

const lengthIn = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)

/** Throws where a run of `count` values of so many bits goes on for longer than there are values. */
function checkRuns(bytes: Uint8Array, width: number, count: number): void {
  let at = 0
  for (let seen = 0; seen < count && at < bytes.length;) {
    let header = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error('a run is cut off')
      header += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
    const packed = header % 2 === 1
    const length = Math.floor(header / 2) * (packed ? 8 : 1)
    // Packed values fill whole groups of eight.
    if (length - (packed ? 7 : 0) > count - seen) throw new Error('a run is longer than its page')
    at += packed ? (length / 8) * width : Math.ceil(width / 8)
    seen += length
  }
}
