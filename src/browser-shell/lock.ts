/** One Pare a data folder: two would write each other's queue. */
import fs from 'node:fs'
import path from 'node:path'
import { isAlive } from '../service/alive'

/** Undefined where it cannot be told. */
function holderOf(file: string): number | undefined {
  try {
    return Number(fs.readFileSync(file, 'utf8'))
  } catch {
    return undefined
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
      const pid = holderOf(file) ?? 0
      if (pid > 0 && pid !== process.pid && isAlive(pid)) return false
      fs.rmSync(file, { recursive: true, force: true })
    }
  }
  return false
}
