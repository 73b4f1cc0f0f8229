/** Finds the data below a path: which format, which splits, what lies beside it. Opens nothing but names. */
import fs from 'node:fs/promises'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { locateBoxes, locateBoxFile } from './boxes/find'
import { Folder, type Listing } from './folder'
import { FORMATS, formatOfFile, formatOfName, isCharacterList, isClassList, type Format } from './formats'
import { locateMasks } from './masks/find'
import { naturalOrder, splitOfName, type GivenSplit } from './names'

/** Where the samples of one split (or of an unsplit set) lie. */
export interface Place {
  /** The file, or the folder of classes; for messages too. */
  path: string
  /** Files to read as one, in order; empty for folders of classes. */
  files: string[]
}

export interface Located {
  format: Format
  root: string
  splits: Partial<Record<GivenSplit, Place>>
  /** Samples that nobody split. */
  whole?: Place
  companions: Companions
  notes: string[]
}

/** Files beside the data that describe it. */
export interface Companions {
  tokenizer?: string
  /** Class names in order. */
  classList?: string
  /** Characters of texts, in order. */
  characters?: string
  /** Labels of image or sound files, by file name. */
  labelFile?: string
}

const EXPECTED =
  'NPZ or NPY arrays, CSV or TSV tables, Parquet, JSONL text, a folder of images or WAV files by class, pictures with boxes (COCO JSON, YOLO data.yaml, Pascal VOC XML) or masks (images/ beside masks/), or train/ calibration/ validation/ with any of these'

/**
 * Throws `data/not-found`, `data/empty` for a folder with nothing in it, `data/unrecognised` for anything else.
 */
export async function locate(root: string, wanted?: Format): Promise<Located> {
  const stat = await fs.stat(root).catch((cause: unknown) => {
    throw new PareError('data/not-found', { path: root }, { cause })
  })
  // Pipes and devices are nothing to read from: some would never answer.
  if (!stat.isDirectory() && !stat.isFile())
    throw new PareError('data/unrecognised', { path: root, expected: EXPECTED })
  const pictures = await locatePictures(root, stat.isDirectory(), wanted)
  if (pictures) return pictures
  const found = stat.isDirectory() ? await locateFolder(root, wanted) : await locateFile(root)
  if (found) return found
  throw new PareError('data/unrecognised', { path: root, expected: EXPECTED })
}

/** Pictures whose labels are files of their own: boxes or masks. */
async function locatePictures(
  root: string,
  isFolder: boolean,
  wanted: Format | undefined,
): Promise<Located | undefined> {
  const may = (format: Format): boolean => wanted === undefined || wanted === format
  if (!isFolder) return may('boxes') ? locateBoxFile(root) : undefined
  const folder = await Folder.open(root)
  return (
    (may('boxes') ? await locateBoxes(folder) : undefined) ??
    (may('masks') ? await locateMasks(folder) : undefined)
  )
}

async function locateFile(file: string): Promise<Located | undefined> {
  const format = await formatOfFile(file)
  if (!format || format === 'images') return undefined
  const folder = await Folder.open(path.dirname(file))
  const companions = companionsOf(folder.root, await folder.list())
  delete companions.labelFile
  return { format, root: file, splits: {}, whole: { path: file, files: [file] }, companions, notes: [] }
}

async function locateFolder(root: string, wanted?: Format): Promise<Located | undefined> {
  const folder = await Folder.open(root)
  const listing = await folder.list()
  if (listing.files.length === 0 && listing.folders.length === 0)
    throw new PareError('data/empty', { path: root })
  let found = await candidates(folder, root)
  if (found.length === 0)
    for (const name of listing.folders) found.push(...(await candidates(folder, path.join(root, name))))
  if (wanted) found = found.filter((candidate) => candidate.format === wanted)
  found.sort((a, b) => FORMATS.indexOf(a.format) - FORMATS.indexOf(b.format))
  const [best, ...others] = found
  if (!best) return undefined
  if (others.length > 0) {
    const place = (candidate: Located): string =>
      candidate.root === root ? `${candidate.format} files` : path.relative(root, candidate.root)
    best.notes.push(
      `The data is there in ${found.length} forms. Read: ${place(best)}. Left out: ${others.map(place).join(', ')}.`,
    )
  }
  best.companions = { ...companionsOf(root, listing), ...best.companions }
  return best
}

