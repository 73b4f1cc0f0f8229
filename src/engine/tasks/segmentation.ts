/** A class for every pixel: mean intersection over union, pixel accuracy. Interval: bootstrap over images. */
import { bootstrap } from '../math/statistics'
import { seeded } from '../math/random'
import { floatsOf, type Value, type Values } from '../runtime/value'
import { PareError } from '../../contract/errors'
import type { ViewOf } from '../../contract/sample-views'
import {
  emptySamples,
  isFloatValue,
  labelNumbers,
  noOutputFits,
  perSample,
  preferNamed,
  recordSample,
  scoresIn,
} from './metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from './metric'
import { byScore, countText } from './comparisons'
import { maskViews } from './mask-view'
import type { Shown, TaskDeclaration } from './task'

/** Labels that stand for "no class here": negative ones and the customary 255. */
const IGNORED = 255

function choose(outputs: Values, { rows, classes, labels }: MetricContext): OutputChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: 'miou' })
  const found = perSample(outputs, rows)
  const scores = found.filter(([, value]) => isFloatValue(value) && value.dims.length === 4)
  const named = classes
    ? scores.filter(([, { dims }]) => dims[1] === classes.length || dims[3] === classes.length)
    : []
  const best = preferNamed(named.length ? named : scores, [/logit|mask|seg/i, /^(out|y)/i])
  if (best) {
    const [name, { dims }] = best
    const last = isChannelsLast(dims, classes?.length)
    const count = last ? dims[3]! : dims[1]!
    const reason = `${name} has one value for each of ${count} classes at every pixel`
    return scoresIn(name, count, false, reason)
  }
  const map = found.find(([, value]) => !isFloatValue(value) && value.dims.length >= 3)
  if (!map)
    throw noOutputFits('an output of [samples, classes, height, width] or [samples, height, width]', outputs)
  const count =
    classes?.length ??
    Math.max(...[...new Set(Array.from(labelNumbers(labels, 'miou')))].filter((l) => l !== IGNORED)) + 1
  return {
    names: [map[0]],
    form: 'labels',
    scale: 'probabilities',
    classes: count,
    reason: `${map[0]} gives the class of every pixel`,
  }
}

/** NHWC where only the last axis matches the classes, or nothing does and it is the short one. */
function isChannelsLast(dims: readonly number[], classes: number | undefined): boolean {
  if (classes !== undefined && (dims[1] === classes) !== (dims[3] === classes)) return dims[3] === classes
  return dims[3]! < dims[1]!
}

interface Layout {
  height: number
  width: number
  /** Steps in the data from class to class, row to row, column to column. */
  classStep: number
  rowStep: number
  columnStep: number
  sampleStep: number
}

class SegmentationMeter implements Meter {
  private readonly samples = emptySamples()
  /** A row per image: intersections, answers and truths per class. */
  private readonly counts: Float64Array[] = []
  private nonFinite = 0
  private resized = false

  constructor(private readonly choice: OutputChoice) {}

  add({ indices, rows, outputs, labels }: Observation): void {
    if (!labels) throw new PareError('data/labels-missing', { by: 'miou' })
    const { classes, names } = this.choice
    const output = outputs[names[0]!]!
    const layout = layoutOf(output, this.choice)
    const data = floatsOf(output)
    const truth = labelNumbers(labels, 'miou')
    const [height, width] = labels.dims.slice(-2) as [number, number]
    if (height !== layout.height || width !== layout.width) this.resized = true
    for (let n = 0; n < rows; n++) {
      const counts = new Float64Array(3 * classes)
      let bad = false
      let right = 0
      let pixels = 0
      for (let y = 0; y < height; y++) {
        const row = Math.floor((y * layout.height) / height)
        for (let x = 0; x < width; x++) {
          const label = Number(truth[(n * height + y) * width + x])
          if (label < 0 || label >= classes) {
            if (label >= 0 && label !== IGNORED)
              throw new PareError('data/labels-out-of-range', { label: String(label), classes })
            continue
          }
          const column = Math.floor((x * layout.width) / width)
          const at = n * layout.sampleStep + row * layout.rowStep + column * layout.columnStep
          const answer = answerAt(data, at, layout, this.choice)
          pixels++
          counts[2 * classes + label]!++
          if (answer < 0) bad = true
          else if (answer < classes) counts[classes + answer]!++
          if (answer !== label) continue
          counts[label]!++
          right++
        }
      }
      if (bad) this.nonFinite++
      this.counts.push(counts)
      recordSample(this.samples, indices[n]!, null, pixels ? right / pixels : 0, meanIou([counts], classes))
    }
  }

