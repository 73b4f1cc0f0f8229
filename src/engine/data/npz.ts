/** NPZ archives and NPY files as named arrays. Source: numpy.lib.npyio (an NPZ is a ZIP of NPY files). */
import fs from 'node:fs/promises'
import path from 'node:path'
import { finished } from 'node:stream/promises'
import { PareError } from '../../contract/errors'
import { sizeOf } from '../onnx'
import { npyHeaderLength, npyRows, parseNpyHeader, type NpyHeader } from './npy'
import type { Rows } from './source'
import { fileBytes, Spool, type Bytes, type SpoolOptions, type Watch } from './spool'
import { openZip, zipError, type ZipEntry } from './zip'

/** An array that is known by its header and opened only when something reads it. */
export interface LazyArray {
  name: string
  /** Why it cannot be used, where that is so (Python objects, say). */
  problem?: PareError
  header?: NpyHeader
  open(watch?: Watch): Promise<Rows>
}

const SMALL_HEADER = 4096

/** The arrays of an NPZ file, headers read, data not. Throws `data/unreadable`. */
export async function npzArrays(
  file: string,
  options: SpoolOptions = {},
): Promise<{ arrays: LazyArray[]; close(): void }> {
  const zip = await openZip(file)
  try {
    const arrays: LazyArray[] = []
    for (const entry of zip.entries) {
      if (!entry.name.endsWith('.npy')) continue
      const name = path.posix.basename(entry.name, '.npy')
      arrays.push(await lazyEntry(file, name, entry, options))
    }
    return { arrays, close: () => zip.close() }
  } catch (cause) {
    zip.close()
    throw zipError(file, cause)
  }
}

async function lazyEntry(
  file: string,
  name: string,
  entry: ZipEntry,
  options: SpoolOptions,
): Promise<LazyArray> {
  const where = `${file} (array ${name})`
  const start = await firstBytes(entry, SMALL_HEADER, file)
  try {
    const wanted = npyHeaderLength(start, where)
    const header = parseNpyHeader(
      wanted > start.length ? await firstBytes(entry, wanted, file) : start,
      where,
    )
    const expected = header.dataOffset + sizeOf(header.shape) * header.itemBytes
    if (entry.size !== expected)
      throw new PareError('data/unreadable', {
        path: where,
        reason: `its header promises ${expected} bytes and the archive holds ${entry.size}`,
      })
    return {
      name,
      header,
      open: async (watch = {}) => npyRows(header, await dataOf(file, entry, header, options, watch), where),
    }
  } catch (problem) {
    if (!(problem instanceof PareError)) throw problem
    return { name, problem, open: () => Promise.reject(problem) }
  }
}

async function firstBytes(entry: ZipEntry, count: number, file: string): Promise<Uint8Array> {
  const stream = await entry.stream()
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      pieces.push(piece)
      size += piece.length
      if (size >= count) break
    }
  } catch (cause) {
    throw zipError(file, cause)
  } finally {
    stream.destroy()
  }
  return Buffer.concat(pieces)
}

async function dataOf(
  file: string,
  entry: ZipEntry,
  header: NpyHeader,
  options: SpoolOptions,
  { signal, progress }: Watch,
): Promise<Bytes> {
  const length = entry.size - header.dataOffset
  const stream = await entry.stream()
  if (entry.stored) {
    await finished(stream.resume(), { signal })
    return fileBytes(file, (await entry.offset()) + header.dataOffset, length)
  }
  const spool = new Spool({ ...options, expected: length })
  let skip = header.dataOffset
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      signal?.throwIfAborted()
      const rest = piece.subarray(Math.min(skip, piece.length))
      skip -= piece.length - rest.length
      if (rest.length > 0) await spool.append(rest)
      progress?.(spool.length / length, `Unpacking ${path.basename(file)}`)
    }
    return await spool.finish()
  } catch (cause) {
    await spool.discard()
    throw signal?.aborted ? cause : zipError(file, cause)
  } finally {
    stream.destroy()
  }
}

/** One NPY file as an array named after the file. */
export async function npyArray(
  file: string,
  name = path.basename(file, path.extname(file)),
): Promise<LazyArray> {
  const { size } = await fs.stat(file)
  const head = await fileBytes(file, 0, size)
  try {
    const start = await head.read(0, Math.min(size, SMALL_HEADER))
    const header = parseNpyHeader(await head.read(0, Math.min(size, npyHeaderLength(start, file))), file)
    return {
      name,
      header,
      open: async () =>
        npyRows(header, await fileBytes(file, header.dataOffset, size - header.dataOffset), file),
    }
  } finally {
    await head.close()
  }
}
