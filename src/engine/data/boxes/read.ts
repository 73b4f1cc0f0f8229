/** Reads pictures with boxes: the pictures as any other, prepared as detectors usually want them. */
import fs from 'node:fs/promises'
import path from 'node:path'
import { PareError } from '../../../contract/errors'
import { Folder } from '../folder'
import { imageSize, type Size } from '../image-decode'
import type { ImageOptions } from '../image-input'
import { imagesOf } from '../images'
import { holdsKeypoints } from '../../tasks/keypoints/layouts'
import { sampleDims, signatureOf } from '../../runtime/signature'
import type { Reader, ReaderContext } from '../reader'
import { SkippedFiles } from '../skipped'
import { labelFile, unreadable, type BoxPicture, type BoxSet } from './box-set'
import { readCoco } from './coco'
import { boxLabels, peopleLabels } from './targets'
import { readVoc } from './voc'
import { readYolo, readYoloFile } from './yolo'

/** As YOLO's own code has it: the whole picture between grey borders, pixels from 0 to 1. */
const USUAL: Partial<ImageOptions> = {
  resize: 'letterbox',
  scale: 1 / 255,
  mean: [0],
  std: [1],
  cropRatio: 1,
}

export const readBoxes: Reader = async (place, context) => {
  const set = await boxSet(place.path, place.files, context.options.classes)
  if (set.pictures.length === 0) throw new PareError('data/empty', { path: place.path })
  const file = (index: number): string => path.join(set.root, set.pictures[index]!.file)
  const pictures = {
    length: set.pictures.length,
    name: (index: number) => set.pictures[index]!.file,
    load: async (index: number) => file(index),
    close: async () => {},
  }
  const sized = async (index: number): Promise<Size & BoxPicture> => ({
    ...(await imageSize(file(index))),
    ...set.pictures[index]!,
  })
  const labels = asksForKeypoints(set, context, place.path)
    ? peopleLabels(set.skeleton!, sized)
    : boxLabels(set.names, async (index) => {
        const { width, height, boxes, relative } = await sized(index)
        const [x, y] = relative ? [width, height] : [1, 1]
        const placed = boxes.map((box) => ({
          ...box,
          left: box.left * x,
          top: box.top * y,
          right: box.right * x,
          bottom: box.bottom * y,
        }))
        return { width, height, boxes: placed }
      })
  const skipped = new SkippedFiles('images')
  return [{ source: await imagesOf(pictures, labels, place.path, context, set.notes, skipped, USUAL) }]
}

/** Labels of people have boxes too: they are judged by keypoints where that is asked for, or the model gives such. */
function asksForKeypoints({ skeleton }: BoxSet, { model, options }: ReaderContext, where: string): boolean {
  if (options.task !== undefined) {
    if (options.task === 'keypoints' && !skeleton)
      throw unreadable(where, 'no category has keypoints, as those of COCO’s person_keypoints have')
    return options.task === 'keypoints'
  }
  if (!skeleton) return false
  const seen = { keypoints: skeleton.keypoints, classes: skeleton.names.length }
  return signatureOf(model).outputs.some((port) => holdsKeypoints([null, ...sampleDims(port)], seen))
}

async function boxSet(
  where: string,
  files: readonly string[],
  classes: readonly string[] | undefined,
): Promise<BoxSet> {
  const [first] = files
  const isFolder = (await fs.stat(where)).isDirectory()
  if (/\.ya?ml$/i.test(first!)) {
    const folder = await Folder.open(path.dirname(first!))
    return readYolo(folder, where, (await readYoloFile(first!))!.names)
  }
  if (/\.json$/i.test(first!)) return readCoco(first!, await Folder.open(where))
  // A list of ImageSets/Main lies two folders below the root.
  const folder = await Folder.open(isFolder ? where : path.resolve(where, '..', '..', '..'))
  const only = isFolder
    ? undefined
    : new Set((await labelFile(where)).split('\n').map((line) => line.trim().split(/\s+/)[0]!))
  const relative = files.map((file) => path.relative(folder.root, file))
  return readVoc(folder, relative, { ...(classes && { known: classes }), ...(only && { only }) })
}
