/** A stand-in for Electron's distribution, enough for electron-builder to pack the app where no binary can be had. */
import fs from 'node:fs'
import path from 'node:path'

/** What @electron/fuses looks for in a binary: sentinel, version, number of fuses, one byte a fuse. */
const FUSE_SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'
const FUSE_COUNT = 9

const PLIST = (name: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>CFBundleExecutable</key><string>${name}</string></dict></plist>`

/** What is started, what holds the fuses, and what stands around them on each system. */
const FILES = {
  linux: { runs: ['electron'], plists: {} },
  win32: { runs: ['electron.exe'], plists: {} },
  darwin: {
    runs: [
      'Electron.app/Contents/MacOS/Electron',
      'Electron.app/Contents/Frameworks/Electron Framework.framework/Electron Framework',
      'Electron.app/Contents/Frameworks/Electron Helper.app/Contents/MacOS/Electron Helper',
    ],
    plists: {
      'Electron.app/Contents/Info.plist': PLIST('Electron'),
      'Electron.app/Contents/Frameworks/Electron Helper.app/Contents/Info.plist': PLIST('Electron Helper'),
      'Electron.app/Contents/Resources/electron.icns': '',
    },
  },
}

export function makeStubElectron(
  folder: string,
  version: string,
  system: keyof typeof FILES = 'linux',
): string {
  const place = (name: string, content: string | Buffer): void => {
    const file = path.join(folder, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, content, { mode: 0o755 })
  }
  for (const name of ['resources', 'locales']) fs.mkdirSync(path.join(folder, name), { recursive: true })
  const fuses = Buffer.concat([
    Buffer.from('stub\n'),
    Buffer.from(FUSE_SENTINEL),
    Buffer.from([1, FUSE_COUNT]),
    Buffer.alloc(FUSE_COUNT, '0'),
  ])
  for (const name of FILES[system].runs) place(name, fuses)
  for (const [name, text] of Object.entries(FILES[system].plists)) place(name, text)
  place('version', version)
  for (const name of ['LICENSE', 'LICENSES.chromium.html', 'chrome_100_percent.pak']) place(name, '')
  return folder
}
