/** Whether a zip holds arrays (an NPZ file) or files that must be unpacked first. */
import fs from 'node:fs'

/** True for a zip whose first entry is no array. Source: APPNOTE.TXT of PKWARE, local file header. */
export function isArchiveOfFiles(file: string): boolean {
  const fd = fs.openSync(file, 'r')
  try {
    const header = Buffer.alloc(30 + 1024)
    const read = fs.readSync(fd, header, 0, header.length, 0)
    if (read < 30 || header.toString('latin1', 0, 4) !== 'PK\x03\x04') return false
    const name = header.toString('utf8', 30, Math.min(read, 30 + header.readUInt16LE(26)))
    return !name.endsWith('.npy')
  } finally {
    fs.closeSync(fd)
  }
}
