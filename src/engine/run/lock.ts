/** One run at a time in a folder. A lock tells who holds it, and one whose process is gone is taken over. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { diskError, PareError } from '../../contract/errors'
import { isAlive, leftIn } from '../onnx/temporary'
import { readJson } from './files'

const Holder = z.object({ pid: z.int(), host: z.string(), since: z.string() })
type Holder = z.output<typeof Holder>

/** Other machines' processes cannot be asked: theirs count as alive. */
const holds = ({ pid, host }: Holder): boolean =>
  host !== os.hostname() || (pid !== process.pid && isAlive(pid))

/** Removes half-written files, which carry the process that wrote them, here and below; all, or those of one process. */
function clearHalfWritten(folder: string, by = String.raw`\d+`): void {
  if (!fs.existsSync(folder)) return
  for (const { name } of leftIn(folder, new RegExp(String.raw`\.(${by})\.tmp$`)))
    fs.rmSync(path.join(folder, name), { recursive: true, force: true })
  for (const entry of fs.readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) clearHalfWritten(path.join(folder, entry.name), by)
}

/** Makes the folder if it must; gives what unlocks it. */
function lock(folder: string, shared: string | undefined): () => void {
  const file = path.join(folder, 'lock.json')
  const mine: Holder = { pid: process.pid, host: os.hostname(), since: new Date().toISOString() }
  for (;;)
    try {
      fs.mkdirSync(folder, { recursive: true })
      fs.writeFileSync(file, JSON.stringify(mine), { flag: 'wx', flush: true })
      return () => fs.rmSync(file, { force: true })
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw diskError(cause, file, 0)
      const holder = Holder.safeParse(readJson(file))
      if (holder.success && holds(holder.data)) {
        const { pid, host, since } = holder.data
        throw new PareError('run/busy', { folder, holder: `process ${pid} on ${host}`, since })
      }
      fs.rmSync(file, { recursive: true, force: true })
      clearHalfWritten(folder)
      if (shared && holder.success) clearHalfWritten(shared, String(holder.data.pid))
    }
}

/**
 * Works in a folder alone. Processes of other machines may write into a `shared` one meanwhile: of that only what the
 * process that is gone left behind is cleared. Throws `run/busy` where another run does, `disk/*`.
 */
export async function locked<T>(folder: string, work: () => Promise<T>, shared?: string): Promise<T> {
  const unlock = lock(folder, shared)
  try {
    return await work()
  } finally {
    unlock()
  }
}
