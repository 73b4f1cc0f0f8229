/** One run at a time in a folder. A lock tells who holds it, and one whose process is gone is taken over. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { diskError } from '../onnx'
import { isAlive, leftIn } from '../onnx/temporary'
import { readJson } from './files'

const Holder = z.object({ pid: z.int(), host: z.string(), since: z.string() })
type Holder = z.output<typeof Holder>

/** Other machines' processes cannot be asked: theirs count as alive. */
const holds = ({ pid, host }: Holder): boolean =>
  host !== os.hostname() || (pid !== process.pid && isAlive(pid))

/** Removes half-written files, which carry the process that wrote them, here and below. */
function clearHalfWritten(folder: string): void {
  for (const { name } of leftIn(folder, /\.(\d+)\.tmp$/))
    fs.rmSync(path.join(folder, name), { recursive: true, force: true })
  for (const entry of fs.readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) clearHalfWritten(path.join(folder, entry.name))
}

/** Makes the folder if it must; gives what unlocks it. */
function lock(folder: string): () => void {
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
    }
}

/** Works in a folder alone. Throws `run/busy` where another run does, `disk/*`. */
export async function locked<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const unlock = lock(folder)
  try {
    return await work()
  } finally {
    unlock()
  }
}
