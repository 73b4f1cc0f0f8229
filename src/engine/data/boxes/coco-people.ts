/** Keypoints in COCO's JSON: categories list their names, annotations hold x, y and whether it is seen for each. */
import type { Person } from '../../tasks/keypoints/people'
import { BOX_LIMIT, type BoxPicture } from './box-set'

type Entry = Record<string, unknown>

interface Skeleton {
  keypoints: number
  /** Categories that have so many keypoints, in the order of their ids. */
  names: string[]
  classOf: ReadonlyMap<unknown, number>
}

/** More keypoints are of no skeleton. */
const MOST = 1000
/** Of a box, where no area is given: as Ultralytics has it. */
const AREA = 0.53

/** Undefined where no category has keypoints. Those of another number than the first are of another skeleton. */
export function skeletonOf(categories: readonly Entry[]): Skeleton | undefined {
  const countOf = ({ keypoints }: Entry): number => (Array.isArray(keypoints) ? keypoints.length : 0)
  const first = categories.find((one) => countOf(one) > 0 && countOf(one) <= MOST)
  if (!first) return undefined
  const own = categories.filter((one) => countOf(one) === countOf(first))
  return {
    keypoints: countOf(first),
    names: own.map(({ id, name }) => (typeof name === 'string' ? name : String(id))),
    classOf: new Map(own.map(({ id }, at) => [id, at])),
  }
}

/** Adds to every picture its people. */
export function readPeople(
  annotations: readonly Entry[],
  pictures: ReadonlyMap<unknown, BoxPicture>,
  { keypoints, classOf }: Skeleton,
): void {
  for (const annotation of annotations) {
    const picture = pictures.get(annotation['image_id'])
    const klass = classOf.get(annotation['category_id'])
    const { keypoints: values, bbox } = annotation
    if (!picture || klass === undefined || !Array.isArray(values) || !Array.isArray(bbox)) continue
    const person = personOf(values.map(Number), bbox.map(Number), annotation, klass)
    const people = (picture.people ??= [])
    if (person && person.points.length === keypoints && people.length < BOX_LIMIT) people.push(person)
  }
}

function personOf(
  values: readonly number[],
  bbox: readonly number[],
  { area, iscrowd }: Entry,
  klass: number,
): Person | undefined {
  if (bbox.length !== 4 || values.length % 3 !== 0 || ![...values, ...bbox].every(Number.isFinite))
    return undefined
  const [left, top, width, height] = bbox as [number, number, number, number]
  const points = Array.from({ length: values.length / 3 }, (_, k) => ({
    x: values[3 * k]!,
    y: values[3 * k + 1]!,
    seen: values[3 * k + 2]!,
  }))
  const isCrowd = iscrowd === 1 || iscrowd === true
  const isBare = !points.some(({ seen }) => seen > 0)
  return {
    class: klass,
    ignored: isCrowd ? 1 : isBare ? 3 : 0,
    area: typeof area === 'number' && area > 0 ? area : AREA * width * height,
    left,
    top,
    right: left + width,
    bottom: top + height,
    points,
  }
}
