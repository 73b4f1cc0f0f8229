/**
 * Pascal VOC's XML, a file a picture. Sides are pixels counted from 1, the last one inside, so that a box covers
 * [xmin − 1, xmax]. Source: the development kit of VOC2012. The parser expands no entities but XML's own five.
 */
import path from 'node:path'
import type { Folder } from '../folder'
import { formatOfName } from '../formats'
import { naturalOrder, placesIn } from '../names'
import { droppedNote, isBox, labelFile, unreadable, BOX_LIMIT, type BoxPicture, type BoxSet } from './box-set'

const XML_LIMIT = 16 * 2 ** 20
/** A file of VOC is four deep. */
const DEPTH = 16
const NAME_LIMIT = 200

interface Thing {
  name: string
  difficult: boolean
  sides: Record<string, number>
}

const SIDES = ['xmin', 'ymin', 'xmax', 'ymax']

/** Throws `data/unreadable`. */
async function thingsIn(xml: string, file: string): Promise<{ picture?: string; things: Thing[] }> {
  const { SaxesParser } = await import('saxes')
  const parser = new SaxesParser()
  const open: string[] = []
  const things: Thing[] = []
  let picture: string | undefined
  let text = ''
  parser.on('doctype', () => {
    throw unreadable(file, 'it declares a document type, which labels have no need of')
  })
  parser.on('error', (cause) => {
    throw unreadable(file, `it is not valid XML (${cause.message})`, cause)
  })
  parser.on('opentag', ({ name }) => {
    open.push(name)
    text = ''
    if (open.length > DEPTH) throw unreadable(file, 'it is nested too deeply for labels')
    if (open.join('/') === 'annotation/object') things.push({ name: '', difficult: false, sides: {} })
    if (things.length > BOX_LIMIT) throw unreadable(file, `it has more than ${BOX_LIMIT} boxes`)
  })
  parser.on('text', (more) => (text += more))
  parser.on('closetag', ({ name }) => {
    const where = open.join('/')
    const thing = things.at(-1)
    if (where === 'annotation/filename') picture = text.trim()
    else if (thing && where === 'annotation/object/name') thing.name = text.trim().slice(0, NAME_LIMIT)
    else if (thing && where === 'annotation/object/difficult') thing.difficult = text.trim() === '1'
    else if (thing && where.startsWith('annotation/object/bndbox/') && SIDES.includes(name))
      thing.sides[name] = Number(text)
    open.pop()
    text = ''
  })
  parser.write(xml).close()
  return { ...(picture !== undefined && { picture }), things }
}

/**
 * The XML files of a folder with the pictures they belong to. `only`: names without ending, as ImageSets lists them.
 * `known`: classes in the order of the model; else those found, by name.
 */
export async function readVoc(
  folder: Folder,
  files: readonly string[],
  { known, only }: { known?: readonly string[]; only?: ReadonlySet<string> } = {},
): Promise<BoxSet> {
  const images = await folder.files((name) => formatOfName(name) === 'images')
  const byName = new Map(images.map((file) => [path.parse(file).name, file]))
  const found: { file: string; things: Thing[] }[] = []
  let missing = 0
  for (const file of files) {
    const { name } = path.parse(file)
    if (only && !only.has(name)) continue
    const full = await folder.inside(file)
    if (full === undefined) continue
    const { picture, things } = await thingsIn(await labelFile(full, XML_LIMIT), full)
    const image = byName.get(name) ?? (picture && byName.get(path.parse(picture).name))
    if (image) found.push({ file: image, things })
    else missing++
  }
  const names = known
    ? [...known]
    : [...new Set(found.flatMap(({ things }) => things.map(({ name }) => name)))].sort(naturalOrder)
  const placeOf = placesIn(names)
  let dropped = 0
  const pictures = found.map(({ file, things }): BoxPicture => {
    const boxes = things
      .map(({ name, difficult, sides }) => ({
        left: sides['xmin']! - 1,
        top: sides['ymin']! - 1,
        right: sides['xmax']!,
        bottom: sides['ymax']!,
        class: placeOf(name),
        ignored: difficult ? (2 as const) : (0 as const),
      }))
      .filter((box) => isBox(box) && box.class >= 0)
    dropped += things.length - boxes.length
    return { file, boxes, relative: false }
  })
  return {
    root: folder.root,
    names,
    pictures,
    notes: [...(missing > 0 ? [`${missing} files of labels have no picture.`] : []), ...droppedNote(dropped)],
  }
}