/** Every way to read one folder, at most one per format. */
async function candidates(folder: Folder, at: string): Promise<Located[]> {
  const listing = await folder.list(at)
  const companions = companionsOf(at, listing)
  const found = new Map<Format, Located>()
  const entry = (format: Format): Located => {
    const known = found.get(format)
    if (known) return known
    const fresh: Located = { format, root: at, splits: {}, companions, notes: [] }
    found.set(format, fresh)
    return fresh
  }
  for (const name of listing.folders) {
    const named = splitOfName(name)
    if (named?.rest !== '') continue
    for (const [format, place] of await places(folder, path.join(at, name)))
      entry(format).splits[named.split] ??= place
  }
  if (found.size > 0) return [...found.values()]
  const flatMedia = listing.files.some((name) => isMedia(formatOfName(name)))
  for (const format of FORMATS) {
    const files = listing.files.filter((name) => formatOfName(name) === format)
    if (files.length === 0 || (flatMedia && !isMedia(format))) continue
    if (isMedia(format)) entry(format).whole = { path: at, files: [] }
    else groupFiles(entry(format), at, files)
  }
  if (!flatMedia)
    for (const format of await classFolders(folder, at, listing))
      entry(format).whole = { path: at, files: [] }
  return [...found.values()]
}

const isMedia = (format: Format | undefined): boolean => format === 'images' || format === 'audio'

/** Files named after splits, or parts of one set. */
function groupFiles(located: Located, at: string, files: string[]): void {
  const bySplit = new Map<GivenSplit | undefined, string[]>()
  for (const name of files) {
    const split = splitOfName(path.parse(name).name)?.split
    bySplit.set(split, [...(bySplit.get(split) ?? []), name])
  }
  const full = (names: string[]): string[] => names.map((name) => path.join(at, name))
  const unnamed = bySplit.get(undefined) ?? []
  if (bySplit.size === 1 && unnamed.length > 0) {
    located.whole = { path: unnamed.length === 1 ? path.join(at, unnamed[0]!) : at, files: full(unnamed) }
    return
  }
  for (const [split, names] of bySplit) {
    if (!split) continue
    const chosen = located.format === 'npy' ? names : shards(names)
    const left = names.filter((name) => !chosen.includes(name))
    if (left.length > 0)
      located.notes.push(`${left.join(', ')} is left out: ${chosen.join(', ')} is that split.`)
    located.splits[split] = {
      path: chosen.length === 1 ? path.join(at, chosen[0]!) : at,
      files: full(chosen),
    }
  }
  if (unnamed.length > 0) located.notes.push(`${unnamed.join(', ')} is left out: its name says no split.`)
}

/** Numbered parts belong together; otherwise the file with the plainest name is the split. */
function shards(names: string[]): string[] {
  const rest = (name: string): string => splitOfName(path.parse(name).name)!.rest
  const parts = names.filter((name) => /^\d+(_of_\d+)?$/.test(rest(name)))
  if (parts.length === names.length) return names
  const [plainest] = names.toSorted((a, b) => rest(a).length - rest(b).length || naturalOrder(a, b))
  return [plainest!]
}

/** What one split folder holds, by format. */
async function places(folder: Folder, at: string): Promise<Map<Format, Place>> {
  const listing = await folder.list(at)
  const found = new Map<Format, Place>()
  const media = [
    ...new Set(listing.files.map(formatOfName).filter(isMedia)),
    ...(await classFolders(folder, at, listing)),
  ]
  for (const format of media) if (format) found.set(format, { path: at, files: [] })
  if (found.size > 0) return found
  for (const format of FORMATS) {
    const files = listing.files.filter((name) => formatOfName(name) === format)
    if (files.length > 0)
      found.set(format, {
        path: files.length === 1 ? path.join(at, files[0]!) : at,
        files: files.map((name) => path.join(at, name)),
      })
  }
  return found
}

/** Media formats whose files lie in the sub-folders. */
async function classFolders(folder: Folder, at: string, listing: Listing): Promise<Format[]> {
  const formats = new Set<Format>()
  for (const name of listing.folders) {
    if (splitOfName(name)?.rest === '') continue
    const { files } = await folder.list(path.join(at, name))
    for (const file of files) {
      const format = formatOfName(file)
      if (format && isMedia(format)) formats.add(format)
    }
    if (formats.size > 0) break
  }
  return [...formats]
}

function companionsOf(at: string, { files }: Listing): Companions {
  const companions: Companions = {}
  for (const name of files) {
    if (name === 'tokenizer.json') companions.tokenizer = path.join(at, name)
    else if (isCharacterList(name)) companions.characters ??= path.join(at, name)
    else if (isClassList(name)) companions.classList ??= path.join(at, name)
  }
  const tables = files.filter((name) => ['table', 'text'].includes(formatOfName(name) ?? ''))
  const labels = tables.find((name) => /label|annotation|metadata|class/i.test(name)) ?? tables[0]
  if (labels && files.some((name) => isMedia(formatOfName(name))))
    companions.labelFile = path.join(at, labels)
  return companions
}
