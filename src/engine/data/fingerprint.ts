/** What tells one state of data from another. */
import { createHash, type Hash } from 'node:crypto'
import fs from 'node:fs/promises'
import path from 'node:path'

/** Data up to this many bytes is read whole. */
const WHOLE = 256 * 2 ** 20
/** Of larger data, so much at both ends and in the middle of each file. */
const PIECE = 2 ** 16

/**
 * SHA-256 over the names (below `root`), sizes and contents of a file or of all files of a folder: "sha256:…", or
 * "sampled:…" where the contents are too large to be read whole; what lies in the folders `except` does not count.
 * Throws what the file system throws.
 */
export async function fingerprint(root: string, except: readonly string[] = []): Promise<string> {
  const files = await filesBelow(root, except)
  const total = files.reduce((sum, { size }) => sum + size, 0)
  const hash = createHash('sha256')
  for (const { name, size } of files) {
    hash.update(`${name.split(path.sep).join('/')}\0${size}\0`)
    await add(hash, path.join(root, name), size, total <= WHOLE)
  }
  return `${total <= WHOLE ? 'sha256' : 'sampled'}:${hash.digest('hex')}`
}

interface Found {
  /** '' for the root itself. */
  name: string
  size: number
}

async function filesBelow(root: string, except: readonly string[]): Promise<Found[]> {
  const stat = await fs.stat(root)
  if (!stat.isDirectory()) return [{ name: '', size: stat.size }]
  const entries = await fs.readdir(root, { recursive: true, withFileTypes: true })
  const out = except.map((folder) => path.resolve(folder) + path.sep)
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.resolve(entry.parentPath, entry.name))
    .filter((file) => !out.some((folder) => file.startsWith(folder)))
    .map((file) => path.relative(root, file))
    .sort()
  return Promise.all(names.map(async (name) => ({ name, size: (await fs.stat(path.join(root, name))).size })))
}

async function add(hash: Hash, file: string, size: number, whole: boolean): Promise<void> {
  const handle = await fs.open(file, 'r')
  try {
    if (whole) {
      for await (const piece of handle.createReadStream({ autoClose: false })) hash.update(piece as Buffer)
      return
    }
    const piece = Buffer.alloc(PIECE)
    for (const at of [0, Math.max(0, (size - PIECE) / 2), Math.max(0, size - PIECE)]) {
      const { bytesRead } = await handle.read(piece, 0, PIECE, Math.floor(at))
      hash.update(piece.subarray(0, bytesRead))
    }
  } finally {
    await handle.close()
  }
}
