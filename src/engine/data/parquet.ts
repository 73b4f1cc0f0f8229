/** Reads Parquet, row group by row group. Source: parquet.apache.org/docs/file-format, through hyparquet. */
import path from 'node:path'
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type AsyncBuffer,
  type FileMetaData,
  type SchemaTree,
} from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { PareError } from '../../contract/errors'
import { concatSources } from './concat'
import { BlobWriter } from './blobs'
import type { DataRecord } from './json-lines'
import { imagesOf } from './images'
import { LabelColumn } from './label-column'
import { labelRank } from './names'
import { checkPages } from './parquet-pages'
import type { Reader, ReaderContext } from './reader'
import { firstValues, recordSource } from './records'
import type { Source } from './source'

export const readParquet: Reader = async (place, context) => {
  const sources: Source[] = []
  for (const file of place.files) sources.push(await parquetSource(file, context))
  return [{ source: concatSources(sources) }]
}

/** Bytes of rows taken at once; each taking inflates its whole row group again, so that it should not be small. */
const TAKE_BYTES = 64 * 2 ** 20
/** A row group that inflates to more than this does not fit into the memory of ordinary machines. */
const GROUP_LIMIT = 2 ** 31

async function parquetSource(file: string, context: ReaderContext): Promise<Source> {
  const unreadable = (cause: unknown): PareError =>
    cause instanceof PareError
      ? cause
      : new PareError(
          'data/unreadable',
          { path: file, reason: `the Parquet file is damaged: ${(cause as Error).message}` },
          { cause },
        )
  const buffer = await openBuffer(file)
  const metadata = await parquetMetadataAsync(buffer)
    .then(withItsColumns)
    .catch((cause: unknown) => {
      throw unreadable(cause)
    })
  for (const group of metadata.row_groups)
    if (group.total_byte_size > GROUP_LIMIT)
      throw new PareError('data/unreadable', {
        path: file,
        reason: 'a row group of it inflates to more than 2 GB',
      })
  await checkPages(buffer, metadata, file, context.options.signal).catch((cause: unknown) => {
    throw unreadable(cause)
  })
  const records = (signal?: AbortSignal): AsyncGenerator<DataRecord> =>
    rowsOf(buffer, metadata, unreadable, signal)
  const first = await firstValues(records)
  if (!first) throw new PareError('data/empty', { path: file })
  const image = Object.keys(first).find((key) => encodedImage(first[key]))
  return image === undefined
    ? recordSource(file, records, context)
    : imageColumn(file, records(context.options.signal), image, context)
}

/**
 * The library asks for ranges in advance, and takes no notice of those it does not come to use; and where one is none it
 * must not throw between others that are being read.
 */
async function openBuffer(file: string): Promise<AsyncBuffer> {
  const { byteLength, slice } = await asyncBufferFromFile(file)
  return {
    byteLength,
    slice: (start, end) => {
      const bytes = (async () => slice(start, end))()
      bytes.catch(() => undefined)
      return bytes
    },
  }
}

const leavesOf = ({ children, path }: SchemaTree): string[] =>
  children.length > 0 ? children.flatMap(leavesOf) : [path.join('.')]

/**
 * One column chunk for each leaf of the schema. Where they disagree the library gives up after it has begun to read, and
 * what it was reading fails with nobody to hear it.
 */
function withItsColumns(metadata: FileMetaData): FileMetaData {
  const leaves = leavesOf(parquetSchema(metadata)).sort()
  for (const { columns } of metadata.row_groups) {
    const found = columns.map(({ meta_data }) => meta_data?.path_in_schema.join('.')).sort()
    if (new Set(found).size !== leaves.length || found.some((path, i) => path !== leaves[i]))
      throw new Error('a row group does not hold the columns that the schema names')
  }
  return metadata
}

async function* rowsOf(
  file: AsyncBuffer,
  metadata: FileMetaData,
  unreadable: (cause: unknown) => PareError,
  signal?: AbortSignal,
): AsyncGenerator<DataRecord> {
  const total = Number(metadata.num_rows)
  const bytes = metadata.row_groups.reduce((sum, group) => sum + Number(group.total_byte_size), 0)
  const take = Math.max(256, Math.floor((TAKE_BYTES / Math.max(1, bytes)) * total))
  for (let rowStart = 0; rowStart < total; rowStart += take) {
    signal?.throwIfAborted()
    const rowEnd = Math.min(total, rowStart + take)
    const rows = await parquetReadObjects({
      file,
      metadata,
      rowStart,
      rowEnd,
      compressors,
      utf8: false,
    }).catch((cause: unknown) => {
      throw unreadable(cause)
    })
    for (const [i, values] of rows.entries()) yield { where: `row ${rowStart + i + 1}`, values }
  }
}

/** Hugging Face keeps pictures as { bytes, path } or as bytes. */
function encodedImage(value: unknown): Uint8Array | undefined {
  const bytes = value instanceof Uint8Array ? value : (value as { bytes?: unknown } | null)?.bytes
  if (!(bytes instanceof Uint8Array) || bytes.length < 12) return undefined
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  return /^(\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*)/.test(head) || head.slice(8) === 'WEBP'
    ? bytes
    : undefined
}

async function imageColumn(
  file: string,
  records: AsyncIterable<DataRecord>,
  column: string,
  context: ReaderContext,
): Promise<Source> {
  const { label, temporaryFolder } = context.options
  const blobs = new BlobWriter(temporaryFolder === undefined ? {} : { folder: temporaryFolder })
  const labels = new LabelColumn()
  let key = label
  try {
    for await (const { where, values } of records) {
      key ??= Object.keys(values).find((name) => labelRank(name) !== undefined)
      await blobs.push(Uint8Array.from(encodedImage(values[column]) ?? []))
      if (key !== undefined) labels.push(values[key], file, where)
    }
    const stored = await blobs.finish()
    const pictures = {
      length: stored.length,
      name: (index: number) => `${path.basename(file)}, row ${index + 1}`,
      load: (index: number) => stored.read(index),
      close: () => stored.close(),
    }
    return await imagesOf(pictures, await labels.finish(file), file, context)
  } catch (cause) {
    await blobs.discard()
    throw cause
  }
}
