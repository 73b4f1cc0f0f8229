/** Lists the files of an image or sound folder with their labels: a folder per class, or a file of labels. */
import fs from 'node:fs/promises'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { openCsv } from './csv'
import { Folder } from './folder'
import { formatOfFile, formatOfName, type Format } from './formats'
import { LabelColumn, textOf } from './label-column'
import { labelRank, placesIn, splitOfName } from './names'
import type { MadeLabels, RawLabels } from './source'
import { readText } from './text-stream'

export interface MediaFiles {
  root: string
  /** Relative to the root. Classes take turns, so that the start of the list holds some of each. */
  files: string[]
  labels?: Exclude<RawLabels, MadeLabels>
  notes: string[]
}

const LABEL_FILE_LIMIT = 256 * 2 ** 20

/** `texts`: labels are texts, also those of digits alone. Throws `data/empty`, `data/unreadable`. */
export async function mediaFiles(
  root: string,
  format: Format,
  labelFile: string | undefined,
  texts = false,
): Promise<MediaFiles> {
  const folder = await Folder.open(root)
  const all = await folder.files((name) => formatOfName(name) === format)
  if (all.length === 0) throw new PareError('data/empty', { path: root })
  if (labelFile !== undefined) return listed(folder, all, await fileLabels(labelFile), labelFile, texts)
  const classOf = (file: string): string | undefined =>
    file.includes(path.sep) ? file.split(path.sep, 1)[0] : undefined
  const names = [...new Set(all.map(classOf))]
  if (names.includes(undefined))
    return {
      root,
      files: all,
      notes: names.length > 1 ? ['Some files lie in no class folder, so no labels are used.'] : [],
    }
  const files = inTurns(all, (file) => classOf(file)!)
  const placeOf = placesIn(names as string[])
  const of = Int32Array.from(files, (file) => placeOf(classOf(file)!))
  return { root, files, labels: { kind: 'names', names: names as string[], of }, notes: [] }
}

const LABEL_LIST = /^(labels|annotations|metadata)\.(csv|tsv|json|jsonl)$/i

/** A file of labels describes the files it lies beside; above the folders of splits that hold no classes, those of all. */
export async function labelsBeside(
  folder: string,
  labelFile: string | undefined,
): Promise<string | undefined> {
  const { files } = await (await Folder.open(folder)).list()
  const own = files.find((name) => LABEL_LIST.test(name))
  if (own !== undefined) return path.join(folder, own)
  if (labelFile !== undefined && path.dirname(labelFile) === folder) return labelFile
  const isSplit = splitOfName(path.basename(folder))?.rest === ''
  if (!isSplit || !files.some((name) => ['images', 'audio'].includes(formatOfName(name) ?? '')))
    return undefined
  const above = path.dirname(folder)
  const shared = (await (await Folder.open(above)).list()).files.find((name) => LABEL_LIST.test(name))
  return shared === undefined ? undefined : path.join(above, shared)
}

/** A name in a file of labels as a path below `root`; outside of it, of the files of another split. */
const isElsewhere = (relative: string): boolean => relative.split(path.sep, 1)[0] === '..'

const belowRoot = (root: string, labelFile: string, name: string): string =>
  path.relative(root, path.resolve(path.dirname(labelFile), name))

/** First of each class, second of each class, …: stable, and balanced from the start. */
function inTurns(files: readonly string[], classOf: (file: string) => string): string[] {
  const seen = new Map<string, number>()
  const turn = new Map<string, number>()
  for (const file of files) {
    const name = classOf(file)
    turn.set(file, seen.get(name) ?? 0)
    seen.set(name, (seen.get(name) ?? 0) + 1)
  }
  return files.toSorted((a, b) => turn.get(a)! - turn.get(b)!)
}

