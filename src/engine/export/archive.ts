/** Putting a finished folder where the user wants it: as a folder or a zip, whole or not at all. */
import fs from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { diskError, PareError } from '../../contract/errors'
import { leftIn } from '../../disk/left'

/** Every entry carries the same time: a zip need not tell when and where it was made. */
const TIME = new Date(Date.UTC(2000, 0, 1))
const FILE_MODE = 0o100644

/** Throws `export/exists` unless `out` is free, or may be overwritten and is a zip or an earlier bundle. */
export function checkDestination(out: string, form: 'zip' | 'folder', overwrite: boolean): void {
  const stat = fs.lstatSync(out, { throwIfNoEntry: false })
  if (!stat) return
  const replaceable = form === 'zip' ? stat.isFile() : stat.isDirectory() && (isEmpty(out) || isBundle(out))
  if (!overwrite || !replaceable) throw new PareError('export/exists', { path: out })
}

const isEmpty = (folder: string): boolean => fs.readdirSync(folder).length === 0

/** A folder Pare wrote: only such a one is ever replaced. */
function isBundle(folder: string): boolean {
  try {
    const manifest: unknown = JSON.parse(fs.readFileSync(path.join(folder, 'manifest.json'), 'utf8'))
    return typeof manifest === 'object' && manifest !== null && 'pare' in manifest && manifest.pare === 1
  } catch {
    return false
  }
}

/** Removes what exports to `out` that were killed left beside it; a bundle they had moved aside is put back. */
export function clearLeftovers(out: string): void {
  const [folder, name] = [path.dirname(out), path.basename(out)]
  const left = leftIn(folder, /-(\d+)-\w{6}(-old|\.zip)?$/).filter((one) =>
    one.name.startsWith(`.${name}-${one.match[1]}-`),
  )
  for (const one of left) {
    const file = path.join(folder, one.name)
    if (one.match[2] === '-old' && !fs.existsSync(out)) fs.renameSync(file, out)
    else fs.rmSync(file, { recursive: true, force: true })
  }
}

/** A fresh folder beside `out`, on the same disk, so that a rename finishes the export. */
export function stagingFolder(out: string): string {
  try {
    fs.mkdirSync(path.dirname(out), { recursive: true })
    return fs.mkdtempSync(path.join(path.dirname(out), `.${path.basename(out)}-${process.pid}-`))
  } catch (cause) {
    throw diskError(cause, out, 0)
  }
}

/** Moves the folder to `out`, the old bundle aside first and back again where that fails. */
export function placeFolder(folder: string, out: string): void {
  // The staging folder was made for this user alone.
  fs.chmodSync(folder, 0o777 & ~process.umask())
  const old = fs.existsSync(out) ? `${folder}-old` : undefined
  try {
    if (old) fs.renameSync(out, old)
    try {
      fs.renameSync(folder, out)
    } catch (cause) {
      if (old) fs.renameSync(old, out)
      throw cause
    }
    if (old) fs.rmSync(old, { recursive: true, force: true })
  } catch (cause) {
    throw diskError(cause, out, 0)
  }
}

/** Streams the files into a zip at `out`: temporary file, fsync, rename. Zip64 where sizes need it. */
export async function placeZip(
  folder: string,
  names: readonly string[],
  out: string,
  signal?: AbortSignal,
): Promise<void> {
  const temporary = `${folder}.zip`
  const { ZipFile } = await import('yazl')
  const zip = new ZipFile()
  try {
    const done = pipeline(zip.outputStream, fs.createWriteStream(temporary, { flush: true }), { signal })
    const failed = new Promise<never>((_, reject) => zip.once('error', reject))
    for (const name of names)
      zip.addFile(path.join(folder, name), name, { compressionLevel: 9, mtime: TIME, mode: FILE_MODE })
    zip.end()
    await Promise.race([done, failed])
    fs.renameSync(temporary, out)
  } catch (cause) {
    if (signal?.aborted) throw new PareError('cancelled', { during: 'writing the bundle' })
    throw diskError(cause, out, 0)
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}
