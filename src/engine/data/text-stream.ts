/** Text files of any encoding as UTF-8: by their byte order mark, else UTF-8, else Windows-1252. */
import fs from 'node:fs'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

const LOOK_BYTES = 256 * 1024

/** Of the first bytes of a file. Source: Unicode 16, 23.8 (byte order mark), and the labels of whatwg Encoding. */
function encodingOf(start: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252' {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le'
  if (start[0] === 0xfe && start[1] === 0xff) return 'utf-16be'
  try {
    // A character that is cut off at the end is no fault: it is still to come.
    new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: true })
    return 'utf-8'
  } catch {
    return 'windows-1252'
  }
}

/** The first bytes of a file as text, without its byte order mark. */
export const decodedStart = (start: Uint8Array): string =>
  new TextDecoder(encodingOf(start)).decode(start, { stream: true })

/** The whole file, or its first `end` bytes, as UTF-8. */
export async function textStream(file: string, end = Infinity): Promise<Readable> {
  const handle = await fs.promises.open(file, 'r')
  const { buffer, bytesRead } = await handle
    .read(Buffer.alloc(LOOK_BYTES), 0, LOOK_BYTES, 0)
    .finally(() => handle.close())
  const encoding = encodingOf(buffer.subarray(0, bytesRead))
  const bytes = fs.createReadStream(file, { end })
  return encoding === 'utf-8' ? bytes : Readable.from(transcoded(bytes, encoding))
}

async function* transcoded(bytes: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding)
  for await (const piece of bytes) yield Buffer.from(decoder.decode(piece, { stream: true }))
  yield Buffer.from(decoder.decode())
}

/** The whole file, without its byte order mark. */
export const readText = async (file: string): Promise<string> =>
  (await text(await textStream(file))).replace(/^\uFEFF/, '')
