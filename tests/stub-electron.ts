/** A stand-in for Electron's distribution, enough for electron-builder to pack the app where no binary can be had. */
import fs from 'node:fs'
import path from 'node:path'

/** What @electron/fuses looks for in a binary: sentinel, version, number of fuses, one byte a fuse. */
const FUSE_SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'
const FUSE_COUNT = 9

export function makeStubElectron(folder: string, version: string): string {
  fs.mkdirSync(path.join(folder, 'resources'), { recursive: true })
  fs.mkdirSync(path.join(folder, 'locales'), { recursive: true })
  const fuses = Buffer.concat([
    Buffer.from(FUSE_SENTINEL),
    Buffer.from([1, FUSE_COUNT]),
    Buffer.alloc(FUSE_COUNT, '0'),
  ])
  fs.writeFileSync(path.join(folder, 'electron'), Buffer.concat([Buffer.from('stub\n'), fuses]), {
    mode: 0o755,
  })
  fs.writeFileSync(path.join(folder, 'version'), version)
  for (const name of ['LICENSE', 'LICENSES.chromium.html', 'chrome_100_percent.pak'])
    fs.writeFileSync(path.join(folder, name), '')
  return folder
}