async function listed(
  folder: Folder,
  all: readonly string[],
  labels: ReadonlyMap<string, string>,
  labelFile: string,
  texts: boolean,
): Promise<MediaFiles> {
  const known = new Set(all)
  const byName = new Map<string, string>()
  for (const file of all) {
    byName.set(path.basename(file), file)
    byName.set(path.parse(file).name, file)
  }
  const isShared = path.dirname(labelFile) !== folder.root
  const files: string[] = []
  const column = new LabelColumn()
  let missing = 0
  for (const [name, label] of labels) {
    const relative = path.normalize(name)
    const below = belowRoot(folder.root, labelFile, name)
    if (isElsewhere(below) && splitOfName(relative.split(path.sep, 1)[0]!)?.rest === '') continue
    const file = [below, relative].find((one) => known.has(one)) ?? byName.get(path.basename(relative))
    if (file === undefined || !(await folder.inside(file))) {
      // A list of all splits may name files without saying which of them has it.
      if (!isShared || !isElsewhere(below)) missing++
      continue
    }
    files.push(file)
    column.push(label, labelFile, file)
  }
  if (files.length === 0)
    throw new PareError('data/unreadable', {
      path: labelFile,
      reason: `none of the files it names lies in ${folder.root}`,
    })
  const notes = missing > 0 ? [`${missing} files named in ${path.basename(labelFile)} are missing.`] : []
  const left = all.length - new Set(files).size
  if (left > 0) notes.push(`${left} files without a label are left out.`)
  const found = await column.finish(labelFile, texts)
  return { root: folder.root, files, ...(found && { labels: found }), notes }
}

/** File name → label, from CSV or TSV, a JSON object, or a list or lines of JSON objects. */
async function fileLabels(file: string): Promise<Map<string, string>> {
  const stat = await fs.stat(file)
  if (!stat.isFile()) throw new PareError('data/unreadable', { path: file, reason: 'it is no file' })
  if (stat.size > LABEL_FILE_LIMIT)
    throw new PareError('data/unreadable', { path: file, reason: 'a file of labels this large' })
  return (await formatOfFile(file)) === 'text' ? jsonLabels(file) : csvLabels(file)
}

const FILE_COLUMN = /^(file|file_?name|image|image_?id|img|path|filepath|id|name|audio|wav|fname)$/i

async function csvLabels(file: string): Promise<Map<string, string>> {
  const csv = await openCsv(file)
  const nameAt = Math.max(
    0,
    csv.columns.findIndex((name) => FILE_COLUMN.test(name)),
  )
  const byName = csv.columns.findIndex((name, i) => i !== nameAt && labelRank(name) !== undefined)
  const labelAt = byName >= 0 ? byName : nameAt === 0 ? 1 : 0
  const labels = new Map<string, string>()
  for await (const { cells } of csv.records()) {
    const label = cells[labelAt]?.trim() ?? ''
    if (label !== '') labels.set(cells[nameAt]!.trim(), label)
  }
  return labels
}

async function jsonLabels(file: string): Promise<Map<string, string>> {
  const text = await readText(file)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    parsed = text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [jsonLine(file, line, i + 1)]))
  }
  if (typeof parsed !== 'object' || parsed === null) throw noLabels(file, 'it')
  if (!Array.isArray(parsed))
    return new Map(Object.entries(parsed).map(([name, label]) => [name, textOf(label)]))
  const labels = new Map<string, string>()
  for (const [i, item] of (parsed as unknown[]).entries()) {
    if (typeof item !== 'object' || item === null) throw noLabels(file, `record ${i + 1}`)
    const keys = Object.keys(item)
    const values = item as Record<string, unknown>
    const name = keys.find((key) => FILE_COLUMN.test(key))
    const label =
      keys.find((key) => key !== name && labelRank(key) !== undefined) ?? keys.find((key) => key !== name)
    if (name !== undefined && label !== undefined) labels.set(textOf(values[name]), textOf(values[label]))
  }
  return labels
}

const noLabels = (file: string, what: string): PareError =>
  new PareError('data/unreadable', {
    path: file,
    reason: `${what} is no JSON object such as {"file": "…", "label": "…"}`,
  })

function jsonLine(file: string, line: string, number: number): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new PareError(
      'data/unreadable',
      { path: file, reason: `line ${number} is not valid JSON` },
      { cause },
    )
  }
}
