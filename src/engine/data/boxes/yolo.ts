/**
 * YOLO's text files: a line a box of class, centre and size as shares of the picture, or of class and the corners of an
 * outline; data.yaml names the classes and where the pictures of each split lie. Source: Ultralytics, "Object Detection
 * Datasets Overview".
 */
import path from 'node:path'
import { PareError } from '../../../contract/errors'
import type { Folder } from '../folder'
import { formatOfName } from '../formats'
import { droppedNote, isBox, labelFile, unreadable, BOX_LIMIT, type BoxPicture, type BoxSet } from './box-set'
import type { Box } from '../../tasks/detection/label-rows'

interface YoloFile {
  names: string[]
  /** Split as it is called there → folders or lists of pictures, as they are written. */
  places: Record<string, string[]>
}

const YAML_LIMIT = 4 * 2 ** 20
const TEXT_LIMIT = 64 * 2 ** 20
const SPLIT_KEYS = ['train', 'val', 'valid', 'validation', 'test', 'calibration']

/** Undefined where the file is YAML of something else. Throws `data/unreadable`. */
export async function readYoloFile(file: string): Promise<YoloFile | undefined> {
  let json: unknown
  try {
    const { parse } = await import('yaml')
    // Aliases are of no use there and a way to fill memory; no tags beyond those of JSON.
    json = parse(await labelFile(file, YAML_LIMIT), { maxAliasCount: 0, schema: 'core' })
  } catch (cause) {
    if (cause instanceof PareError) throw cause
    throw unreadable(file, `it is not valid YAML (${(cause as Error).message.split('\n')[0]})`, cause)
  }
  if (typeof json !== 'object' || json === null) return undefined
  const { names, path: base, ...rest } = json as Record<string, unknown>
  const list = namesOf(names)
  if (!list) return undefined
  const places = Object.fromEntries(
    SPLIT_KEYS.flatMap((key) => {
      const value = rest[key]
      const all = (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string')
      const below = typeof base === 'string' ? all.map((one) => path.join(base, one)) : []
      return all.length > 0 ? [[key, [...all, ...below]]] : []
    }),
  )
  return { names: list, places }
}

function namesOf(names: unknown): string[] | undefined {
  if (Array.isArray(names) && names.length > 0) return names.map(String)
  if (typeof names !== 'object' || names === null) return undefined
  const list: string[] = []
  for (const [at, name] of Object.entries(names)) {
    if (!/^\d{1,5}$/.test(at)) return undefined
    list[Number(at)] = String(name)
  }
  return list.length > 0 ? Array.from(list, (name, at) => name ?? String(at)) : undefined
}

/** The label file of a picture: beside it, or below `labels` where the picture is below `images`. */
function labelsOf(picture: string): string[] {
  const text = `${path.join(path.dirname(picture), path.parse(picture).name)}.txt`
  const parts = text.split(path.sep)
  const at = parts.lastIndexOf('images')
  return at < 0 ? [text] : [[...parts.slice(0, at), 'labels', ...parts.slice(at + 1)].join(path.sep), text]
}

/** Pictures below `place`. Throws `data/unreadable`, `data/labels-out-of-range`. */
export async function readYolo(folder: Folder, place: string, names: readonly string[]): Promise<BoxSet> {
  const below = path.relative(folder.root, place)
  const all = await folder.files((name) => formatOfName(name) === 'images')
  const files = all.filter((file) => below === '' || file.startsWith(below + path.sep))
  const pictures: BoxPicture[] = []
  let unlabelled = 0
  let dropped = 0
  for (const file of files) {
    let boxes: Box[] | undefined
    for (const name of labelsOf(file)) {
      const full = await folder.inside(name)
      if (full === undefined) continue
      const read = boxesIn(await labelFile(full, TEXT_LIMIT), full, names.length)
      boxes = read.filter(isBox).slice(0, BOX_LIMIT)
      dropped += read.length - boxes.length
      break
    }
    if (!boxes) unlabelled++
    pictures.push({ file, boxes: boxes ?? [], relative: true })
  }
  return {
    root: folder.root,
    names: [...names],
    pictures,
    notes: [
      ...(unlabelled > 0
        ? [`${unlabelled} pictures have no file of labels: they are taken to show nothing.`]
        : []),
      ...droppedNote(dropped),
    ],
  }
}

function boxesIn(text: string, file: string, classes: number): Box[] {
  const boxes: Box[] = []
  for (const [i, line] of text.split('\n').entries()) {
    const words = line.trim().split(/\s+/)
    if (words[0] === '') continue
    const [klass, ...numbers] = words.map(Number) as [number, ...number[]]
    if (!Number.isInteger(klass) || numbers.length < 4 || numbers.some((value) => !Number.isFinite(value)))
      throw unreadable(file, `line ${i + 1} is not “class x y width height”`)
    if (klass < 0 || klass >= classes)
      throw new PareError('data/labels-out-of-range', { label: String(klass), classes })
    boxes.push({ ...(numbers.length >= 6 ? outlined(numbers) : centred(numbers)), class: klass, ignored: 0 })
  }
  return boxes
}

type Corners = Pick<Box, 'left' | 'top' | 'right' | 'bottom'>

const centred = ([x, y, width, height]: readonly number[]): Corners => ({
  left: x! - width! / 2,
  top: y! - height! / 2,
  right: x! + width! / 2,
  bottom: y! + height! / 2,
})

function outlined(numbers: readonly number[]): Corners {
  const [xs, ys] = [numbers.filter((_, i) => i % 2 === 0), numbers.filter((_, i) => i % 2 === 1)]
  const ends = (values: number[]): [number, number] =>
    values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity])
  const [[left, right], [top, bottom]] = [ends(xs), ends(ys)]
  return { left, top, right, bottom }
}
