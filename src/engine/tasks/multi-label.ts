/**
 * Several classes a sample: mean average precision over classes, F1 over all decisions (micro).
 * Average precision as scikit-learn: Σ (R_k − R_{k−1}) P_k over the distinct scores, high to low.
 */
import { bootstrap } from '../math/statistics'
import { seeded } from '../math/random'
import { sizeOf } from '../onnx'
import { floatsOf, type Values } from '../runtime/value'
import { PareError } from '../../contract/errors'
import { emptySamples, outputOf, recordSample, rowSize, scoresIn } from './metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from './metric'
import { byAnswer } from './comparisons'
import type { TaskDeclaration } from './task'

function choose(outputs: Values, { rows, labels }: MetricContext): OutputChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: 'map' })
  const classes = rowSize(labels)
  const named = [/logit/i, /prob|sigmoid|score/i, /^(output|y)/i]
  const what = `an output with one value for each of the ${classes} labels`
  const best = outputOf(outputs, rows, classes, named, what)
  const probabilities = floatsOf(best[1]).every((v) => v >= 0 && v <= 1)
  const reason = `${best[0]} has one ${probabilities ? 'probability' : 'logit'} for each of the ${classes} labels`
  return scoresIn(best[0], classes, probabilities, reason)
}

const thresholdOf = ({ scale }: OutputChoice): number => (scale === 'probabilities' ? 0.5 : 0)

/** So many labels have a bit each in a whole number of doubles. */
export const SET_BITS = 52

/** A set of labels as a number, told from all others; of more than `SET_BITS` nearly so: all that is asked is whether two are the same. */
function setOf(labels: number, holds: (label: number) => boolean): number {
  let set = 0
  for (let c = 0; c < labels; c++)
    if (holds(c)) set = labels <= SET_BITS ? set + 2 ** c : (set * 31 + c + 1) % 2 ** 46
  return set
}

function setText(set: number, labels: readonly string[] = []): string {
  if (set < 0) return 'no answer'
  if (labels.length > SET_BITS) return set === 0 ? 'none' : 'some'
  const held = labels.filter((_, c) => Math.floor(set / 2 ** c) % 2 === 1)
  return held.join(', ') || 'none'
}

class MultiLabelMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly scores: Float32Array[] = []
  private readonly truth: Uint8Array[] = []
  private right = 0
  private answered = 0
  private present = 0
  private nonFinite = 0

  constructor(private readonly choice: OutputChoice) {}

  add({ indices, rows, outputs, labels }: Observation): void {
    if (!labels) throw new PareError('data/labels-missing', { by: 'map' })
    const { classes, scale, names } = this.choice
    const data = floatsOf(outputs[names[0]!]!)
    const threshold = thresholdOf(this.choice)
    const truth = Uint8Array.from(floatsOf(labels), (v) => (v > 0.5 ? 1 : 0))
    const scores = data.slice(0, rows * classes)
    for (let row = 0; row < rows; row++) {
      let best = -1
      let bad = false
      for (let c = 0; c < classes; c++) {
        const at = row * classes + c
        const value = scores[at]!
        if (!(value < Infinity)) {
          bad = true
          scores[at] = -Infinity
        }
        if (best < 0 || scores[at]! > scores[row * classes + best]!) best = c
        const positive = scores[at]! > threshold
        if (positive) this.answered++
        if (truth[at]) this.present++
        if (positive && truth[at]) this.right++
      }
      if (bad) this.nonFinite++
      const top = scores[row * classes + best] ?? 0
      const from = row * classes
      recordSample(
        this.samples,
        indices[row]!,
        setOf(classes, (c) => truth[from + c] === 1),
        bad ? -1 : setOf(classes, (c) => scores[from + c]! > threshold),
        bad ? 0 : scale === 'logits' ? 1 / (1 + Math.exp(-top)) : top,
      )
    }
    this.scores.push(scores)
    this.truth.push(truth)
  }

  result(): Measured {
    const { classes } = this.choice
    const n = this.samples.index.length
    const columns = Array.from({ length: classes }, (_, c) => this.ranked(c, n)).filter(
      (column) => column.positives,
    )
    const mean = (weights?: Float64Array): number => {
      const precisions = columns.map((column) => averagePrecision(column, weights))
      const known = precisions.filter((precision) => precision !== undefined)
      return known.reduce((sum, precision) => sum + precision, 0) / (known.length || 1)
    }
    // Each resample walks every class once over scores sorted beforehand.
    const resamples = n * classes > 2_000_000 ? 40 : 200
    return {
      quality: {
        metric: 'map',
        value: mean(),
        samples: n,
        interval: n ? bootstrap(n, mean, seeded(17), resamples) : [0, 1],
        higherIsBetter: true,
        others: { f1: this.answered + this.present ? (2 * this.right) / (this.answered + this.present) : 0 },
      },
      samples: this.samples,
      reweighted: mean,
      nonFinite: this.nonFinite,
      notes:
        columns.length < classes
          ? [`${classes - columns.length} labels never occur and are left out of mAP.`]
          : [],
    }
  }

  private ranked(c: number, n: number): RankedColumn {
    const { classes } = this.choice
    const scores = new Float32Array(n)
    const truth = new Uint8Array(n)
    let row = 0
    this.scores.forEach((batch, b) => {
      for (let at = c; at < batch.length; at += classes, row++) {
        scores[row] = batch[at]!
        truth[row] = this.truth[b]![at]!
      }
    })
    const order = Uint32Array.from(scores, (_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b)
    return { order, scores, truth, positives: truth.reduce((a, b) => a + b, 0) }
  }
}

interface RankedColumn {
  order: Uint32Array
  scores: Float32Array
  truth: Uint8Array
  positives: number
}

/** Undefined where none of the drawn samples has the label: there is nothing to rank. */
function averagePrecision(
  { order, scores, truth }: RankedColumn,
  weights?: Float64Array,
): number | undefined {
  let right = 0
  let seen = 0
  let area = 0
  let counted = 0
  for (let k = 0; k < order.length; k++) {
    const row = order[k]!
    const weight = weights ? weights[row]! : 1
    seen += weight
    if (truth[row]) right += weight
    const last = k + 1 === order.length || scores[order[k + 1]!] !== scores[row]
    if (!last || right === counted) continue
    area += ((right - counted) * right) / seen
    counted = right
  }
  return right ? area / right : undefined
}

export const multiLabel: TaskDeclaration = {
  id: 'multi-label',
  metric: 'map',
  choose,
  meter: (choice) => new MultiLabelMeter(choice),
  protects: 'several',
  comparison: byAnswer,
  answerText: setText,
  carries: 'numbers',
  threshold: thresholdOf,
  labelText: (label, classes) =>
    Array.from(floatsOf(label))
      .flatMap((v, i) => (v > 0 ? [classes?.[i] ?? String(i)] : []))
      .join(', '),
  loss: {
    fits: (dims, labels) => !labels || sizeOf(dims) === sizeOf(labels.dims),
    labels: () => ({ kind: 'binary-cross-entropy', classAxis: -1 }),
    augmentable: true,
  },
}
