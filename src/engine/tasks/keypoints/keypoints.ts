/**
 * Keypoints of people and other things: mean average precision over object keypoint similarities of 0.5 to 0.95 as COCO has
 * it, and the share of keypoints that are right. Interval: bootstrap over pictures.
 */
import { PareError } from '../../../contract/errors'
import type { ShownPose, ViewOf } from '../../../contract/sample-views'
import { floatsOf, type Value, type Values } from '../../runtime/value'
import { byScore as likelier, countText } from '../comparisons'
import { PrecisionMeter, type Matching } from '../detection/average-precision'
import type { Frame } from '../detection/label-rows'
import { emptySamples, recordSample } from '../metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from '../metric'
import type { Shown, TaskDeclaration } from '../task'
import { poseDecoding, poseLayout, type PoseDecoding } from './layouts'
import { correctOf, poses, type Pose } from './oks'
import { keypointsIn, peopleAt, type Person } from './people'

/** People that are shown as found. */
const SHOWN = 0.25

interface KeypointChoice extends OutputChoice {
  decoding: PoseDecoding
  keypoints: number
  kinds: number
}

function choose(outputs: Values, { rows, labels, classes, boxes }: MetricContext): KeypointChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: 'oksMap' })
  const { inputWidth: width, inputHeight: height } = peopleAt(labels, 0).frame
  const [keypoints, kinds] = [keypointsIn(labels), classes?.length ?? 1]
  const decoding = poseDecoding(outputs, { rows, keypoints, classes: kinds, width, height }, boxes)
  return {
    names: [decoding.name],
    form: 'values',
    scale: 'probabilities',
    classes: 0,
    decoding,
    keypoints,
    kinds,
    reason: `${decoding.name} holds ${keypoints} keypoints as ${decoding.layout} has them`,
  }
}

/** People of one sample in pixels of the picture, the surest first. */
function posesIn(outputs: Values, row: number, rows: number, frame: Frame, choice: KeypointChoice): Pose[] {
  const { decoding, keypoints, kinds } = choice
  const { inputWidth: width, inputHeight: height } = frame
  const seen = { rows, keypoints, classes: kinds, width, height }
  const found = poseLayout(decoding.layout).decode(outputs[decoding.name]!, row, seen, decoding.relative)
  return found
    .map((pose) => ({
      ...pose,
      points: pose.points.map((point) => ({
        ...point,
        x: (point.x - frame.left) / frame.scaleX,
        y: (point.y - frame.top) / frame.scaleY,
      })),
    }))
    .sort((a, b) => b.score - a.score)
}

/** The pose that is nearest to each person, each pose once, the nearest pairs first. */
function nearest(found: readonly Pose[], people: readonly Person[], { likeness }: Matching<Pose, Person>) {
  const pairs = people.flatMap((person, p) =>
    found.map((pose, f) => ({ p, f, near: pose.class === person.class ? likeness(pose, person) : 0 })),
  )
  const chosen = new Map<number, { pose: Pose; near: number }>()
  const taken = new Set<number>()
  for (const { p, f, near } of pairs.sort((a, b) => b.near - a.near)) {
    if (chosen.has(p) || taken.has(f)) continue
    chosen.set(p, { pose: found[f]!, near })
    taken.add(f)
  }
  return chosen
}

class KeypointMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly matching: Matching<Pose, Person>
  private readonly precision: PrecisionMeter<Pose, Person>
  private readonly counts = { right: 0, labelled: 0 }
  private nonFinite = 0

  constructor(private readonly choice: KeypointChoice) {
    this.matching = poses(choice.keypoints)
    this.precision = new PrecisionMeter(this.matching)
  }

  add({ indices, rows, outputs, labels }: Observation): void {
    if (!labels) throw new PareError('data/labels-missing', { by: 'oksMap' })
    const data = floatsOf(outputs[this.choice.decoding.name]!)
    const size = data.length / rows
    for (let row = 0; row < rows; row++) {
      const { frame, people } = peopleAt(labels, row)
      const bad = data.subarray(row * size, (row + 1) * size).some(Number.isNaN)
      if (bad) this.nonFinite++
      const found = bad ? [] : posesIn(outputs, row, rows, frame, this.choice)
      this.precision.add(found, people)
      const counted = people.filter(({ ignored }) => !ignored)
      const near = nearest(found, counted, this.matching)
      for (const [p, person] of counted.entries()) {
        const { right, labelled } = correctOf(near.get(p)?.pose, person)
        this.counts.right += right
        this.counts.labelled += labelled
      }
      const likeness = [...near.values()].reduce((sum, one) => sum + one.near, 0)
      const sure = found.filter(({ score }) => score >= SHOWN).length
      recordSample(this.samples, indices[row]!, null, sure, counted.length ? likeness / counted.length : 1)
    }
  }

  result(): Measured {
    const { samples, counts } = this
    const { value, interval, each, mean } = this.precision.summary()
    return {
      quality: {
        metric: 'oksMap',
        value,
        samples: samples.index.length,
        interval,
        higherIsBetter: true,
        others: {
          oksMap50: each[0]!,
          oksMap75: each[5]!,
          pck: counts.labelled ? counts.right / counts.labelled : 0,
        },
      },
      samples,
      reweighted: mean,
      nonFinite: this.nonFinite,
      notes: [],
    }
  }
}

function view({ outputs, choice, label }: Shown): ViewOf<'poses'>[] {
  const { frame, people } = peopleAt(label!, 0)
  const { width, height } = frame
  const matching = poses((choice as KeypointChoice).keypoints)
  const share = ({ x, y }: { x: number; y: number }): { x: number; y: number } => ({
    x: x / width,
    y: y / height,
  })
  const truth = people.map(({ points }): ShownPose => ({
    points: points.map((point) => (point.seen > 0 ? share(point) : null)),
  }))
  return outputs.map((values) => {
    const found = posesIn(values, 0, 1, frame, choice as KeypointChoice)
    const shown = found.filter(({ score }, i) => i === 0 || score >= SHOWN).slice(0, matching.most)
    return {
      kind: 'poses',
      found: shown.map((pose) => ({
        score: pose.score,
        near: Math.max(0, ...people.map((person) => matching.likeness(pose, person))),
        points: pose.points.map(share),
      })),
      truth,
    }
  })
}

/** "2 people, 29 keypoints". */
function labelText(label: Value): string {
  const { people } = peopleAt(label, 0)
  const points = people.reduce((sum, one) => sum + one.points.filter(({ seen }) => seen > 0).length, 0)
  return `${people.length === 1 ? '1 person' : `${people.length} people`}, ${points} keypoints`
}

export const keypoints: TaskDeclaration = {
  id: 'keypoints',
  metric: 'oksMap',
  choose,
  meter: (choice) => new KeypointMeter(choice as KeypointChoice),
  protects: 'values',
  noSkill: 0,
  comparison: likelier,
  answerText: (value) => (value === 1 ? '1 person' : `${countText(value)} people`),
  labelText,
  // Maps and coordinates are learned each in their own way: the original is imitated instead.
  loss: { fits: (dims) => dims.length >= 2 },
  view,
}
