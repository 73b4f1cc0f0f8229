/** One Pare a data folder: two would write each other's queue. */
import fs from 'node:fs'
import path from 'node:path'

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // Somebody else's process may not be signalled, but it is there.
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** False where another Pare that is alive has the folder; a lock left by a killed one is taken over. */
export function lockFolder(folder: string): boolean {
  const file = path.join(folder, 'pare.lock')
  fs.mkdirSync(folder, { recursive: true })
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      fs.writeFileSync(file, String(process.pid), { flag: 'wx' })
      process.on('exit', () => fs.rmSync(file, { force: true }))
      return true
    } catch {
      const pid = Number(fs.readFileSync(file, 'utf8'))
      if (pid > 0 && pid !== process.pid && isAlive(pid)) return false
      fs.rmSync(file, { force: true })
    }
  }
  return false
}
