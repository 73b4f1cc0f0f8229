/** One Pare a data folder: two would write each other's queue. */
import fs from 'node:fs'
import path from 'node:path'
import { diskError } from '../contract/errors'
import { isAlive } from '../disk/left'

/** Undefined where it cannot be told. */
function textOf(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Puts the lock in place whole, so that nobody ever reads half of one. False where there is one. */
function place(file: string): boolean {
  const mine = `${file}.${process.pid}.tmp`
  try {
    fs.writeFileSync(mine, String(process.pid), { flush: true })
    fs.linkSync(mine, file)
    return true
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    // Some disks have no hard links.
    if (code !== 'ENOTSUP' && code !== 'ENOSYS' && code !== 'EPERM' && code !== 'EOPNOTSUPP') throw cause
    return placePlainly(file)
  } finally {
    fs.rmSync(mine, { force: true })
  }
}

function placePlainly(file: string): boolean {
  try {
    fs.writeFileSync(file, String(process.pid), { flag: 'wx', flush: true })
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cause
  }
}

/** Takes a lock away that was found to be of nobody; what another has put there meanwhile is put back. */
function takeAway(file: string, found: string | undefined): void {
  const away = `${file}.old.${process.pid}.tmp`
  fs.renameSync(file, away)
  if (textOf(away) !== found) fs.linkSync(away, file)
  fs.rmSync(away, { recursive: true, force: true })
}

/**
 * False where another Pare that is alive has the folder; a lock left by a killed one is taken over. Throws `disk/*`
 * where a lock cannot be written.
 */
export function lockFolder(folder: string): boolean {
  const file = path.join(folder, 'pare.lock')
  try {
    fs.mkdirSync(folder, { recursive: true })
    for (let attempt = 0; attempt < 3; attempt++) {
      if (place(file)) {
        process.on('exit', () => fs.rmSync(file, { force: true }))
        return true
      }
      const found = textOf(file)
      const pid = Number(found)
      if (pid > 0 && pid !== process.pid && isAlive(pid)) return false
      takeAway(file, found)
    }
    return false
  } catch (cause) {
    // Others may be at the same lock at the same moment: whoever was faster has it.
    if (['ENOENT', 'EEXIST'].includes((cause as NodeJS.ErrnoException).code ?? '') && fs.existsSync(file))
      return false
    throw diskError(cause, file)
  }
}
