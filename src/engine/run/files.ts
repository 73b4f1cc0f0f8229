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

/** Undefined where there is no file or it is not JSON: what was never finished counts as never begun. */
export function readJson(file: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
