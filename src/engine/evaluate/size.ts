/** What a model takes on disk and in a download. */
import fs from 'node:fs'
import { pipeline } from 'node:stream/promises'
import zlib from 'node:zlib'
import { PareError } from '../../contract/errors'
import type { Model } from '../onnx'

interface ModelSize {
  /** The model file first, then the files of its external data. Absolute. */
  files: string[]
  /** Sum of the files. */
  bytes: number
}

/** Files of a model that was read from a file. Throws `data/not-found`. */
export function modelSize(model: Model): ModelSize {
  const files = [model.file, ...model.externalFiles]
  return { files, bytes: files.reduce((sum, one) => sum + sizeOfFile(one), 0) }
}

function sizeOfFile(file: string): number {
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  if (!stat) throw new PareError('data/not-found', { path: file })
  return stat.size
}

/**
 * Size of the files as entries of a zip: raw deflate (RFC 1951) at level 9, as the bundle is written.
 * Streams; throws `cancelled`.
 */
export async function deflatedBytes(files: readonly string[], signal?: AbortSignal): Promise<number> {
  let total = 0
  for (const file of files) {
    const deflate = zlib.createDeflateRaw({ level: 9 })
    const count = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of chunks) total += chunk.length
    }
    try {
      await pipeline(fs.createReadStream(file, { highWaterMark: 2 ** 20 }), deflate, count, { signal })
    } catch (cause) {
      if (signal?.aborted) throw new PareError('cancelled', { during: 'measuring the download size' })
      throw cause
    }
  }
  return total
}
