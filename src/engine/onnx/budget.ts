/**
 * How much memory and disk a job may take. Sizes that a file only declares are checked against it before anything
 * is allocated; what cannot be foreseen is watched (`jobs/memory-watch.ts`).
 */
import fs from 'node:fs'
import os from 'node:os'
import { PareError } from '../../contract/errors'

/** Share of what is free that a job may take. */
const SHARE = 0.5

/** Bytes that whoever started this process allows it; not a positive number where nobody said. */
export const GIVEN_MEMORY = Number(process.env.PARE_MEMORY)

/** Bytes this process may use: those it was given, else half of what was free when it was started. */
export const MEMORY_BUDGET: number = GIVEN_MEMORY || SHARE * freeMemory()

/** Some systems count caches as used, so at least half of the machine, or of the container, is taken as free. */
function freeMemory(): number {
  const all = Math.min(os.totalmem(), process.constrainedMemory() || Infinity)
  return Math.max(Math.min(os.freemem(), all), all / 2)
}

/** Throws `limit/memory` where `bytes` are more than the budget; `what` is what would take them. */
export function requireMemory(bytes: number, what: string, budget = MEMORY_BUDGET): void {
  if (bytes > budget) throw new PareError('limit/memory', { what, needed: bytes, budget })
}

/** Bytes that may be written into `folder` and below: half of what its disk has free. */
export function diskBudget(folder: string): number {
  const { bavail, bsize } = fs.statfsSync(folder)
  return SHARE * bavail * bsize
}

/** Throws `limit/disk` where `bytes` are more than the budget of the disk under `folder`, which exists. */
export function requireDisk(bytes: number, what: string, folder: string): void {
  const budget = diskBudget(folder)
  if (bytes > budget) throw new PareError('limit/disk', { what, needed: bytes, budget, path: folder })
}
