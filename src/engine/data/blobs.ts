/** Records of different lengths, in the order they came, read back by position. */
import { Spool, type Bytes, type SpoolOptions } from './spool'

export interface Blobs {
  readonly length: number
  read(index: number): Promise<Uint8Array>
  close(): Promise<void>
}

export class BlobWriter {
  private readonly spool: Spool
  private readonly ends: number[] = []

  constructor(options: SpoolOptions = {}) {
    this.spool = new Spool(options)
  }

  get length(): number {
    return this.ends.length
  }

  async push(bytes: Uint8Array): Promise<void> {
    await this.spool.append(bytes)
    this.ends.push(this.spool.length)
  }

  async finish(): Promise<Blobs> {
    const bytes: Bytes = await this.spool.finish()
    const ends = Float64Array.from(this.ends)
    return {
      length: ends.length,
      read(index) {
        const start = index === 0 ? 0 : ends[index - 1]!
        return bytes.read(start, ends[index]! - start)
      },
      close: () => bytes.close(),
    }
  }

  discard(): Promise<void> {
    return this.spool.discard()
  }
}
