/** The file by which a terminal finds the app: what is in it, where it goes, and putting it there. */
import fs from 'node:fs'
import path from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { onDisk, PareError } from '../contract/errors'

export const COMMAND_SWITCH = '--cli'

/** No screen is needed, and none of Chromium's own messages; words after `--` are Pare's. */
const switches = (platform: NodeJS.Platform): string =>
  [
    COMMAND_SWITCH,
    ...(platform === 'linux' ? ['--ozone-platform=headless'] : []),
    '--disable-gpu',
    '--log-level=3',
    '--',
  ].join(' ')

/** By this a file is known to be one of ours. */
const MARK = '# The pare command of the desktop app.'

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** For POSIX shells. `executable` is absolute. */
export const shellCommand = (platform: NodeJS.Platform, executable: string): string => `#!/bin/sh
${MARK}
app=${quoted(executable)}
if [ ! -x "$app" ]; then
  echo "pare: Pare is no longer at $app. Open it where it is now and choose Help, Install the pare command." >&2
  exit 127
fi
exec "$app" ${switches(platform)} "$@"
`

/** For Windows; it lies in the app's own folder, three above which the app is. A batch file waits for what it starts. */
export const batchCommand = (): string =>
  `@echo off\r\nrem ${MARK.slice(2)}\r\n"%~dp0..\\..\\..\\Pare.exe" ${switches('win32')} %*\r\nexit /b %ERRORLEVEL%\r\n`

export interface Installed {
  file: string
  /** A terminal finds it by its name. */
  found: boolean
  /** What makes it so where it does not. */
  line?: string
}

/** Those first that terminals look into anyway; on Macs that one belongs to who put Homebrew there, or is not there. */
const folders = (platform: NodeJS.Platform, home: string): string[] => [
  ...(platform === 'darwin' ? ['/usr/local/bin'] : []),
  path.join(home, '.local', 'bin'),
]

/**
 * Writes the command into the first folder that takes it; one of an earlier place of the app is replaced. Throws
 * `export/exists` where another program is called so, and what the file system says of the last folder.
 */
export function installCommand(
  platform: NodeJS.Platform,
  executable: string,
  { home, PATH = '' }: { home: string; PATH?: string | undefined },
  places = folders(platform, home),
): Installed {
  const text = shellCommand(platform, executable)
  const searched = PATH.split(path.delimiter)
  // Packages of Linux bring it, and it may have been asked for before.
  const there = searched.map((folder) => path.join(folder, 'pare')).find((file) => contents(file) === text)
  if (there) return { file: there, found: true }
  let last: unknown
  for (const folder of places) {
    const file = path.join(folder, 'pare')
    try {
      const earlier = contents(file)
      if (earlier !== undefined && !earlier.includes(MARK))
        throw new PareError('export/exists', { path: file })
      onDisk(file, () => {
        if (folder.startsWith(home)) fs.mkdirSync(folder, { recursive: true })
        writeFileAtomic.sync(file, text, { mode: 0o755 })
      })
      const found = searched.includes(folder)
      return { file, found, ...(!found && { line: `export PATH=${quoted(folder)}:"$PATH"` }) }
    } catch (cause) {
      last = cause
    }
  }
  throw last
}

function contents(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    // None, or nothing a person could run.
    return undefined
  }
}
