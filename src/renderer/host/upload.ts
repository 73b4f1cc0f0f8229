/** Dropped files become uploads: one for every loose file, one for every folder. */
import type { DroppedFile } from '../../contract/app'
import { PACKED_FILE_BYTES, type PackedFile } from '../../contract/wire'

interface UploadUnit {
  name: string
  folder: boolean
  files: { file: File; path: string }[]
}

export function uploadUnits(dropped: readonly DroppedFile[]): UploadUnit[] {
  const folders = new Map<string, UploadUnit>()
  const units: UploadUnit[] = []
  for (const { file, relativePath } of dropped) {
    const slash = relativePath.indexOf('/')
    if (slash < 0) {
      units.push({ name: relativePath, folder: false, files: [{ file: file as File, path: relativePath }] })
      continue
    }
    const name = relativePath.slice(0, slash)
    let unit = folders.get(name)
    if (!unit) {
      unit = { name, folder: true, files: [] }
      folders.set(name, unit)
      units.push(unit)
    }
    // A folder without files is announced by its path ending in a slash.
    const path = relativePath.slice(slash + 1)
    if (path && !path.endsWith('/')) unit.files.push({ file: file as File, path })
  }
  return units
}

/** So much goes in one request: few enough that each tells of progress, large enough that thousands of files are few. */
const PACK_BYTES = 8 * 2 ** 20
const PACK_FILES = 1000

export type Sent = UploadUnit['files']

/** Small files together, large ones by themselves; in their order. */
export function packs(files: Sent): Sent[] {
  const made: Sent[] = []
  let open: { files: Sent; bytes: number } | undefined
  for (const one of files) {
    const { size } = one.file
    if (size > PACKED_FILE_BYTES) {
      made.push([one])
      continue
    }
    if (!open || open.bytes + size > PACK_BYTES || open.files.length === PACK_FILES) {
      open = { files: [], bytes: 0 }
      made.push(open.files)
    }
    open.files.push(one)
    open.bytes += size
  }
  return made
}

/** A pack as the body of a request; the browser reads the files while it sends. */
export const packed = (files: Sent): Blob =>
  new Blob(
    files.flatMap(({ file, path }) => [
      `${JSON.stringify({ path, bytes: file.size } satisfies PackedFile)}\n`,
      file,
    ]),
  )

/** Runs `work` over the items, a few at a time; the first failure ends it. */
export async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>) {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!)
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane))
}
