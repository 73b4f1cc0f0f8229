/** Files that a process needs only while it runs: they carry its number, so that the next can remove what a killed one left. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { onDisk } from '../../contract/errors'

/** Whether a process of this machine is there; this one counts as well. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Names in a folder that a process which is gone has made: its number is the first group of `pattern`. */
export function leftIn(folder: string, pattern: RegExp): { name: string; match: RegExpExecArray }[] {
  let names: string[]
  try {
    names = fs.readdirSync(folder)
  } catch {
    return []
  }
  return names.flatMap((name) => {
    const match = pattern.exec(name)
    return match && !isAlive(Number(match[1])) ? [{ name, match }] : []
  })
}

const OURS = /^pare-[a-z]+-(\d+)-\w{6}$/
const swept = new Set<string>()

/**
 * A fresh folder; whoever makes it removes it. What killed processes left beside it goes, once a process.
 * Throws `disk/full`, `disk/denied`, `disk/failed` where there is no room for one, or no `parent`.
 */
export function temporaryFolder(kind: string, parent = os.tmpdir()): string {
  if (!swept.has(parent)) {
    swept.add(parent)
    for (const { name } of leftIn(parent, OURS))
      fs.rmSync(path.join(parent, name), { recursive: true, force: true })
  }
  return onDisk(parent, () => fs.mkdtempSync(path.join(parent, `pare-${kind}-${process.pid}-`)))
}
