/**
 * How keypoints lie in the outputs of a model: one person a picture as maps or coordinates, several as the heads of YOLO's
 * pose models. Each is known by the number of keypoints that the labels have.
 */
import { PareError } from '../../../contract/errors'
import { floatsOf, type Value, type Values } from '../../runtime/value'
import { suppress, type Found } from '../detection/found'
import { floatOutputs, isRelative } from '../detection/layout'
import type { Pose } from './oks'

export interface Seen {
  rows: number
  keypoints: number
  classes: number
  /** Sides of the input, pixels. */
  width: number
  height: number
}

export interface PoseDecoding {
  layout: string
  name: string
  /** Coordinates are shares of the input. */
  relative: boolean
}

interface PoseLayout {
  id: string
  /** One line for people: what it looks like. */
  looks: string
  /** Dimensions of an output, its samples first. */
  fits(dims: readonly number[], seen: Pick<Seen, 'keypoints' | 'classes'>): boolean
  /** People of one sample in pixels of the input. */
  decode(value: Value, row: number, seen: Seen, relative: boolean): Pose[]
}

/** As Ultralytics' validation: see `detection.ts`. */
const LEAST = 0.001
const OVERLAP = 0.7
const KEPT = 300

interface BoxedPose extends Found, Pose {}

/** YOLO's pose heads: columns of box, scores and three numbers a keypoint, for each of many boxes. */
const yoloPose: PoseLayout = {
  id: 'yolov8-pose',
  looks:
    '[samples, 4 + classes + 3 · keypoints, boxes]: centre, size, a score a class, x, y and a score a keypoint',
  fits: (dims, { keypoints, classes }) => dims.length === 3 && dims[1] === 4 + classes + 3 * keypoints,
  decode(value, row, { keypoints, classes, width, height }, relative) {
    const [, columns, boxes] = value.dims as [number, number, number]
    const data = floatsOf(value)
    const [sx, sy] = relative ? [width, height] : [1, 1]
    const found: BoxedPose[] = []
    for (let i = 0; i < boxes; i++) {
      const at = (column: number): number => data[(row * columns + column) * boxes + i]!
      const scores = Array.from({ length: classes }, (_, c) => at(4 + c))
      const score = Math.max(...scores)
      const [x, y, w, h] = [at(0) * sx, at(1) * sy, at(2) * sx, at(3) * sy]
      if (!(score > LEAST) || ![x, y, w, h].every(Number.isFinite)) continue
      const points = Array.from({ length: keypoints }, (_, k) => {
        const from = 4 + classes + 3 * k
        return { x: at(from) * sx, y: at(from + 1) * sy, score: at(from + 2) }
      })
      const sides = { left: x - w / 2, top: y - h / 2, right: x + w / 2, bottom: y + h / 2 }
      found.push({ ...sides, class: scores.indexOf(score), score, points })
    }
    return suppress(found, OVERLAP, KEPT)
  },
}

/** The same after suppression: corners, score, class, then the keypoints. */
const yoloPoseEnd: PoseLayout = {
  id: 'yolo-pose-end',
  looks: '[samples, people, 6 + 3 · keypoints]: corners, score, class, x, y and a score a keypoint',
  fits: (dims, { keypoints }) => dims.length === 3 && dims[2] === 6 + 3 * keypoints,
  decode(value, row, { keypoints, width, height }, relative) {
    const [, people, columns] = value.dims as [number, number, number]
    const data = floatsOf(value)
    const [sx, sy] = relative ? [width, height] : [1, 1]
    return Array.from({ length: people }, (_, i) => (row * people + i) * columns)
      .filter((at) => data[at + 4]! > LEAST)
      .map((at) => ({
        score: data[at + 4]!,
        class: Math.round(data[at + 5]!),
        points: Array.from({ length: keypoints }, (_, k) => {
          const from = at + 6 + 3 * k
          return { x: data[from]! * sx, y: data[from + 1]! * sy, score: data[from + 2]! }
        }),
      }))
  },
}

/** Three numbers a keypoint in the order of TensorFlow's MoveNet, one person. */
const moveNet: PoseLayout = {
  id: 'movenet',
  looks: '[samples, 1, keypoints, 3]: y, x and a score a keypoint, of one person',
  fits: (dims, { keypoints }) => dims.length === 4 && dims[1] === 1 && dims[2] === keypoints && dims[3] === 3,
  decode: (value, row, seen, relative) =>
    single(value, row, seen, relative, (at, data) => ({
      y: data[at]!,
      x: data[at + 1]!,
      score: data[at + 2]!,
    })),
}

