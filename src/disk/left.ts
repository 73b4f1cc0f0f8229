/** What processes that are gone have left behind: names of temporary files carry the number of who writes them. */
import fs from 'node:fs'
import path from 'node:path'

/** Whether a process of this machine is there; this one counts as well. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // Somebody else's process may not be signalled, but it is there.
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** None where the folder is not there or cannot be read. */
export function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder)
  } catch {
    return []
  }
}

/** Names in a folder that a process which is gone has made: its number is the first group of `pattern`. */
export const leftIn = (folder: string, pattern: RegExp): { name: string; match: RegExpExecArray }[] =>
  namesIn(folder).flatMap((name) => {
    const match = pattern.exec(name)
    return match && !isAlive(Number(match[1])) ? [{ name, match }] : []
  })

/** Removes what processes that are gone left half written for `file`; what cannot be removed is in nobody's way. */
export function clearLeft(file: string): void {
  const [folder, name] = [path.dirname(file), path.basename(file)]
  for (const left of leftIn(folder, /\.(\d+)\.tmp$/)) {
    if (left.name !== `${name}.${left.match[1]}.tmp`) continue
    try {
      fs.rmSync(path.join(folder, left.name), { recursive: true, force: true })
    } catch {
      // The next one who writes the file tries again.
    }
  }
}
