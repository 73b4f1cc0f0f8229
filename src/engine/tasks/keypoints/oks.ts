/**
 * How near found keypoints are: object keypoint similarity as COCO's evaluation has it (pycocotools, computeOks), and the
 * percentage of correct keypoints (Y. Yang, D. Ramanan, TPAMI 35 (2013) 2878–2890).
 */
import type { Matching, Scored } from '../detection/average-precision'
import type { Person, Point } from './people'

export interface Pose extends Scored {
  points: (Point & { score?: number })[]
}

/** Deviations of COCO's 17 keypoints of a person, in units of the root of the area. */
const OF_COCO = [
  0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087,
  0.089, 0.089,
]

/** Of other skeletons nobody measured them: all alike, as Ultralytics has it. */
export const deviationsOf = (keypoints: number): readonly number[] =>
  keypoints === OF_COCO.length ? OF_COCO : Array.from({ length: keypoints }, () => 1 / keypoints)

/** NumPy's spacing(1). */
const LEAST_AREA = 2 ** -52

/** Of people without a labelled keypoint the distance to a box twice as large on each side counts. */
export function similarity({ points }: Pose, person: Person, deviations: readonly number[]): number {
  const labelled = person.points.some(({ seen }) => seen > 0)
  const [width, height] = [person.right - person.left, person.bottom - person.top]
  const outside = (at: number, from: number, size: number): number =>
    Math.max(0, from - size - at) + Math.max(0, at - (from + 2 * size))
  let sum = 0
  let counted = 0
  for (const [k, { x, y, seen }] of person.points.entries()) {
    if (labelled && !(seen > 0)) continue
    const found = points[k]!
    const dx = labelled ? found.x - x : outside(found.x, person.left, width)
    const dy = labelled ? found.y - y : outside(found.y, person.top, height)
    const variance = (2 * deviations[k]!) ** 2
    sum += Math.exp(-(dx ** 2 + dy ** 2) / variance / (person.area + LEAST_AREA) / 2)
    counted++
  }
  return counted ? sum / counted : 0
}

/** 20 people a picture. */
export const poses = (keypoints: number): Matching<Pose, Person> => {
  const deviations = deviationsOf(keypoints)
  return { likeness: (pose, person) => similarity(pose, person, deviations), most: 20 }
}

/** Share of the longer side of a person's box within which a keypoint is right. */
const NEAR = 0.2

/** Labelled keypoints of a person, and how many of them the pose has right. */
export function correctOf(pose: Pose | undefined, person: Person): { right: number; labelled: number } {
  const reach = NEAR * Math.max(person.right - person.left, person.bottom - person.top)
  let right = 0
  let labelled = 0
  for (const [k, { x, y, seen }] of person.points.entries()) {
    if (!(seen > 0)) continue
    labelled++
    const found = pose?.points[k]
    if (found && Math.hypot(found.x - x, found.y - y) <= reach) right++
  }
  return { right, labelled }
}
