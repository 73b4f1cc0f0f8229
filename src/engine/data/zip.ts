/** Entries of a ZIP file by name: stored ones read in place, deflated ones as a stream. */
import { Transform, type Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { openPromise, type Entry, type ZipFile } from 'yauzl'
import { PareError } from '../../contract/errors'

export interface ZipEntry {
  name: string
  /** Bytes after inflating. */
  size: number
  stored: boolean
  /** Where the bytes of a stored entry lie in the file. */
  offset(): Promise<number>
  /** Ends with `data/unreadable` where the bytes are not those that were packed. */
  stream(): Promise<Readable>
}

interface Zip {
  entries: ZipEntry[]
  close(): void
}

const ENTRY_LIMIT = 100_000

/** Throws `data/unreadable` for anything that is not a whole, plain ZIP file. */
export async function openZip(path: string): Promise<Zip> {
  let zip: ZipFile | undefined
  try {
    zip = await openPromise(path, { lazyEntries: true, autoClose: false })
    if (zip.entryCount > ENTRY_LIMIT)
      throw new PareError('data/unreadable', { path, reason: `the archive has ${zip.entryCount} entries` })
    const entries: ZipEntry[] = []
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/')) continue
      if (!entry.canDecodeFileData())
        throw new PareError('data/unreadable', {
          path,
          reason: `${entry.fileName} in it is encrypted or packed in a rare way`,
        })
      entries.push(zipEntry(zip, entry, path))
    }
    return { entries, close: () => zip?.close() }
  } catch (cause) {
    zip?.close()
    throw zipError(path, cause)
  }
}

function zipEntry(zip: ZipFile, entry: Entry, path: string): ZipEntry {
  const wrap = (cause: unknown): never => {
    throw zipError(path, cause)
  }
  return {
    name: entry.fileName,
    size: entry.uncompressedSize,
    stored: entry.compressionMethod === 0,
    offset: async () =>
      (await zip.readLocalFileHeaderPromise(entry, { minimal: true }).catch(wrap)).fileDataStart,
    stream: async () => checked(await zip.openReadStreamPromise(entry).catch(wrap), entry, path),
  }
}

/** The entry's bytes, compared with the checksum that was packed with them once all have gone by. */
function checked(content: Readable, { fileName, crc32: expected }: Entry, path: string): Readable {
  let found = 0
  const check = new Transform({
    transform(piece: Buffer, _, done) {
      found = crc32(piece, found)
      done(null, piece)
    },
    flush(done) {
      const reason = `“${fileName}” in it is damaged: its checksum is wrong`
      done(found === expected ? null : new PareError('data/unreadable', { path, reason }))
    },
  })
  content.once('error', (cause) => check.destroy(zipError(path, cause)))
  check.once('close', () => content.destroy())
  return content.pipe(check)
}

/** What went wrong in a ZIP file, as `data/unreadable`. */
export function zipError(path: string, cause: unknown): PareError {
  if (cause instanceof PareError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const reason = /end of central directory/i.test(message)
    ? 'the archive is cut off or damaged: its table of contents is missing'
    : `the archive is damaged: ${message}`
  return new PareError('data/unreadable', { path, reason }, { cause })
}
