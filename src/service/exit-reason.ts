/** Why the engine process ended: a lack of memory is told apart from a crash. */
import fs from 'node:fs'
import type { ErrorData } from '../contract/errors'
import type { EngineExit } from './engine-process'

const MEMORY_WORDS = /heap out of memory|allocation failed|bad_alloc|out of memory|cannot allocate memory/i

const COUNTERS = [
  { file: '/sys/fs/cgroup/memory.events', pattern: /^oom_kill (\d+)/m },
  { file: '/proc/vmstat', pattern: /^oom_kill (\d+)/m },
]

/** How often the kernel has killed for memory; undefined where it does not say. */
export function memoryKills(): number | undefined {
  let sum: number | undefined
  for (const { file, pattern } of COUNTERS) {
    try {
      const count = pattern.exec(fs.readFileSync(file, 'utf8'))?.[1]
      if (count !== undefined) sum = (sum ?? 0) + Number(count)
    } catch {
      // Not this kernel.
    }
  }
  return sum
}

/** `killsBefore` is what `memoryKills` gave when the process was started. */
export function exitError(exit: EngineExit, during: string, killsBefore: number | undefined): ErrorData {
  const killed = exit.signal === 'SIGKILL' || exit.code === 137
  const now = killed ? memoryKills() : undefined
  // Nobody but the kernel kills the engine this way without being asked; where it counts, its word is taken.
  const byKernel = killed && (now === undefined || killsBefore === undefined || now > killsBefore)
  if (byKernel || MEMORY_WORDS.test(exit.log)) return { code: 'engine/out-of-memory', during }
  return { code: 'engine/crashed', exit: exit.signal ?? `exit code ${exit.code ?? 'unknown'}`, during }
}
