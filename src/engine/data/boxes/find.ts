/** Recognises pictures with boxes below a folder: COCO's JSON, YOLO's data.yaml, Pascal VOC's XML. */
import fs from 'node:fs/promises'
import path from 'node:path'
import { Folder } from '../folder'
import { formatOfName } from '../formats'
import { naturalOrder, splitOfName, type GivenSplit } from '../names'
import { readYoloFile } from './yolo'

const HEAD = 2 ** 20
const COCO_KEYS = [/"images"\s*:/, /"(annotations|categories)"\s*:/]

/** An annotation file of COCO says early what it has; one that begins with its boxes shows those. */
async function isCoco(file: string): Promise<boolean> {
  const handle = await fs.open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD), 0, HEAD, 0)
    const head = buffer.toString('latin1', 0, bytesRead)
    if (!/^\s*\{/.test(head)) return false
    return COCO_KEYS.every((key) => key.test(head)) || /"annotations"\s*:\s*\[\s*\{[^}]*"bbox"/.test(head)
  } finally {
    await handle.close()
  }
}

interface Place {
  path: string
  files: string[]
}

interface Found {
  splits: Partial<Record<GivenSplit, Place>>
  whole?: Place
  notes: string[]
}

const located = (
  root: string,
  found: Found,
): Found & { format: 'boxes'; root: string; companions: object } => ({
  format: 'boxes',
  root,
  companions: {},
  ...found,
})

/** One file that describes such data, given by itself. */
export async function locateBoxFile(file: string): Promise<ReturnType<typeof located> | undefined> {
  const root = path.dirname(file)
  if (/\.ya?ml$/i.test(file)) {
    const found = await yoloPlaces(await Folder.open(root), file)
    return found && located(file, found)
  }
  if (!/\.json$/i.test(file) || !(await isCoco(file))) return undefined
  // Annotations of COCO lie beside the folder of pictures.
  const base = path.basename(root) === 'annotations' ? path.dirname(root) : root
  return located(file, { splits: {}, whole: { path: base, files: [file] }, notes: [] })
}

export async function locateBoxes(folder: Folder): Promise<ReturnType<typeof located> | undefined> {
  const { files, folders } = await folder.list()
  for (const name of files.filter((one) => /\.ya?ml$/i.test(one))) {
    const found = await yoloPlaces(folder, path.join(folder.root, name))
    if (found) return located(folder.root, found)
  }
  const found = (await cocoPlaces(folder, files, folders)) ?? (await vocPlaces(folder, files, folders))
  return found && located(folder.root, found)
}

async function yoloPlaces(folder: Folder, file: string): Promise<Found | undefined> {
  const yolo = await readYoloFile(file)
  if (!yolo) return undefined
  const splits: Found['splits'] = {}
  for (const [key, written] of Object.entries(yolo.places)) {
    const split = splitOfName(key)!.split
    for (const name of written) {
      // Roboflow and Ultralytics write them as seen from elsewhere: what is outside is sought below the file.
      const full = await folder.inside(
        name
          .split(/[\\/]/)
          .filter((part) => part !== '..' && part !== '.')
          .join(path.sep),
      )
      if (full === undefined || !(await fs.stat(full)).isDirectory()) continue
      splits[split] ??= { path: full, files: [file] }
      break
    }
  }
  if (Object.keys(splits).length > 0) return { splits, notes: [] }
  return { splits: {}, whole: { path: folder.root, files: [file] }, notes: [] }
}

/** Files of annotations at the root, in `annotations` and in folders of splits. */
async function cocoPlaces(folder: Folder, files: string[], folders: string[]): Promise<Found | undefined> {
  const candidates = files.map((name) => ({ name, split: splitOfName(path.parse(name).name)?.split }))
  for (const name of folders) {
    const split = splitOfName(name)?.split
    if (!split && name !== 'annotations') continue
    for (const file of (await folder.list(path.join(folder.root, name))).files)
      candidates.push({
        name: path.join(name, file),
        split: split ?? splitOfName(path.parse(file).name.replace(/(train|val|test)\d{4}/, '$1'))?.split,
      })
  }
  const splits: Partial<Record<GivenSplit | 'whole', string[]>> = {}
  for (const { name, split } of candidates) {
    const full = path.join(folder.root, name)
    if (/\.json$/i.test(name) && (await isCoco(full))) (splits[split ?? 'whole'] ??= []).push(full)
  }
  const entries = Object.entries(splits) as [GivenSplit | 'whole', string[]][]
  if (entries.length === 0) return undefined
  const notes: string[] = []
  const places = entries.map(([split, all]): [GivenSplit | 'whole', Place] => {
    const best = all.find((file) => /instances/i.test(path.basename(file))) ?? all[0]!
    const left = all.filter((file) => file !== best).map((file) => path.basename(file))
    if (left.length > 0) notes.push(`${left.join(', ')} is left out: ${path.basename(best)} is read.`)
    return [split, { path: folder.root, files: [best] }]
  })
  const { whole, ...given } = Object.fromEntries(places) as Partial<Record<GivenSplit | 'whole', Place>>
  return Object.keys(given).length > 0 ? { splits: given, notes } : { splits: {}, whole: whole!, notes }
}

const isXml = (name: string): boolean => /\.xml$/i.test(name)

/** `Annotations` with lists of ImageSets/Main, folders of splits, or everything beside each other. */
async function vocPlaces(folder: Folder, files: string[], folders: string[]): Promise<Found | undefined> {
  const place = async (at: string): Promise<Place | undefined> => {
    const { files: inside } = await folder.list(at)
    const all = inside.filter(isXml).map((name) => path.join(at, name))
    return all.length > 0 ? { path: folder.root, files: all } : undefined
  }
  const annotations = folders.find((name) => /^annotations$/i.test(name))
  const whole = annotations && (await place(path.join(folder.root, annotations)))
  if (whole) {
    const lists = await folder.list(path.join(folder.root, 'ImageSets', 'Main')).catch(() => ({ files: [] }))
    const splits: Found['splits'] = {}
    for (const name of lists.files) {
      // train.txt, but not car_train.txt, which is of one class.
      const split = splitOfName(path.parse(name).name)
      if (split?.rest === '' && name.endsWith('.txt'))
        splits[split.split] = { path: path.join(folder.root, 'ImageSets', 'Main', name), files: whole.files }
    }
    return Object.keys(splits).length > 0 ? { splits, notes: [] } : { splits, whole, notes: [] }
  }
  const splits: Found['splits'] = {}
  for (const name of folders.toSorted(naturalOrder)) {
    const split = splitOfName(name)
    const found = split?.rest === '' ? await place(path.join(folder.root, name)) : undefined
    if (found) splits[split!.split] = found
  }
  if (Object.keys(splits).length > 0) return { splits, notes: [] }
  const beside =
    files.some(isXml) && files.some((name) => formatOfName(name) === 'images')
      ? await place(folder.root)
      : undefined
  return beside && { splits: {}, whole: beside, notes: [] }
}
