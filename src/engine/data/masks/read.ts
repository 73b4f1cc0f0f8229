/** Reads pictures with masks: the pictures as any other, the masks as numbers, placed as the pictures are. */
import fs from 'node:fs/promises'
import path from 'node:path'
import type { Preprocessing } from '../../../contract/dataset'
import { PareError } from '../../../contract/errors'
import { isFloat } from '../../onnx'
import { requireMemory } from '../../onnx/budget'
import { Folder } from '../folder'
import { placedIn } from '../image-decode'
import { imagesOf } from '../images'
import { indexMap, type IndexMap } from '../png-index'
import type { Reader, ReaderContext } from '../reader'
import { SkippedFiles } from '../skipped'
import type { MadeLabels } from '../source'
import { evaluatedOutput } from '../tasks'
import { pairs } from './find'

const FILE_LIMIT = 256 * 2 ** 20
/** Masks that are looked at to tell what their numbers mean. */
const LOOK = 32
/** No class here: the void of Pascal VOC and Cityscapes, and the border of a letterboxed picture. */
const VOID = 255
const IGNORED = -100n

export const readMasks: Reader = async (place, context) => {
  // Pictures and masks lie beside each other, or below two folders that do.
  const folder = await Folder.open(commonFolder(place.path, place.files[0]!))
  const found = await pairs(folder, place)
  if (found.length === 0) throw new PareError('data/empty', { path: place.path })
  const file = (name: string): string => path.join(folder.root, name)
  const mask = (index: number): Promise<IndexMap> => readMask(file(found[index]!.mask))
  const labels = await maskLabels(found.length, mask, context, place.path)
  const pictures = {
    length: found.length,
    name: (index: number) => found[index]!.picture,
    load: async (index: number) => file(found[index]!.picture),
    close: async () => {},
  }
  const skipped = new SkippedFiles('images')
  return [
    { source: await imagesOf(pictures, labels, place.path, context, [], skipped, { resize: 'stretch' }) },
  ]
}

function commonFolder(a: string, b: string): string {
  let at = path.dirname(a)
  while (!b.startsWith(at + path.sep) && at !== path.dirname(at)) at = path.dirname(at)
  return at
}

/** Throws `data/unreadable`. */
async function readMask(file: string): Promise<IndexMap> {
  try {
    const { size } = await fs.stat(file)
    if (size > FILE_LIMIT) throw new Error('a mask this large')
    requireMemory(size, `reading “${path.basename(file)}”`)
    return indexMap(await fs.readFile(file))
  } catch (cause) {
    if (cause instanceof PareError) throw cause
    throw new PareError('data/unreadable', { path: file, reason: (cause as Error).message }, { cause })
  }
}

/** One channel as output is a share of a thing at every pixel; several are classes. */
function isMatte({ model, options }: ReaderContext): boolean {
  const { name, dims } = evaluatedOutput(model, options.output)
  const { dtype } = model.graph.outputs.find((output) => output.name === name)!
  if (dtype && !isFloat(dtype)) return false
  return dims.length === 2 || (dims.length === 3 && (dims[0] === 1 || dims[2] === 1))
}

async function maskLabels(
  length: number,
  mask: (index: number) => Promise<IndexMap>,
  context: ReaderContext,
  where: string,
): Promise<MadeLabels> {
  const seen = new Set<number>()
  for (let i = 0; i < Math.min(LOOK, length); i++) for (const value of (await mask(i)).values) seen.add(value)
  if (seen.has(-1))
    throw new PareError('data/unreadable', {
      path: where,
      reason:
        'its masks are colours, and nothing says which class each is; save them as grey levels or with a palette',
    })
  const levels = Math.max(...seen)
  const matte = isMatte(context)
  // White on black is one class, not the void.
  const white = !matte && seen.size === 2 && seen.has(0) && seen.has(VOID)
  return {
    kind: 'made',
    task: matte ? 'matting' : 'segmentation',
    names: [],
    reason: matte ? 'masks and an output of one channel' : 'a class a pixel in masks',
    async make(indices, preprocessing) {
      const maps = await Promise.all(indices.map((index) => mask(index)))
      const placed = maps.map((map) => placedMask(map, preprocessing, matte ? 0 : VOID))
      const [height, width] = sidesOf(preprocessing)
      const dims = [indices.length, height, width]
      const all = placed.flatMap((values) => Array.from(values))
      if (matte)
        return {
          dtype: 'float32',
          dims: [indices.length, 1, height, width],
          data: Float32Array.from(all, (v) => v / (levels > 1 ? 255 : 1)),
        }
      const classOf = (v: number): bigint =>
        v < 0 || (v === VOID && !white) ? IGNORED : BigInt(white && v === VOID ? 1 : v)
      return { dtype: 'int64', dims, data: BigInt64Array.from(all, classOf) }
    },
  }
}

function sidesOf(preprocessing: Preprocessing): [height: number, width: number] {
  if (preprocessing.kind === 'image') return [preprocessing.height, preprocessing.width]
  throw new TypeError('masks of what is no picture')
}

/** The nearest number for each pixel of the input; −1 (or `outside` of a matte) where the picture does not reach. */
function placedMask(
  { width, height, values }: IndexMap,
  preprocessing: Preprocessing,
  outside: number,
): Int16Array {
  if (preprocessing.kind !== 'image') return values
  const { scaled, left, top } = placedIn({ width, height }, preprocessing)
  const out = new Int16Array(preprocessing.width * preprocessing.height).fill(outside === VOID ? -1 : outside)
  for (let y = 0; y < preprocessing.height; y++) {
    const row = Math.floor(((y - top + 0.5) * height) / scaled.height)
    if (row < 0 || row >= height) continue
    for (let x = 0; x < preprocessing.width; x++) {
      const column = Math.floor(((x - left + 0.5) * width) / scaled.width)
      if (column >= 0 && column < width) out[y * preprocessing.width + x] = values[row * width + column]!
    }
  }
  return out
}
