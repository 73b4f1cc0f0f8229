/**
 * Bytes read by position: in memory while they are few, in a file otherwise, so that a deflated array or a
 * parsed table of any size can be read in any order with bounded memory.
 */
import fs from 'node:fs/promises'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { diskBudget } from '../onnx/budget'
import { temporaryFolder } from '../onnx/temporary'

export interface Bytes {
  readonly length: number
  /** A fresh or shared array; callers do not write into it. */
  read(offset: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** Stops long reading, and hears of it. */
export interface Watch {
  signal?: AbortSignal
  /** `done` is a fraction of 1. */
  progress?: (done: number, message: string) => void
}

/** More than this goes to a temporary file. */
const MEMORY_LIMIT = 64 * 2 ** 20

/** Few large writes are faster than many small ones. */
const WRITE_SIZE = 4 * 2 ** 20

function memoryBytes(bytes: Uint8Array): Bytes {
  return {
    length: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    close: async () => {},
  }
}

/** A range of a file. Throws `data/unreadable` when the file ends early. */
export async function fileBytes(file: string, start: number, length: number): Promise<Bytes> {
  const handle = await fs.open(file, 'r')
  return {
    length,
    async read(offset, count) {
      const bytes = new Uint8Array(count)
      for (let done = 0; done < count;) {
        // Reads are 32-bit lengths inside Node.
        const ask = Math.min(count - done, 2 ** 30)
        const { bytesRead } = await handle.read(bytes, done, ask, start + offset + done)
        if (bytesRead === 0)
          throw new PareError('data/unreadable', { path: file, reason: 'the file ends before its data does' })
        done += bytesRead
      }
      return bytes
    },
    close: () => handle.close(),
  }
}

export interface SpoolOptions {
  /** Where to put what does not fit into memory; default: the system's temporary folder. */
  folder?: string
  memoryLimit?: number
  /** Bytes that are to come, as far as something says so. */
  expected?: number
}

/** Collects bytes and then gives them back by position. */
export class Spool {
  private pieces: Uint8Array[] = []
  private size = 0
  private waiting = 0
  private file: string | undefined
  private handle: fs.FileHandle | undefined
  /** Bytes it may put on the disk; known once it does. */
  private budget = 0

  constructor(private readonly options: SpoolOptions = {}) {}

  get length(): number {
    return this.size
  }

  /** Keeps a reference: `bytes` must not change afterwards. Throws `limit/disk` above half of what the disk had
   * free, `disk/full` before it fills it. */
  async append(bytes: Uint8Array): Promise<void> {
    this.size += bytes.length
    this.waiting += bytes.length
    this.pieces.push(bytes)
    const limit = this.options.memoryLimit ?? MEMORY_LIMIT
    if (this.waiting > (this.handle ? Math.min(limit, WRITE_SIZE) : limit)) await this.flush()
  }

  private async flush(): Promise<void> {
    if (!this.handle) {
      const folder = temporaryFolder('data', this.options.folder)
      this.file = path.join(folder, 'rows')
      this.handle = await fs.open(this.file, 'wx+', 0o600)
      this.budget = diskBudget(folder)
    }
    const size = Math.max(this.size, this.options.expected ?? 0)
    if (size > this.budget) {
      const { budget } = this
      const folder = path.dirname(this.file!)
      await this.discard()
      throw new PareError('limit/disk', { what: 'reading the data', needed: size, budget, path: folder })
    }
    const disk = await fs.statfs(path.dirname(this.file!))
    if (this.waiting > disk.bavail * disk.bsize) {
      const needed = this.size
      const folder = path.dirname(this.file!)
      await this.discard()
      throw new PareError('disk/full', { path: folder, needed })
    }
    await this.handle.writeFile(Buffer.concat(this.pieces))
    this.pieces = []
    this.waiting = 0
  }

  async finish(): Promise<Bytes> {
    if (!this.handle) {
      const all = new Uint8Array(this.size)
      let at = 0
      for (const piece of this.pieces) {
        all.set(piece, at)
        at += piece.length
      }
      this.pieces = []
      return memoryBytes(all)
    }
    await this.flush()
    await this.handle.close()
    this.handle = undefined
    const bytes = await fileBytes(this.file!, 0, this.size)
    const close = async (): Promise<void> => {
      await bytes.close()
      await this.discard()
    }
    return { length: bytes.length, read: bytes.read, close }
  }

  /** Forgets everything and removes the temporary file. */
  async discard(): Promise<void> {
    this.pieces = []
    await this.handle?.close()
    this.handle = undefined
    if (this.file) await fs.rm(path.dirname(this.file), { recursive: true, force: true })
    this.file = undefined
  }
}
