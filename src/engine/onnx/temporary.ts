/** Files that a process needs only while it runs: they carry its number, so that the next can remove what a killed one left. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { onDisk } from '../../contract/errors'
import { leftIn } from '../../disk/left'

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
