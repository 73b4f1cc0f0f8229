/** Recognises pictures with masks: a folder of pictures beside one of masks, also within or below folders of splits. */
import path from 'node:path'
import type { Folder } from '../folder'
import { formatOfName } from '../formats'
import { splitOfName, type GivenSplit } from '../names'

const PICTURES = /^(images?|imgs?|pictures|jpegimages)$/i
const MASKS = /^(masks?|mattes?|alphas?|gts?|ground[-_]?truth|segmentationclass|labels?|annotations?)$/i

interface MaskPlace {
  /** The folder of pictures. */
  path: string
  /** The folder of masks, alone. */
  files: string[]
}

interface MasksLocated {
  format: 'masks'
  root: string
  splits: Partial<Record<GivenSplit, MaskPlace>>
  whole?: MaskPlace
  companions: { classList?: string }
  notes: string[]
}

/** The two folders in `at`, where the second holds PNG. */
async function pairIn(folder: Folder, at: string): Promise<MaskPlace | undefined> {
  const { folders } = await folder.list(at)
  const pictures = folders.find((name) => PICTURES.test(name))
  if (pictures === undefined) return undefined
  for (const masks of folders.filter((name) => MASKS.test(name))) {
    const below = path.join(at, masks)
    const { files, folders: inner } = await folder.list(below)
    const some =
      files.length > 0 || inner.length === 0 ? files : (await folder.list(path.join(below, inner[0]!))).files
    if (some.some((name) => /\.png$/i.test(name))) return { path: path.join(at, pictures), files: [below] }
  }
  return undefined
}

export async function locateMasks(folder: Folder): Promise<MasksLocated | undefined> {
  const { folders, files } = await folder.list()
  const list = files.find((name) => /^(classes|labels|class_names|names)\.(txt|json)$/i.test(name))
  const located = (found: Pick<MasksLocated, 'splits' | 'whole'>): MasksLocated => ({
    format: 'masks',
    root: folder.root,
    companions: list === undefined ? {} : { classList: path.join(folder.root, list) },
    notes: [],
    ...found,
  })
  const whole = await pairIn(folder, folder.root)
  const splits: MasksLocated['splits'] = {}
  if (whole) {
    // images/train beside masks/train.
    for (const name of (await folder.list(whole.path)).folders) {
      const split = splitOfName(name)
      const masks = path.join(whole.files[0]!, name)
      const there = split?.rest === '' && (await folder.inside(masks)) !== undefined
      if (there) splits[split.split] = { path: path.join(whole.path, name), files: [masks] }
    }
    return Object.keys(splits).length > 0 ? located({ splits }) : located({ splits, whole })
  }
  for (const name of folders) {
    const split = splitOfName(name)
    const found = split?.rest === '' ? await pairIn(folder, path.join(folder.root, name)) : undefined
    if (found) splits[split!.split] = found
  }
  return Object.keys(splits).length > 0 ? located({ splits }) : undefined
}

/** Each picture with its mask, by name without ending; a mask may be called "a_mask" or the like. */
export async function pairs(
  folder: Folder,
  { path: pictures, files }: { path: string; files: readonly string[] },
): Promise<{ picture: string; mask: string }[]> {
  const below = (place: string): string => path.relative(folder.root, place) + path.sep
  const all = await folder.files((name) => formatOfName(name) === 'images')
  const stem = (file: string): string =>
    path
      .parse(file)
      .name.replace(/[-_.](mask|seg|label|labelids|gt|matte|alpha|leftimg8bit|gtfine_labelids)$/i, '')
  const masks = new Map(
    all
      .filter((file) => file.startsWith(below(files[0]!)) && /\.png$/i.test(file))
      .map((file) => [stem(file), file]),
  )
  return all.flatMap((picture) => {
    const mask = picture.startsWith(below(pictures)) ? masks.get(stem(picture)) : undefined
    return mask === undefined ? [] : [{ picture, mask }]
  })
}
