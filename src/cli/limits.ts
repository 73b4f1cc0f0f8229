/** `--max-drop`, `--max-bytes`, `--max-latency`, `--max-flash`, `--max-ram`: limits a result must keep for exit code 0. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { PareError } from '../contract/errors'
import {
  costsOf,
  misses,
  parseShare,
  parseSize,
  sizeIn,
  type Costs,
  type Limits,
  type Miss,
  type SizeLimit,
} from '../contract/limits'
import type { Report } from '../contract/report'
import type { Session } from './session'

export interface LimitOptions {
  maxDrop?: number
  maxBytes?: SizeLimit
  maxLatency?: number
  /** Bytes. */
  maxFlash?: number
  maxRam?: number
}

/** What was asked for, in bytes, and what stands against it. */
export interface Judged {
  limits: Limits & { missed: Pick<Miss, 'limit' | 'sentence'>[] }
}

export function numberOption(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('It must be a number, 0 or more.')
  return value
}

function sizeLimitOption(text: string): SizeLimit {
  const limit = parseSize(text)
  if (!limit)
    throw new InvalidArgumentError('It must be a size, such as 900KB, 25% of the original or 4x smaller.')
  return limit
}

function shareOption(text: string): number {
  const share = parseShare(text)
  if (!share) throw new InvalidArgumentError("It must be a share of the original's latency, such as 0.5x.")
  return share
}

export const dropOption = (): Option =>
  new Option('--max-drop <points>', 'most quality that may be lost; 1 is one percentage point').argParser(
    numberOption,
  )
export const bytesOption = (): Option =>
  new Option('--max-bytes <size>', 'largest file: 1MB, 25% of the original, or 4x smaller').argParser(
    sizeLimitOption,
  )
export const latencyOption = (): Option =>
  new Option('--max-latency <share>', "latency as a share of the original's, such as 0.5x").argParser(
    shareOption,
  )

function memoryOption(text: string): number {
  const limit = parseSize(text)
  if (!limit || !('bytes' in limit))
    throw new InvalidArgumentError('It must be a size, such as 256KB or 64KiB.')
  return limit.bytes
}

export const flashOption = (): Option =>
  new Option(
    '--max-flash <size>',
    'most flash that code and weights take on a microcontroller, such as 256KB',
  ).argParser(memoryOption)
export const ramOption = (): Option =>
  new Option('--max-ram <size>', 'most RAM that one run takes there, such as 64KB').argParser(memoryOption)

export const withLimitOptions = (command: Command): Command =>
  [dropOption(), bytesOption(), latencyOption(), flashOption(), ramOption()].reduce(
    (all, option) => all.addOption(option),
    command,
  )

export const limitsBoard = ({ maxFlash, maxRam }: LimitOptions): boolean =>
  maxFlash !== undefined || maxRam !== undefined

export const hasLimits = (options: LimitOptions): boolean =>
  options.maxDrop !== undefined ||
  options.maxBytes !== undefined ||
  options.maxLatency !== undefined ||
  limitsBoard(options)

/** Before anything is measured. Throws `limits/no-board`, and `target/unknown` where the engine would. */
export async function checkBoard(
  session: Session,
  { target = 'any', ...options }: LimitOptions & { target?: string },
): Promise<void> {
  if (!limitsBoard(options)) return
  const targets = await session.run('targets', undefined, 'listing the targets')
  const asked = targets.find(({ id, aliases }) => id === target || aliases.includes(target))
  const known = targets.filter(({ board }) => board).map(({ id }) => id)
  if (!asked?.board) throw new PareError('limits/no-board', { target, known })
}

/** True where the limits say nothing without an original to hold the model against. */
export const needOriginal = ({ maxDrop, maxBytes, maxLatency }: LimitOptions): boolean =>
  maxDrop !== undefined || maxLatency !== undefined || (maxBytes !== undefined && 'share' in maxBytes)

/** Before anything is measured: on random inputs no quality can be lost or kept. */
export function checkLimits({ maxDrop, data }: LimitOptions & { data?: string }): void {
  if (maxDrop !== undefined && data === undefined)
    throw new InvalidArgumentError('--max-drop needs --data: random inputs tell nothing of quality.')
}

/** Nothing where no limits were given. `original` may only be left out where `needOriginal` is false. */
export function judge(options: LimitOptions, costs: Costs, originalBytes = 0): Judged | undefined {
  if (!hasLimits(options)) return undefined
  const { maxDrop, maxBytes, maxLatency, maxFlash, maxRam } = options
  const limits: Limits = {
    ...(maxDrop !== undefined && { maxDrop }),
    ...(maxBytes && { maxBytes: sizeIn(maxBytes, originalBytes) }),
    ...(maxLatency !== undefined && { maxLatency }),
    ...(maxFlash !== undefined && { maxFlash }),
    ...(maxRam !== undefined && { maxRam }),
  }
  return {
    limits: { ...limits, missed: misses(limits, costs).map(({ limit, sentence }) => ({ limit, sentence })) },
  }
}

export const judgeReports = (
  options: LimitOptions,
  candidate: Report,
  original?: Report,
): Judged | undefined => judge(options, costsOf(candidate, original), original?.bytes)

/** Throws `limits/missed` where something is over; to be called when all else is printed. */
export function requireLimits(judged: Judged | undefined): void {
  const missed = judged?.limits.missed ?? []
  if (missed.length > 0)
    throw new PareError('limits/missed', { missed: missed.map(({ sentence }) => sentence) })
}
