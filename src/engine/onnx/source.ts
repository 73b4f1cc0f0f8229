/** Bytes with random access: a file, or a buffer. Reads are synchronous; the engine process may block. */
import fs from 'node:fs'
import { diskError, PareError } from '../../contract/errors'

/** Largest single read: Node refuses more than int32 per call. */
const MAX_READ = 2 ** 30

export interface ByteSource {
  readonly name: string
  readonly length: number
  read(offset: number, length: number): Uint8Array
}

export class BufferSource implements ByteSource {
  readonly length: number

  constructor(
    readonly bytes: Uint8Array,
    readonly name = '(memory)',
  ) {
    this.length = bytes.length
  }

  read(offset: number, length: number): Uint8Array {
    return this.bytes.slice(offset, offset + length)
  }
}

/**
 * A file that is opened for each burst of reads and must stay as it was when first seen: a tensor read from
 * a file that changed meanwhile would silently be another tensor.
 * Throws `data/not-found` when absent, `disk/denied` when it may not be read, `model/changed-on-disk` when size or
 * time of change differ.
 */
export class FileSource implements ByteSource {
  readonly length: number
  private readonly changed: number
  private fd: number | undefined
  private closing: NodeJS.Timeout | undefined

  constructor(readonly name: string) {
    let stat: fs.Stats
    try {
      stat = fs.statSync(name)
    } catch (cause) {
      throw new PareError('data/not-found', { path: name }, { cause })
    }
    if (!stat.isFile())
      throw new PareError('model/not-onnx', {
        file: name,
        reason: stat.isDirectory() ? 'it is a folder, not a file' : 'it is no file',
      })
    this.length = stat.size
    this.changed = stat.mtimeMs
  }

  private open(): number {
    if (this.fd !== undefined) return this.fd
    let fd: number
    try {
      fd = fs.openSync(this.name, 'r')
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw diskError(cause, this.name)
      throw new PareError('model/changed-on-disk', { file: this.name }, { cause })
    }
    const stat = fs.fstatSync(fd)
    if (stat.size !== this.length || stat.mtimeMs !== this.changed) {
      fs.closeSync(fd)
      throw new PareError('model/changed-on-disk', { file: this.name })
    }
    this.fd = fd
    this.closing ??= setTimeout(() => this.close(), 1000)
    this.closing.unref()
    return fd
  }

  close(): void {
    if (this.fd !== undefined) fs.closeSync(this.fd)
    clearTimeout(this.closing)
    this.fd = this.closing = undefined
  }

  read(offset: number, length: number): Uint8Array {
    const fd = this.open()
    const out = new Uint8Array(length)
    let done = 0
    while (done < length) {
      const got = fs.readSync(fd, out, done, Math.min(MAX_READ, length - done), offset + done)
      if (got === 0) throw new PareError('model/truncated', { file: this.name, at: offset + done })
      done += got
    }
    return out
  }
}
