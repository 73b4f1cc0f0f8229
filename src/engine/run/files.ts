/** Small files of a run: read as far as they are there, and folders that outlast a loss of power. */
import fs from 'node:fs'

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
