/**
 * What boxes should score and where they should be: binary cross entropy of scores and generalized overlap of places, the
 * sum over boxes by the sum of what they should score. Weights are those of Ultralytics' YOLOv8.
 */
import { floatsOf, float32, type Value, type Values } from '../../runtime/value'
import type { StructuredMeasure } from '../task'
import { assign, cornersAt, SEVERAL, type Assigned, type Thing } from './assign'
import { overlap } from './found'
import { generalizedOverlap, type Corners } from './generalized-overlap'
import { pictureAt, type Box, type Frame } from './label-rows'
import type { Decoding, Sloped } from './layout'
import { layoutNamed } from './layouts'

const SCORES = 0.5
const PLACES = 7.5
/** Probabilities are kept this far from never and always. */
const DOUBT = 1e-7
/** A box that lies in a crowd by this much is neither right nor wrong. */
const WITHIN = 0.5

interface Told {
  loss: number
  corners: Float64Array
  scores: Float64Array
}

/** The loss of one sample and its slopes by corners and scores. Boxes of `left` and columns of no class count nothing. */
export function boxLoss(
  { corners, scores }: Pick<Sloped, 'corners' | 'scores'>,
  things: readonly Thing[],
  assigned: readonly Assigned[],
  { classOf, left }: { classOf: readonly number[]; left: ReadonlySet<number> },
): Told {
  const columns = classOf.length
  const told = { loss: 0, corners: new Float64Array(corners.length), scores: new Float64Array(scores.length) }
  const whole = Math.max(
    1,
    assigned.reduce((sum, { target }) => sum + target, 0),
  )
  const targets = new Map(assigned.map((one) => [columns * one.box + things[one.thing]!.column, one.target]))
  for (let i = 0; i < scores.length; i++) {
    if (classOf[i % columns]! < 0 || left.has(Math.floor(i / columns))) continue
    const target = targets.get(i) ?? 0
    const p = Math.min(1 - DOUBT, Math.max(DOUBT, scores[i]!))
    told.loss -= (SCORES / whole) * (target * Math.log(p) + (1 - target) * Math.log1p(-p))
    told.scores[i] = ((SCORES / whole) * (p - target)) / (p * (1 - p))
  }
  for (const { box, thing, target } of assigned) {
    const { generalized, slope } = generalizedOverlap(cornersAt(corners, box), things[thing]!.corners)
    const weight = (PLACES * target) / whole
    told.loss += weight * (1 - generalized)
    slope.forEach((by, side) => (told.corners[4 * box + side] = -weight * by))
  }
  return told
}

const ontoInput = (box: Box, { scaleX, scaleY, left, top }: Frame): Corners => [
  box.left * scaleX + left,
  box.top * scaleY + top,
  box.right * scaleX + left,
  box.bottom * scaleY + top,
]

/** Boxes that learn nothing and lie in a crowd, or on a thing that need not be found. */
function leftOut(
  corners: Float64Array,
  crowds: readonly Corners[],
  learning: ReadonlySet<number>,
): Set<number> {
  const named = ([left, top, right, bottom]: Corners) => ({ left, top, right, bottom })
  const out = new Set<number>()
  for (let box = 0; box < (crowds.length && corners.length / 4); box++) {
    const own = named(cornersAt(corners, box))
    if (!learning.has(box) && crowds.some((crowd) => overlap(own, named(crowd), true) > WITHIN)) out.add(box)
  }
  return out
}

/** Samples whose outputs are no numbers teach nothing. */
export function measureBoxes(outputs: Values, labels: Value, decoding: Decoding): StructuredMeasure {
  const { names, classOf } = decoding
  const layout = layoutNamed(decoding.layout)!
  const slopes = names.map((name) => new Float32Array(floatsOf(outputs[name]!).length))
  const losses = Array.from({ length: labels.dims[0]! }, (_, row) => {
    const { frame, boxes } = pictureAt(labels, row)
    const { inputWidth: width, inputHeight: height } = frame
    const seen = { rows: outputs[names[0]!]!.dims[0]!, classes: classOf.length, width, height }
    const sloped = layout.sloped!(outputs, row, decoding, seen)
    const things = boxes
      .filter((box) => !box.ignored && classOf.includes(box.class))
      .map((box) => ({ corners: ontoInput(box, frame), column: classOf.indexOf(box.class) }))
      .filter(({ corners: [left, top, right, bottom] }) => right > left && bottom > top)
    const assigned = assign(sloped, things, layout.suppress ? SEVERAL : 1)
    const crowds = boxes.filter(({ ignored }) => ignored).map((box) => ontoInput(box, frame))
    const left = leftOut(sloped.corners, crowds, new Set(assigned.map(({ box }) => box)))
    const told = boxLoss(sloped, things, assigned, { classOf, left })
    if (!Number.isFinite(told.loss)) return 0
    sloped.back(told.corners, told.scores, slopes)
    return told.loss
  })
  return {
    losses,
    slopes: Object.fromEntries(names.map((name, i) => [name, float32(outputs[name]!.dims, slopes[i]!)])),
  }
}
