/** COCO's JSON: images, annotations with bbox [left, top, width, height], categories. Source: cocodataset.org/#format-data. */
import path from 'node:path'
import type { Folder } from '../folder'
import { readPeople, skeletonOf } from './coco-people'
import { droppedNote, isBox, labelFile, unreadable, BOX_LIMIT, type BoxPicture, type BoxSet } from './box-set'

type Entry = Record<string, unknown>

const entries = (value: unknown): Entry[] =>
  Array.isArray(value) ? value.filter((one): one is Entry => typeof one === 'object' && one !== null) : []

/** Where the pictures of an annotation file lie, below `folder`: the first place that has the first of them is taken. */
function placesOf(file: string, root: string): string[] {
  const name = path.basename(file, '.json')
  const own = path.dirname(file)
  const words = [name, name.split('_').at(-1)!, 'images', path.join('images', name.split('_').at(-1)!)]
  return [own, root, ...words.flatMap((word) => [path.join(own, word), path.join(root, word)])]
}

/** Throws `data/unreadable`. Pictures that are not there are left out and counted. */
export async function readCoco(file: string, folder: Folder): Promise<BoxSet> {
  let json: Entry
  try {
    json = JSON.parse(await labelFile(file)) as Entry
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw unreadable(file, 'it is not valid JSON', cause)
  }
  const [images, annotations] = [entries(json['images']), entries(json['annotations'])]
  const categories = withoutRoot(entries(json['categories']), annotations)
  if (images.length === 0 || categories.length === 0)
    throw unreadable(file, 'it has no images or no categories, as a COCO file of boxes has')
  const classOf = new Map(categories.map(({ id }, at) => [id, at]))
  const pictures = new Map<unknown, BoxPicture>()
  const where = await firstPlace(folder, file, String(images[0]!['file_name'] ?? ''))
  let missing = 0
  for (const { id, file_name: name } of images) {
    const full = typeof name === 'string' ? await folder.inside(path.join(where, name)) : undefined
    if (full === undefined) missing++
    else pictures.set(id, { file: path.relative(folder.root, full), boxes: [], relative: false })
  }
  if (pictures.size === 0) throw unreadable(file, `none of the pictures it names lies in ${folder.root}`)
  const skeleton = skeletonOf(categories)
  if (skeleton) readPeople(annotations, pictures, skeleton)
  let dropped = 0
  for (const { image_id: image, category_id: category, bbox, iscrowd } of annotations) {
    const picture = pictures.get(image)
    const klass = classOf.get(category)
    if (!picture || !Array.isArray(bbox)) continue
    if (klass === undefined)
      throw unreadable(file, `a box is of category ${String(category)}, which it does not list`)
    const [left, top, width, height] = bbox.map(Number) as [number, number, number, number]
    const ignored: 0 | 1 = iscrowd === 1 || iscrowd === true ? 1 : 0
    const box = { left, top, right: left + width, bottom: top + height, class: klass, ignored }
    if (isBox(box) && picture.boxes.length < BOX_LIMIT) picture.boxes.push(box)
    else dropped++
  }
  return {
    root: folder.root,
    names: categories.map(({ id, name }) => (typeof name === 'string' ? name : String(id))),
    pictures: [...pictures.values()],
    ...(skeleton && { skeleton: { keypoints: skeleton.keypoints, names: skeleton.names } }),
    notes: [
      ...(missing > 0 ? [`${missing} pictures named in ${path.basename(file)} are missing.`] : []),
      ...droppedNote(dropped),
    ],
  }
}

async function firstPlace(folder: Folder, file: string, name: string): Promise<string> {
  for (const place of placesOf(file, folder.root))
    if (await folder.inside(path.join(place, name))) return place
  return path.dirname(file)
}

/** In the order of their ids. Roboflow writes a category over all others first, of which there is no box. */
function withoutRoot(categories: Entry[], annotations: readonly Entry[]): Entry[] {
  const sorted = categories.toSorted((a, b) => Number(a['id']) - Number(b['id']))
  const [first, ...rest] = sorted
  const isRoot =
    rest.length > 0 &&
    rest.every(({ supercategory }) => supercategory === first!['name']) &&
    !annotations.some(({ category_id: id }) => id === first!['id'])
  return isRoot ? rest : sorted
}
