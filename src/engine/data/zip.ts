/** Entries of a ZIP file by name: stored ones read in place, deflated ones as a stream. */
import type { Readable } from 'node:stream'
import { openPromise, type Entry, type ZipFile } from 'yauzl'
import { PareError } from '../../contract/errors'

export interface ZipEntry {
  name: string
  /** Bytes after inflating. */
  size: number
  stored: boolean
  /** Where the bytes of a stored entry lie in the file. */
  offset(): Promise<number>
  stream(): Promise<Readable>
}

export interface Zip {
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
    stream: () => zip.openReadStreamPromise(entry).catch(wrap),
  }
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
