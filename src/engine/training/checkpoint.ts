/** The state of a training after an epoch, on disk, so that a crash costs at most an epoch. */
import fs from 'node:fs'
import path from 'node:path'
import { diskError } from '../../contract/errors'
import { sync as writeAtomically } from 'write-file-atomic'

export interface CheckpointHead {
  /** Tells model, data and settings apart: another training's checkpoint is not gone on with. */
  key: string
  epoch: number
  /** Updates the optimizer made. */
  steps: number
  rate: number
  bestEpoch: number
  /** null where no epoch counted yet: JSON has no −Infinity. */
  bestScore: number | null
  sinceBest: number
  curve: { epoch: number; loss: number; quality?: number }[]
}

const FILE = 'training.checkpoint'

const fileIn = (folder: string): string => path.join(folder, FILE)

/** Head as one line of JSON, then the arrays as they are. Throws `disk/full`, `disk/denied`, `disk/failed`. */
export function saveCheckpoint(folder: string, head: CheckpointHead, arrays: readonly Float32Array[]): void {
  const line = Buffer.from(`${JSON.stringify({ ...head, lengths: arrays.map((array) => array.length) })}\n`)
  const parts = arrays.map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength))
  const bytes = Buffer.concat([line, ...parts])
  try {
    writeAtomically(fileIn(folder), bytes)
  } catch (cause) {
    throw diskError(cause, fileIn(folder), bytes.length)
  }
}

/** The checkpoint of this key with arrays of these lengths; undefined where there is none that is whole. */
export function loadCheckpoint(
  folder: string,
  key: string,
  lengths: readonly number[],
): { head: CheckpointHead; arrays: Float32Array[] } | undefined {
  if (!fs.existsSync(fileIn(folder))) return undefined
  const bytes = fs.readFileSync(fileIn(folder))
  const end = bytes.indexOf(10)
  if (end < 0) return undefined
  let head: CheckpointHead & { lengths: number[] }
  try {
    head = JSON.parse(bytes.toString('utf8', 0, end)) as CheckpointHead & { lengths: number[] }
  } catch {
    return undefined
  }
  const total = lengths.reduce((n, length) => n + 4 * length, 0)
  if (head.key !== key || head.lengths.join() !== lengths.join() || bytes.length !== end + 1 + total)
    return undefined
  let at = end + 1
  const arrays = lengths.map((length) => {
    const array = new Float32Array(Uint8Array.from(bytes.subarray(at, at + 4 * length)).buffer)
    at += 4 * length
    return array
  })
  return { head, arrays }
}
