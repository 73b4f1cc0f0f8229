/** Boxes of a picture with how the picture became the input, so that what a model finds can be led back. */
import type { Preprocessing } from '../../../contract/dataset'
import { labelRows, type Box, type Frame } from '../../tasks/detection/label-rows'
import { peopleRows } from '../../tasks/keypoints/people'
import { placedIn, type Size } from '../image-decode'
import { placesIn } from '../names'
import type { MadeLabels } from '../source'
import type { BoxPicture, BoxSet } from './box-set'

/** `of`: size and boxes of a picture, in its pixels; their classes are positions in `names`. */
export const boxLabels = (
  names: readonly string[],
  of: (index: number) => Promise<Size & { boxes: Box[] }>,
): MadeLabels => ({
  kind: 'made',
  task: 'detection',
  names,
  reason: `boxes of ${names.length === 1 ? '1 class' : `${names.length} classes`}`,
  async make(indices, preprocessing, classes) {
    const position = names.map(placesIn(classes))
    return labelRows(
      await Promise.all(
        indices.map(async (index) => {
          const { boxes, ...size } = await of(index)
          const known = boxes.map((box) => ({ ...box, class: position[box.class]! }))
          return { frame: frameOf(size, preprocessing), boxes: known.filter((box) => box.class >= 0) }
        }),
      ),
    )
  },
})

/** `of`: size and people of a picture, in its pixels. */
export const peopleLabels = (
  { keypoints, names }: NonNullable<BoxSet['skeleton']>,
  of: (index: number) => Promise<Size & Pick<BoxPicture, 'people'>>,
): MadeLabels => ({
  kind: 'made',
  task: 'keypoints',
  names,
  reason: `${keypoints} keypoints of each ${names.join(' or ')}`,
  async make(indices, preprocessing, classes) {
    const position = names.map(placesIn(classes))
    const pictures = indices.map(async (index) => {
      const { people = [], ...size } = await of(index)
      const known = people.map((one) => ({ ...one, class: position[one.class]! }))
      return { frame: frameOf(size, preprocessing), people: known.filter((one) => one.class >= 0) }
    })
    return peopleRows(await Promise.all(pictures), keypoints)
  },
})

/** input = picture · scale + offset, exactly as the pixels were placed. */
function frameOf({ width, height }: Size, preprocessing: Preprocessing): Frame {
  if (preprocessing.kind !== 'image')
    return { width, height, scaleX: 1, scaleY: 1, left: 0, top: 0, inputWidth: width, inputHeight: height }
  const { scaled, left, top } = placedIn({ width, height }, preprocessing)
  return {
    width,
    height,
    scaleX: scaled.width / width,
    scaleY: scaled.height / height,
    left,
    top,
    inputWidth: preprocessing.width,
    inputHeight: preprocessing.height,
  }
}
