/**
 * Boxes of things: mean average precision over overlaps of 0.5 to 0.95 as COCO has it, and at 0.5. Interval: bootstrap
 * over pictures.
 */
import type { BoxView, ShownBox } from '../../../contract/sample-views'
import { PareError } from '../../../contract/errors'
import { floatsOf, type Value, type Values } from '../../runtime/value'
import { byScore as likelier, countText } from '../comparisons'
import { emptySamples, recordSample } from '../metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from '../metric'
import type { Shown, TaskDeclaration } from '../task'
import { measureBoxes } from './box-loss'
import { BOXES, judge, PrecisionMeter, type Judged } from './average-precision'
import { byScore, ontoPicture, suppress, type Found } from './found'
import { pictureAt, type Box, type Frame } from './label-rows'
import { decodingOf, layoutNamed } from './layouts'
import type { Decoding } from './layout'

/** As Ultralytics' validation: boxes from this score on count, overlaps beyond this are one thing, at most so many stay. */
const LEAST = 0.001
const OVERLAP = 0.7
const KEPT = 300
/** What a person is shown as found, as the predictors of Ultralytics and torchvision's examples have it. */
const SHOWN = 0.25
const MOST_SHOWN = 100

interface DetectionChoice extends OutputChoice {
  decoding: Decoding
}

function choose(outputs: Values, { rows, labels, classes, boxes }: MetricContext): DetectionChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: 'boxMap' })
  const { inputWidth: width, inputHeight: height } = pictureAt(labels, 0).frame
  const decoding = decodingOf(outputs, { rows, classes: classes?.length ?? 1, width, height }, boxes)
  const spare = decoding.columns > (classes?.length ?? 1) ? ` of ${decoding.columns} scores` : ''
  return {
    names: decoding.names,
    form: 'values',
    scale: 'probabilities',
    classes: 0,
    decoding,
    reason: `${decoding.names.join(' and ')} ${decoding.names.length > 1 ? 'hold' : 'holds'} boxes${spare} as ${decoding.layout} has them`,
  }
}

/** Boxes of one sample in pixels of its picture, best first. */
function foundIn(outputs: Values, row: number, rows: number, frame: Frame, decoding: Decoding): Found[] {
  const layout = layoutNamed(decoding.layout)!
  const seen = { rows, classes: decoding.classOf.length, width: frame.inputWidth, height: frame.inputHeight }
  const all = layout.decode(outputs, row, decoding, seen, LEAST)
  const kept = layout.suppress ? suppress(all, OVERLAP, KEPT) : byScore(all).slice(0, KEPT)
  return ontoPicture(kept, frame)
}

class DetectionMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly precision = new PrecisionMeter(BOXES)
  private nonFinite = 0

  constructor(private readonly choice: DetectionChoice) {}

  add({ indices, rows, outputs, labels }: Observation): void {
    if (!labels) throw new PareError('data/labels-missing', { by: 'boxMap' })
    const bad = notFinite(outputs, this.choice.names, rows)
    for (let row = 0; row < rows; row++) {
      const { frame, boxes } = pictureAt(labels, row)
      if (bad[row]) this.nonFinite++
      const found = bad[row] ? [] : foundIn(outputs, row, rows, frame, this.choice.decoding)
      const judged = this.precision.add(found, boxes)
      const sure = found.filter(({ score }) => score >= SHOWN).length
      recordSample(this.samples, indices[row]!, null, sure, f1(judged, boxes))
    }
  }

  result(): Measured {
    const { samples } = this
    const { value, interval, each, mean } = this.precision.summary()
    return {
      quality: {
        metric: 'boxMap',
        value,
        samples: samples.index.length,
        interval,
        higherIsBetter: true,
        others: { boxMap50: each[0]!, boxMap75: each[5]! },
      },
      samples,
      reweighted: mean,
      nonFinite: this.nonFinite,
      notes: [],
    }
  }
}

/** F1 at an overlap of half of the boxes that are shown; 1 where there is nothing and nothing was found. */
function f1(judged: readonly Judged[], truth: readonly Box[]): number {
  const shown = judged.filter(({ score, matches }) => score >= SHOWN && matches[0] !== 2)
  const right = shown.filter(({ matches }) => matches[0] === 1).length
  const there = truth.filter(({ ignored }) => !ignored).length
  return shown.length + there === 0 ? 1 : (2 * right) / (shown.length + there)
}

/** Samples of which any output holds NaN. */
function notFinite(outputs: Values, names: readonly string[], rows: number): boolean[] {
  const bad = new Array<boolean>(rows).fill(false)
  for (const name of names) {
    const value = outputs[name]!
    if (value.dims[0] !== rows) continue
    const data = floatsOf(value)
    const size = data.length / rows
    for (let i = 0; i < data.length; i++) if (Number.isNaN(data[i]!)) bad[Math.floor(i / size)] = true
  }
  return bad
}

function view({ outputs, choice, classes, label }: Shown): BoxView[] {
  const { frame, boxes } = pictureAt(label!, 0)
  const shown = (box: Box | Found, rest: Partial<ShownBox>): ShownBox => ({
    left: box.left / frame.width,
    top: box.top / frame.height,
    right: box.right / frame.width,
    bottom: box.bottom / frame.height,
    name: classes?.[box.class] ?? String(box.class),
    ...rest,
  })
  return outputs.map((values) => {
    const found = foundIn(values, 0, 1, frame, (choice as DetectionChoice).decoding)
      .filter(({ score }) => score >= SHOWN)
      .slice(0, MOST_SHOWN)
    return {
      kind: 'boxes',
      found: found.map((box) =>
        shown(box, {
          score: box.score,
          matches: judge([box], boxes, BOXES).some(({ matches }) => matches[0]! > 0),
        }),
      ),
      truth: boxes.map((box) => shown(box, {})),
    }
  })
}

const boxesText = (value: number): string => (value === 1 ? '1 box' : `${countText(value)} boxes`)

/** "3 boxes: 2 face, 1 car" of the labels of one sample. */
function labelText(label: Value, classes?: readonly string[]): string {
  const { boxes } = pictureAt(label, 0)
  const names = boxes.map((box) => classes?.[box.class] ?? String(box.class))
  const counts = [...new Set(names)].map(
    (name) => `${names.filter((other) => other === name).length} ${name}`,
  )
  return counts.join(', ') || 'nothing'
}

export const detection: TaskDeclaration = {
  id: 'detection',
  metric: 'boxMap',
  choose,
  meter: (choice) => new DetectionMeter(choice as DetectionChoice),
  protects: 'values',
  noSkill: 0,
  comparison: likelier,
  answerText: boxesText,
  labelText,
  loss: {
    fits: (dims) => dims.length >= 3,
    structured: {
      closing: [],
      trouble: (choice) => {
        const { layout } = (choice as DetectionChoice).decoding
        return layoutNamed(layout)!.sloped
          ? undefined
          : `boxes as ${layout} has them come without the way back to what found them`
      },
      taught: () => ({ kind: 'squared-error', classAxis: -1 }),
      measure: (outputs, labels, choice) =>
        measureBoxes(outputs, labels, (choice as DetectionChoice).decoding),
    },
  },
  view,
}
