/** `npm run package`: the npm package, as a file to install from, in dist/. */
import fs from 'node:fs'
import path from 'node:path'
import { ensureBuilt, root } from './build.mjs'
import { pack } from './pack.mjs'
import { writeTypes } from './types.mjs'

ensureBuilt()
writeTypes()
const into = path.join(root, 'dist')
fs.mkdirSync(into, { recursive: true })
const { filename, size, unpackedSize, files } = pack(into)
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
console.log(
  `dist/${filename}: ${megabytes(size)}, ${megabytes(unpackedSize)} unpacked, ${files.length} files`,
)
