/**
 * Files by id. What a person picks or drops natively is only referred to; what a page uploads is stored under the
 * data folder. Neither is ever changed.
 */
import { createWriteStream } from 'node:fs'
import fs from 'node:fs'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { diskError, PareError } from '../contract/errors'
import type { FileRef } from '../contract/project'
import { Id } from '../contract/stored'
import { modelIn, sniff } from './sniff'
import { writeJson } from '../disk/write'
import { ifDiskAllows, newId, readJsonFolder, type Damaged } from './storage'

const FileRecord = z.object({
  id: Id,
  name: z.string(),
  bytes: z.number(),
  kind: z.enum(['model', 'dataset', 'recipe', 'data-spec', 'tokenizer', 'unknown']),
  /** Absolute. */
  path: z.string(),
  /** Stored by Pare, so that it may be removed with the last project that uses it. */
  owned: z.boolean(),
})
type FileRecord = z.output<typeof FileRecord>

interface Upload {
  name: string
  folder: boolean
  root: string
  files: number
}

/** Files looked at to tell the size of a folder. */
const COUNTED = 50_000
const UPLOADED_FILES = 200_000

export class FileStore {
  private readonly records: Map<string, FileRecord>
  private readonly uploads = new Map<string, Upload>()

  constructor(
    private readonly folder: string,
    damaged: Damaged,
  ) {
    this.records = readJsonFolder(path.join(folder, 'records'), FileRecord, damaged)
    // Uploads that never finished belong to a page that is gone.
    ifDiskAllows(() => fs.rmSync(path.join(folder, 'incoming'), { recursive: true, force: true }))
  }

  get(id: string): FileRef {
    const { name, bytes, kind } = this.record(id)
    return { id, name, bytes, kind }
  }

  /** As a screen names it: what is known of a file may have been set aside, and the rest of its project is still there. */
  shown(id: string): FileRef {
    return this.has(id)
      ? this.get(id)
      : { id, name: 'a file that is not known any more', bytes: 0, kind: 'unknown' }
  }

  has(id: string): boolean {
    return this.records.has(id)
  }

  pathOf(id: string): string {
    return this.record(id).path
  }

  /** Refers to a file or folder where it lies. Throws `data/not-found`. */
  adopt(file: string): FileRef {
    const absolute = path.resolve(file)
    if (!fs.existsSync(absolute)) throw new PareError('data/not-found', { path: absolute })
    const known = [...this.records.values()].find((record) => record.path === absolute)
    return this.add(absolute, false, path.basename(absolute), known?.id)
  }

  begin(name: string, folder: boolean): string {
    const upload = newId()
    const root = path.join(this.folder, 'incoming', upload)
    fs.mkdirSync(folder ? path.join(root, safeRelative(name)) : root, { recursive: true })
    this.uploads.set(upload, { name, folder, root, files: 0 })
    return upload
  }

  /** Stores one file of an upload. `relative` is 'digits/3/0001.png' or a bare name. */
  async receive(upload: string, relative: string, body: Readable, flush = true): Promise<void> {
    const entry = this.uploads.get(upload)
    if (!entry) throw new PareError('not-found', { what: 'upload', id: upload })
    if (++entry.files > UPLOADED_FILES)
      throw badUpload(`A folder of more than ${UPLOADED_FILES} files cannot be taken this way.`)
    const target = path.join(entry.root, entry.folder ? safeRelative(entry.name) : '', safeRelative(relative))
    try {
      fs.mkdirSync(path.dirname(target), { recursive: true })
      await pipeline(body, createWriteStream(target, { flush }))
    } catch (cause) {
      fs.rmSync(target, { force: true })
      throw diskError(cause, target)
    }
  }

  finish(upload: string): FileRef {
    const entry = this.uploads.get(upload)
    if (!entry) throw new PareError('not-found', { what: 'upload', id: upload })
    this.uploads.delete(upload)
    const names = fs.readdirSync(entry.root)
    const [only] = names
    if (names.length !== 1) throw badUpload('The upload holds no file.')
    const id = newId()
    const home = path.join(this.folder, 'uploads', id)
    fs.mkdirSync(path.dirname(home), { recursive: true })
    fs.renameSync(entry.root, home)
    return this.add(path.join(home, only!), true, entry.name, id)
  }

