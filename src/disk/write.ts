/**
 * Small files: written to a temporary file, fsynced and renamed, so that a kill at any moment leaves the old or the new,
 * and the next write takes away what it left beside it.
 */
import fs from 'node:fs'
import path from 'node:path'
import { diskError, onDisk } from '../contract/errors'
import { clearLeft } from './left'

/** Throws `disk/full`, `disk/denied`, `disk/failed`. */
export function writeText(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(temporary, text, { flush: true })
    fs.renameSync(temporary, file)
    clearLeft(file)
  } catch (cause) {
    onDisk(file, () => fs.rmSync(temporary, { force: true }))
    throw diskError(cause, file, Buffer.byteLength(text))
  }
}

export const writeJson = (file: string, value: unknown): void =>
  writeText(file, `${JSON.stringify(value, null, 1)}\n`)