  result(): Measured {
    const { classes } = this.choice
    const n = this.counts.length
    const total = addUp(this.counts, classes)
    const pixels = total.subarray(2 * classes).reduce((a, b) => a + b, 0)
    const right = total.subarray(0, classes).reduce((a, b) => a + b, 0)
    const reweighted = (weights: Float64Array): number => meanIou(this.counts, classes, weights)
    return {
      quality: {
        metric: 'miou',
        value: meanIou(this.counts, classes),
        samples: n,
        interval: n ? bootstrap(n, reweighted, seeded(17)) : [0, 1],
        higherIsBetter: true,
        others: { accuracy: pixels ? right / pixels : 0 },
      },
      samples: this.samples,
      reweighted,
      nonFinite: this.nonFinite,
      notes: this.resized
        ? ['The masks were compared at the size of the labels, the nearest answer for each pixel.']
        : [],
    }
  }
}

function layoutOf({ dims }: Value, { form, classes }: OutputChoice): Layout {
  if (form === 'labels') {
    const [height, width] = dims.slice(-2) as [number, number]
    return { height, width, classStep: 0, rowStep: width, columnStep: 1, sampleStep: height * width }
  }
  const [, a, b, c] = dims as [number, number, number, number]
  if (isChannelsLast(dims, classes))
    return { height: a, width: b, classStep: 1, rowStep: b * c, columnStep: c, sampleStep: a * b * c }
  return { height: b, width: c, classStep: b * c, rowStep: c, columnStep: 1, sampleStep: a * b * c }
}

/** The class of one pixel; −1 where its scores are not finite. */
const answerAt = (
  data: Float32Array,
  at: number,
  { classStep }: Layout,
  { form, classes }: OutputChoice,
): number => (form === 'labels' ? data[at]! : strongest(data, at, classStep, classes))

/** Index of the strongest class of one pixel; −1 where it is not finite. */
function strongest(data: Float32Array, at: number, step: number, classes: number): number {
  let answer = -1
  let best = -Infinity
  for (let c = 0; c < classes; c++) {
    const value = data[at + c * step]!
    if (!(value < Infinity)) return -1
    if (value > best) {
      best = value
      answer = c
    }
  }
  return answer
}

function addUp(counts: readonly Float64Array[], classes: number, weights?: Float64Array): Float64Array {
  const total = new Float64Array(3 * classes)
  counts.forEach((one, n) => {
    const weight = weights ? weights[n]! : 1
    if (weight) for (let i = 0; i < total.length; i++) total[i]! += weight * one[i]!
  })
  return total
}

/** Mean over the classes that occur in truth or answers. */
function meanIou(counts: readonly Float64Array[], classes: number, weights?: Float64Array): number {
  const total = addUp(counts, classes, weights)
  let sum = 0
  let counted = 0
  for (let c = 0; c < classes; c++) {
    const union = total[classes + c]! + total[2 * classes + c]! - total[c]!
    if (union === 0) continue
    sum += total[c]! / union
    counted++
  }
  return counted ? sum / counted : 0
}

/** Masks at the size of the labels. */
function view({ outputs, choice, label, classes }: Shown): Promise<ViewOf<'masks'>[]> {
  const [height, width] = label!.dims.slice(-2) as [number, number]
  const truth = { width, height, classes: Array.from(labelNumbers(label, 'miou')) }
  const masks = outputs.map((values) => {
    const output = values[choice.names[0]!]!
    const layout = layoutOf(output, choice)
    const data = floatsOf(output)
    const answers = Array.from({ length: width * height }, (_, i) => {
      const row = Math.floor((Math.floor(i / width) * layout.height) / height)
      const column = Math.floor(((i % width) * layout.width) / width)
      return answerAt(data, row * layout.rowStep + column * layout.columnStep, layout, choice)
    })
    return { width, height, classes: answers }
  })
  return maskViews(masks, truth, classes)
}

export const segmentation: TaskDeclaration = {
  id: 'segmentation',
  metric: 'miou',
  choose,
  meter: (choice) => new SegmentationMeter(choice),
  protects: 'values',
  comparison: byScore,
  answerText: countText,
  loss: {
    fits: (dims) => dims.length >= 3,
    labels: () => ({ kind: 'cross-entropy', classAxis: 1 }),
  },
  view,
}