  /** Keeps what `write` writes to the path it is given. */
  async make(name: string, write: (file: string) => Promise<unknown>): Promise<FileRef> {
    const id = this.begin(name, false)
    const { root } = this.uploads.get(id)!
    try {
      await write(path.join(root, safeRelative(name)))
      return this.finish(id)
    } catch (cause) {
      this.uploads.delete(id)
      fs.rmSync(root, { recursive: true, force: true })
      throw cause
    }
  }

  /** One folder of files that belong together: splits of a dataset, or a model and its weights. */
  gather(parts: readonly FileRef[], name: string): FileRef {
    const id = newId()
    const home = path.join(this.folder, 'uploads', id, 'files')
    fs.mkdirSync(home, { recursive: true })
    for (const part of parts) {
      const source = this.pathOf(part.id)
      const target = path.join(home, path.basename(source))
      try {
        if (fs.statSync(source).isDirectory()) fs.cpSync(source, target, { recursive: true })
        else linkOrCopy(source, target)
      } catch (cause) {
        throw diskError(cause, target, part.bytes)
      }
    }
    return this.add(home, true, name, id)
  }

  /** Removes what was uploaded and no project uses any more. */
  keepOnly(used: ReadonlySet<string>): void {
    for (const record of [...this.records.values()]) {
      if (used.has(record.id)) continue
      this.records.delete(record.id)
      fs.rmSync(path.join(this.folder, 'records', `${record.id}.json`), { force: true })
      for (const made of record.owned ? ['uploads', 'unpacked'] : ['unpacked'])
        fs.rmSync(path.join(this.folder, made, record.id), { recursive: true, force: true })
    }
  }

  private add(file: string, owned: boolean, name: string, id = newId()): FileRef {
    const kind = sniff(file)
    const stands = kind === 'model' && fs.statSync(file).isDirectory() ? modelIn(file)! : file
    const record: FileRecord = { id, name, bytes: sizeOf(stands), kind, path: stands, owned }
    writeJson(path.join(this.folder, 'records', `${id}.json`), record)
    this.records.set(id, record)
    return this.get(id)
  }

  private record(id: string): FileRecord {
    const record = this.records.get(id)
    if (!record) throw new PareError('not-found', { what: 'file', id })
    return record
  }
}

/** Both names then stand for one file; Pare never writes to it. Other disks need a copy. */
function linkOrCopy(source: string, target: string): void {
  try {
    fs.linkSync(source, target)
  } catch {
    fs.copyFileSync(source, target, fs.constants.COPYFILE_FICLONE)
  }
}

const badUpload = (reason: string): PareError => new PareError('bad-request', { method: 'upload', reason })

/** A relative path that stays where it is put, on every system. */
export function safeRelative(relative: string): string {
  const parts = relative.split(/[\\/]+/).filter((part) => part !== '' && part !== '.')
  const bad = (part: string): boolean =>
    part === '..' || /[<>:"|?*]/.test(part) || hasControl(part) || Buffer.byteLength(part) > 255
  if (parts.length === 0 || parts.length > 32 || parts.some(bad))
    throw badUpload(`“${relative}” is not a file name that can be stored.`)
  return path.join(...parts)
}

const hasControl = (text: string): boolean => [...text].some((character) => character.codePointAt(0)! < 32)

function sizeOf(file: string): number {
  const stat = fs.statSync(file)
  if (!stat.isDirectory()) return stat.size
  let bytes = 0
  let seen = 0
  for (const entry of fs.readdirSync(file, { recursive: true, withFileTypes: true })) {
    if (++seen > COUNTED) break
    if (entry.isFile()) bytes += fs.statSync(path.join(entry.parentPath, entry.name)).size
  }
  return bytes
}
