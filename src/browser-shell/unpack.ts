/** Many small files out of one request: a line of JSON and the bytes, one after another. */
import { Readable } from 'node:stream'
import { PareError } from '../contract/errors'
import { PACKED_FILE_BYTES, type PackedFile } from '../contract/wire'

/** A path with its escapes, and the number behind it. */
const LONGEST_LINE = 16_384
const NEWLINE = 10

const broken = (reason: string): PareError => new PareError('bad-request', { method: 'upload', reason })

function headOf(line: Buffer): PackedFile {
  try {
    const { path, bytes } = JSON.parse(line.toString()) as Partial<PackedFile>
    if (typeof path === 'string' && Number.isInteger(bytes) && bytes! >= 0 && bytes! <= PACKED_FILE_BYTES)
      return { path, bytes: bytes! }
  } catch {
    // Not JSON.
  }
  throw broken('A pack of files is not written as it should be.')
}

/** Gives each file to `store`, in turn; never more of the request is held than one file and one piece. */
export async function unpack(
  body: AsyncIterable<Buffer>,
  store: (path: string, content: Readable) => Promise<void>,
): Promise<void> {
  let held: Buffer = Buffer.alloc(0)
  let head: PackedFile | undefined
  for await (const piece of body) {
    held = held.length > 0 ? Buffer.concat([held, piece]) : piece
    for (;;) {
      if (!head) {
        const end = held.indexOf(NEWLINE)
        if (end < 0 && held.length > LONGEST_LINE) throw broken('A pack of files has a name without end.')
        if (end < 0) break
        head = headOf(held.subarray(0, end))
        held = held.subarray(end + 1)
      }
      if (held.length < head.bytes) break
      await store(head.path, Readable.from([held.subarray(0, head.bytes)]))
      held = held.subarray(head.bytes)
      head = undefined
    }
  }
  if (head || held.length > 0) throw broken('A pack of files ends in the middle of one.')
}
