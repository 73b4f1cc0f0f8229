/** The files of a bundle while it is written. */
import fs from 'node:fs'
import path from 'node:path'
import { diskError } from '../../contract/errors'
import type { BundleEntry } from '../../contract/project'
import { hashFile } from '../onnx/hash-file'
import type { Manifest } from './manifest'

/** The model that every form is made of lies in the folder under this name, its external weights under the other. */
export const SOURCE = 'model.onnx'
export const SOURCE_DATA = `${SOURCE}.data`

export class BundleFiles {
  readonly entries: Omit<BundleEntry, 'downloadBytes'>[] = []

  constructor(readonly folder: string) {}

  path(name: string): string {
    return path.join(this.folder, name)
  }

  /** Takes a file that lies in the folder already. */
  add(name: string, what: string): void {
    this.entries.push({ name, bytes: fs.statSync(this.path(name)).size, what })
  }

  /** Throws `disk/*`. */
  write(name: string, content: string | Uint8Array, what: string): void {
    const file = this.path(name)
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true })
      fs.writeFileSync(file, content, { flush: true })
    } catch (cause) {
      throw diskError(cause, file, content.length)
    }
    this.add(name, what)
  }

  describe(name: string): { bytes: number; sha256: string } {
    const file = this.path(name)
    return { bytes: fs.statSync(file).size, sha256: hashFile(file) }
  }

  list(): Manifest['files'] {
    return this.entries.map(({ name }) => ({ name, ...this.describe(name) }))
  }
}
