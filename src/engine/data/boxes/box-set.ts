/** Pictures with boxes as files of labels have them, before a model is known. */
import fs from 'node:fs/promises'
import path from 'node:path'
import { PareError } from '../../../contract/errors'
import { requireMemory } from '../../onnx/budget'
import type { Box } from '../../tasks/detection/label-rows'
import type { Person } from '../../tasks/keypoints/people'
import { readText } from '../text-stream'

export interface BoxPicture {
  /** Relative to the root, inside of it. */
  file: string
  /** Pixels, or shares of the picture where `relative`. `class` is a position in `names`. */
  boxes: Box[]
  /** Where the labels have keypoints: people in pixels, of all pictures as many. */
  people?: Person[]
  relative: boolean
}

export interface BoxSet {
  root: string
  /** Classes in the order of the model's outputs. */
  names: string[]
  pictures: BoxPicture[]
  /** Labels with keypoints: how many each of these classes has. */
  skeleton?: { keypoints: number; names: string[] }
  notes: string[]
}

/** Files of labels are untrusted: none larger than this is read, no picture has more boxes. */
const FILE_LIMIT = 512 * 2 ** 20
export const BOX_LIMIT = 10_000

/** Throws `data/unreadable` for a file that is too large, `limit/memory`. `grows`: memory that its content takes, of its size. */
export async function labelFile(file: string, limit = FILE_LIMIT, grows = 6): Promise<string> {
  const { size } = await fs.stat(file).catch((cause: unknown) => {
    throw new PareError('data/not-found', { path: file }, { cause })
  })
  if (size > limit)
    throw new PareError('data/unreadable', { path: file, reason: 'a file of labels this large' })
  requireMemory(size * grows, `reading “${path.basename(file)}”`)
  return readText(file)
}

export const unreadable = (file: string, reason: string, cause?: unknown): PareError =>
  new PareError('data/unreadable', { path: file, reason }, { cause })

/** A box is finite and has a size. */
export const isBox = ({
  left,
  top,
  right,
  bottom,
}: Pick<Box, 'left' | 'top' | 'right' | 'bottom'>): boolean =>
  [left, top, right, bottom].every(Number.isFinite) && right > left && bottom > top

export const droppedNote = (dropped: number): string[] =>
  dropped > 0 ? [`${dropped} boxes without a size are left out.`] : []
