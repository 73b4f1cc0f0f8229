/** The state of a training after an epoch, on disk, so that a crash costs at most an epoch. */
import fs from 'node:fs'
import path from 'node:path'
import { sync as writeAtomically } from 'write-file-atomic'
import { z } from 'zod'
import { diskError, onDisk } from '../../contract/errors'

/** JSON has no NaN. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? NaN)

const Head = z.object({
  /** Tells model, data and settings apart: another training's checkpoint is not gone on with. */
  key: z.string(),
  epoch: z.int(),
  /** Updates the optimizer made. */
  steps: z.int(),
  rate: z.number(),
  bestEpoch: z.int(),
  /** null where no epoch counted yet: JSON has no −Infinity. */
  bestScore: z.number().nullable(),
  sinceBest: z.int(),
  curve: z.array(z.object({ epoch: z.number(), loss: figure, quality: figure.optional() })),
})
export type CheckpointHead = z.output<typeof Head>

const OnDisk = Head.extend({ lengths: z.array(z.int()) })

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
  const file = fileIn(folder)
  if (!fs.existsSync(file)) return undefined
  const bytes = onDisk(file, () => fs.readFileSync(file))
  const end = bytes.indexOf(10)
  if (end < 0) return undefined
  let found: z.output<typeof OnDisk> | undefined
  try {
    found = OnDisk.safeParse(JSON.parse(bytes.toString('utf8', 0, end))).data
  } catch {
    return undefined
  }
  if (!found) return undefined
  const { lengths: own, ...head } = found
  const total = lengths.reduce((n, length) => n + 4 * length, 0)
  if (head.key !== key || own.join() !== lengths.join() || bytes.length !== end + 1 + total) return undefined
  let at = end + 1
  const arrays = lengths.map((length) => {
    const array = new Float32Array(Uint8Array.from(bytes.subarray(at, at + 4 * length)).buffer)
    at += 4 * length
    return array
  })
  return { head, arrays }
}
