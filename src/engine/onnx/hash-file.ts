import { createHash } from 'node:crypto'
import fs from 'node:fs'

/** SHA-256 of a file as hex, read in pieces. */
export function hashFile(file: string): string {
  const hash = createHash('sha256')
  const piece = Buffer.allocUnsafe(2 ** 20)
  const fd = fs.openSync(file, 'r')
  try {
    for (let got = fs.readSync(fd, piece); got > 0; got = fs.readSync(fd, piece))
      hash.update(piece.subarray(0, got))
  } finally {
    fs.closeSync(fd)
  }
  return hash.digest('hex')
}
