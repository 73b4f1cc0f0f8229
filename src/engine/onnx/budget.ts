/**
 * How much memory and disk a job may take. Sizes that a file only declares are checked against it before anything
 * is allocated; what cannot be foreseen is watched (`jobs/memory-watch.ts`).
 */
import fs from 'node:fs'
import os from 'node:os'
import { PareError } from '../../contract/errors'

/** Share of what is free that a job may take. */
const SHARE = 0.5

/** An engine that does next to nothing takes half of this: with less, none would get anywhere. */
const LEAST = 2 ** 29

/** Bytes that whoever started this process allows it; 0 where nobody said a positive number. */
export const GIVEN_MEMORY = Math.max(0, Number(process.env.PARE_MEMORY)) || 0

/** Bytes this process may use: those it was given, else half of what was free when it was started. */
export const MEMORY_BUDGET: number = GIVEN_MEMORY || Math.max(LEAST, SHARE * freeMemory())

/** Of the machine, or of the container. macOS counts caches as used: at least half of all is taken as free there. */
function freeMemory(): number {
  const free = Math.min(os.freemem(), process.availableMemory())
  return process.platform === 'darwin' ? Math.max(free, os.totalmem() / 2) : free
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