/** Two or three numbers a keypoint, one person. */
const coordinates: PoseLayout = {
  id: 'coordinates',
  looks: '[samples, keypoints, 2 or 3] or flat: x, y and perhaps a score a keypoint, of one person',
  fits: (dims, { keypoints }) => {
    const size = dims.slice(1).reduce((a, b) => a * b, 1)
    const shaped = dims.length === 2 || (dims.length === 3 && dims[1] === keypoints)
    return shaped && (size === 2 * keypoints || size === 3 * keypoints)
  },
  decode: (value, row, seen, relative) =>
    single(value, row, seen, relative, (at, data, width) => ({
      x: data[at]!,
      y: data[at + 1]!,
      ...(width === 3 && { score: data[at + 2]! }),
    })),
}

/**
 * A map a keypoint, one person: the strongest place, a quarter of a cell towards the stronger neighbour. Source: HRNet's and
 * SimpleBaseline's get_final_preds.
 */
const heatmaps: PoseLayout = {
  id: 'heatmaps',
  looks: '[samples, keypoints, height, width]: a map a keypoint, of one person',
  fits: (dims, { keypoints }) => dims.length === 4 && dims[1] === keypoints && dims[2]! > 3 && dims[3]! > 3,
  decode(value, row, { keypoints, width, height }) {
    const [, , h, w] = value.dims as [number, number, number, number]
    const data = floatsOf(value)
    const points = Array.from({ length: keypoints }, (_, k) => {
      const map = data.subarray((row * keypoints + k) * h * w, (row * keypoints + k + 1) * h * w)
      let best = 0
      for (let i = 1; i < map.length; i++) if (map[i]! > map[best]!) best = i
      const [px, py] = [best % w, Math.floor(best / w)]
      const inside = px > 1 && px < w - 1 && py > 1 && py < h - 1
      const step = (a: number, b: number): number => (inside ? 0.25 * Math.sign(map[a]! - map[b]!) : 0)
      const [x, y] = [px + step(best + 1, best - 1), py + step(best + w, best - w)]
      return { x: (x * width) / w, y: (y * height) / h, score: map[best]! }
    })
    return [{ class: 0, score: meanScore(points), points }]
  },
}

type Read = (at: number, data: Float32Array, width: number) => Pose['points'][number]

function single(value: Value, row: number, seen: Seen, relative: boolean, read: Read): Pose[] {
  const { keypoints, width, height } = seen
  const data = floatsOf(value)
  const size = data.length / value.dims[0]!
  const each = size / keypoints
  const [sx, sy] = relative ? [width, height] : [1, 1]
  const points = Array.from({ length: keypoints }, (_, k) => {
    const point = read(row * size + k * each, data, each)
    return { ...point, x: point.x * sx, y: point.y * sy }
  })
  return [{ class: 0, score: meanScore(points), points }]
}

const meanScore = (points: Pose['points']): number =>
  points.reduce((sum, { score = 1 }) => sum + score, 0) / points.length

const LAYOUTS: readonly PoseLayout[] = [yoloPose, yoloPoseEnd, moveNet, coordinates, heatmaps]

export const poseLayout = (id: string): PoseLayout => LAYOUTS.find((layout) => layout.id === id)!

/** Whether an output of this shape could hold keypoints. */
export const holdsKeypoints = (
  dims: readonly (number | string | null)[],
  seen: Pick<Seen, 'keypoints' | 'classes'>,
): boolean => {
  const known = dims.map((dim) => (typeof dim === 'number' ? dim : Number.NaN))
  return LAYOUTS.some((layout) => layout.fits(known, seen))
}

/** How keypoints lie in the outputs, as `told` or as it looks. Throws `data/keypoints-unknown`. */
export function poseDecoding(outputs: Values, seen: Seen, told?: string): PoseDecoding {
  const floats = [2, 3, 4].flatMap((rank) => floatOutputs(outputs, seen.rows, rank))
  for (const layout of LAYOUTS) {
    if (told !== undefined && layout.id !== told) continue
    const found = floats.find(([, { dims }]) => layout.fits(dims, seen))
    if (!found) continue
    const [name, value] = found
    const all = layout
      .decode(value, 0, seen, false)
      .flatMap(({ points }) => points.flatMap(({ x, y }) => [x, y]))
    return { layout: layout.id, name, relative: layout !== heatmaps && isRelative(all) }
  }
  throw new PareError('data/keypoints-unknown', {
    outputs: Object.entries(outputs)
      .map(([name, { dims }]) => `${name} [${dims.join(', ')}]`)
      .join('; '),
    keypoints: seen.keypoints,
    known: LAYOUTS.map(({ id, looks }) => `${id} (${looks})`),
    ...(told !== undefined && { told }),
  })
}
