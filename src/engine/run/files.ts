/** Small files of a run: every write is a temporary file, fsync and rename, so that none is ever half there. */
import fs from 'node:fs'
import { diskError, onDisk } from '../../contract/errors'
import path from 'node:path'

/** Throws `disk/full`, `disk/denied`, `disk/failed`. */
function writeText(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(temporary, text, { flush: true })
    fs.renameSync(temporary, file)
  } catch (cause) {
    onDisk(file, () => fs.rmSync(temporary, { force: true }))
    throw diskError(cause, file, Buffer.byteLength(text))
  }
}

export const writeJson = (file: string, value: unknown): void =>
  writeText(file, `${JSON.stringify(value, null, 1)}\n`)

/** Makes what was renamed in a folder outlast a loss of power, on systems that sync folders. */
export function syncFolder(folder: string): void {
  let fd: number | undefined
  try {
    fd = fs.openSync(folder, 'r')
    fs.fsyncSync(fd)
  } catch {
    // Windows opens no folders; what it renames it writes down by itself.
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

/** Undefined where there is no file or it is not JSON: what was never finished counts as never begun. */
export function readJson(file: string): unknown {
  try {
    // A pipe would be waited for.
    return fs.statSync(file).isFile() ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined
  } catch {
    return undefined
  }
}
