/** One run at a time in a folder. A lock tells who holds it, and one whose process is gone is taken over. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { diskError, onDisk, PareError } from '../../contract/errors'
import { isAlive, leftIn } from '../../disk/left'

const Holder = z.object({
  pid: z.int(),
  host: z.string(),
  since: z.string(),
  /** Of the start of the machine, where the system tells it. */
  boot: z.string().optional(),
  /** Seconds since that start. */
  uptime: z.number().optional(),
})
type Holder = z.output<typeof Holder>

function bootId(): string | undefined {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return undefined
  }
}

const me = (): Holder => ({
  pid: process.pid,
  host: os.hostname(),
  since: new Date().toISOString(),
  boot: bootId(),
  uptime: os.uptime(),
})

/** Numbers of processes begin again when the machine does: one from before is another process now. */
const isOlderThanBoot = ({ boot, uptime }: Holder, now: Holder): boolean =>
  (boot !== undefined && now.boot !== undefined && boot !== now.boot) || (uptime ?? 0) > now.uptime!

/** Other machines' processes cannot be asked: theirs count as alive. */
const holds = (holder: Holder, now: Holder): boolean =>
  holder.host !== now.host || (holder.pid !== now.pid && !isOlderThanBoot(holder, now) && isAlive(holder.pid))

/** Removes half-written files, which carry the process that wrote them, here and below; all, or those of one process. */
function clearHalfWritten(folder: string, by = String.raw`\d+`): void {
  if (!fs.existsSync(folder)) return
  for (const { name } of leftIn(folder, new RegExp(String.raw`\.(${by})\.tmp$`)))
    fs.rmSync(path.join(folder, name), { recursive: true, force: true })
  for (const entry of fs.readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) clearHalfWritten(path.join(folder, entry.name), by)
}

const NO_LINKS = new Set<unknown>(['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM'])

/** Puts the lock in place whole, so that nobody ever reads half of one. Throws `EEXIST` where there is one. */
function place(file: string, holder: Holder): void {
  const text = JSON.stringify(holder)
  const mine = `${file}.${process.pid}.tmp`
  try {
    fs.writeFileSync(mine, text, { flush: true })
    fs.linkSync(mine, file)
  } catch (cause) {
    // Some disks have no hard links.
    if (!NO_LINKS.has((cause as NodeJS.ErrnoException).code)) throw cause
    fs.writeFileSync(file, text, { flag: 'wx', flush: true })
  } finally {
    fs.rmSync(mine, { force: true })
  }
}

/** Undefined where it is gone, or is no file. */
function textOf(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Takes away a lock that was found to be of nobody; one that another has put there meanwhile is put back. */
function takeAway(file: string, found: string | undefined): void {
  const away = `${file}.old.${process.pid}.tmp`
  try {
    fs.renameSync(file, away)
    if (textOf(away) !== found) fs.linkSync(away, file)
  } catch (cause) {
    // Somebody else was faster: what lies there now is looked at anew.
    if (!['ENOENT', 'EEXIST'].includes((cause as NodeJS.ErrnoException).code ?? '')) throw cause
  }
  fs.rmSync(away, { recursive: true, force: true })
}

function holderIn(text: string | undefined): Holder | undefined {
  try {
    return Holder.safeParse(JSON.parse(text ?? '')).data
  } catch {
    return undefined
  }
}

/** What processes of this machine that were killed while they took the lock left beside it. */
function clearBeside(folder: string, now: Holder): void {
  for (const { name } of leftIn(folder, /^lock\.json(?:\.old)?\.(\d+)\.tmp$/)) {
    const left = path.join(folder, name)
    if ((holderIn(textOf(left))?.host ?? now.host) === now.host)
      fs.rmSync(left, { recursive: true, force: true })
  }
}

/** Makes the folder if it must; gives what unlocks it. */
function lock(folder: string, shared: string | undefined): () => void {
  const file = path.join(folder, 'lock.json')
  const now = me()
  for (;;)
    try {
      fs.mkdirSync(folder, { recursive: true })
      place(file, now)
      clearBeside(folder, now)
      return () => fs.rmSync(file, { force: true })
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw diskError(cause, file, 0)
      const found = textOf(file)
      const holder = holderIn(found)
      if (holder && holds(holder, now)) {
        const { pid, host, since } = holder
        throw new PareError('run/busy', { folder, holder: `process ${pid} on ${host}`, since })
      }
      onDisk(file, () => takeAway(file, found))
      clearHalfWritten(folder)
      if (shared && holder) clearHalfWritten(shared, String(holder.pid))
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
