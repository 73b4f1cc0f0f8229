/** Work that is killed at each of its writes, one after the other, and what must hold afterwards. */
import fs from 'node:fs'
import path from 'node:path'
import { createHash } from 'node:crypto'

export interface Scene {
  name: string
  /** Built entry that is killed. */
  entry: string
  /** Makes the folder what it is before the work. */
  prepare(folder: string): Promise<void>
  /** Ends when the work is done or its process was killed; throws where it fails by itself. */
  work(folder: string): Promise<void>
  /** What is wrong just after the kill; undefined where nothing is. */
  between(folder: string): Promise<string | undefined>
  /** Starts again and goes on; what is wrong then. */
  after(folder: string): Promise<string | undefined>
}

const VARIABLES = ['NODE_OPTIONS', 'PARE_KILL_IN', 'PARE_KILL_AT', 'PARE_KILL_LOG'] as const

/** Processes started meanwhile are killed at a step, or write their steps down. */
export async function harmed<T>(
  entry: string,
  harm: { at: number } | { log: string },
  work: () => Promise<T>,
): Promise<T> {
  const before = VARIABLES.map((name) => [name, process.env[name]] as const)
  process.env.NODE_OPTIONS = `--import ${path.resolve('attack/support/kill-at.mjs')}`
  process.env.PARE_KILL_IN = entry
  if ('at' in harm) process.env.PARE_KILL_AT = String(harm.at)
  else process.env.PARE_KILL_LOG = harm.log
  try {
    return await work()
  } finally {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
}

/** What is written at each step of the scene: the lines of the log of one unharmed run. */
export async function stepsOf(scene: Scene, folder: string, log: string): Promise<string[]> {
  await scene.prepare(folder)
  await harmed(scene.entry, { log }, () => scene.work(folder))
  return fs.existsSync(log) ? fs.readFileSync(log, 'utf8').trim().split('\n') : []
}

/**
 * Whether a process killed at `line` leaves the disk as one killed at `previous` does, the step before: what fsync writes
 * down the system has already, for whoever looks while it runs, and nothing happens between the end of a flushed write
 * and the renaming of the same file.
 */
export function leavesTheSame(previous: string | undefined, line: string): boolean {
  const [, when, what, file] = /^\d+ (\w+) (\w+) (.*)$/.exec(line) ?? []
  const [, earlier, written, last] = /^\d+ (\w+) (\w+) (.*)$/.exec(previous ?? '') ?? []
  if (written === 'fsyncSync' && earlier === 'before') return when === 'after' && what === 'fsyncSync'
  if (written === 'fsyncSync') return `${when} ${what}` === 'after writeFileSync' || what === 'renameSync'
  return earlier === 'after' && written === 'writeFileSync' && what === 'renameSync' && file === last
}

/** Files that only work that is going on may have. */
export function leftovers(folder: string): string | undefined {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const left = names.filter((name) =>
    /\.tmp$|(^|\/)\.(new|placing)$|(^|\/)\.[^/]*-\w{6}(-old|\.zip)?$/.test(name),
  )
  return left.length > 0 ? `left behind: ${left.join(', ')}` : undefined
}

export const hashOf = (file: string): string =>
  createHash('sha256').update(fs.readFileSync(file)).digest('hex')
