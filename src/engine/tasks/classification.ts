/** One class a sample: top-1 accuracy with Wilson's interval, top-5, macro F1, confusion. */
import { wilson } from '../math/statistics'
import { sizeOf } from '../onnx'
import { floatsOf, type Value, type Values } from '../runtime/value'
import {
  checkedLabel,
  emptySamples,
  isFloatValue,
  labelNumbers,
  looksLikeProbabilities,
  noOutputFits,
  perSample,
  preferNamed,
  recordSample,
  rowSize,
  scoresIn,
  weightedMean,
} from './metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from './metric'
import { byAnswer, classText } from './comparisons'
import type { TaskDeclaration } from './task'

/** Beyond this a confusion matrix tells a person nothing and costs megabytes. */
const CONFUSION_LIMIT = 200
/** Room for the classes of a model that gives labels when the dataset does not say how many there are. */
const UNDECLARED = 10_000
/** A logit this far below the best adds less than 1e-8 to the sum of probabilities. */
const NEGLIGIBLE = -18.5
const NAMES = [/logit/i, /prob|softmax|score/i, /^(output|y)/i]

function choose(outputs: Values, { rows, classes, labels }: MetricContext): OutputChoice {
  const found = perSample(outputs, rows)
  const floats = found.filter(([, value]) => isFloatValue(value))
  const highest = labels
    ? Array.from(labelNumbers(labels, 'accuracy')).reduce((most, label) => Math.max(most, label), 0)
    : 0
  const expected = classes?.length ?? highest + 1
  const scores = (name: string, value: Value, reason: string): OutputChoice => {
    const count = rowSize(value)
    return scoresIn(name, count, looksLikeProbabilities(floatsOf(value), rows, count), reason)
  }
  const exact = floats.filter(([, value]) => rowSize(value) === expected && expected > 1)
  const best = preferNamed(exact, NAMES)
  if (best) {
    const why = exact.length === 1 ? 'the only output with' : 'the best named of the outputs with'
    return scores(...best, `${best[0]} is ${why} one value for each of the ${expected} classes`)
  }
  const single = floats.find(([, value]) => rowSize(value) === 1)
  if (single && expected === 2) {
    const inUnit = floatsOf(single[1]).every((v) => v >= 0 && v <= 1)
    const scale = inUnit ? 'probabilities' : 'logits'
    const reason = `${single[0]} is one ${inUnit ? 'probability' : 'logit'} of the second of two classes`
    return { names: [single[0]], form: 'single-score', scale, classes: 2, reason }
  }
  const wider = floats
    .filter(([, value]) => rowSize(value) > Math.max(1, highest) && value.dims.length === 2)
    .sort(([, a], [, b]) => rowSize(a) - rowSize(b))[0]
  if (wider)
    return scores(
      ...wider,
      `${wider[0]} has ${rowSize(wider[1])} classes, of which the dataset names ${expected}`,
    )
  const labelOutput = found.find(([, value]) => !isFloatValue(value) && rowSize(value) === 1)
  if (labelOutput) {
    const reason = `${labelOutput[0]} gives the class itself`
    const count = classes?.length ?? UNDECLARED
    return { names: [labelOutput[0]], form: 'labels', scale: 'probabilities', classes: count, reason }
  }
  throw noOutputFits(`an output with one value for each of the ${expected} classes`, outputs)
}

class ClassificationMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly truePositives: Float64Array
  private readonly answered: Float64Array
  private readonly present: Float64Array
  private readonly confusion: Float64Array | undefined
  private right = 0
  private inTop5 = 0
  private nonFinite = 0

  constructor(private readonly choice: OutputChoice) {
    const { classes } = choice
    this.truePositives = new Float64Array(classes)
    this.answered = new Float64Array(classes)
    this.present = new Float64Array(classes)
    if (classes <= CONFUSION_LIMIT) this.confusion = new Float64Array(classes * classes)
  }

  add({ indices, rows, outputs, labels }: Observation): void {
    const { names, form, classes } = this.choice
    const data = floatsOf(outputs[names[0]!]!)
    const truth = labelNumbers(labels, 'accuracy')
    if (form === 'scores') return this.addScores(data, truth, indices, rows)
    for (let row = 0; row < rows; row++)
      this.addSingle(data[row]!, indices[row]!, checkedLabel(Number(truth[row]), classes))
  }

  /** The hot loop of an evaluation: one walk of a row for the answer, one for its probability. */
  private addScores(
    data: Float32Array,
    truth: ArrayLike<number>,
    indices: readonly number[],
    rows: number,
  ): void {
    const { classes, scale } = this.choice
    for (let row = 0; row < rows; row++) {
      const label = checkedLabel(truth[row]!, classes)
      const start = row * classes
      const end = start + classes
      let at = start
      let best = data[start]!
      // NaN and +∞ rank nothing; −∞ is how a model says "never this class".
      let bad = !(best < Infinity)
      for (let i = start + 1; i < end; i++) {
        const value = data[i]!
        if (value > best) {
          best = value
          at = i
        } else if (value !== value) bad = true
      }
      if (bad || best === Infinity || best === -Infinity) {
        this.count(indices[row]!, label, -1, 0, false, true)
        continue
      }
      let score = best
      if (scale === 'logits') {
        let sum = 0
        for (let i = start; i < end; i++) {
          const below = data[i]! - best
          if (below > NEGLIGIBLE) sum += Math.exp(below)
        }
        score = 1 / sum
      }
      const answer = at - start
      this.count(
        indices[row]!,
        label,
        answer,
        score,
        answer === label || this.isInTop5(data, start, label),
        false,
      )
    }
  }

  private isInTop5(data: Float32Array, start: number, label: number): boolean {
    const target = data[start + label]!
    let above = 0
    for (let c = 0; c < this.choice.classes; c++) {
      const value = data[start + c]!
      if (value > target || (value === target && c < label)) above++
    }
    return above < 5
  }

  private addSingle(value: number, index: number, label: number): void {
    const { form, scale, classes } = this.choice
    if (Number.isNaN(value)) return this.count(index, label, -1, 0, false, true)
    if (form === 'labels') {
      const answer = Number.isInteger(value) && value >= 0 && value < classes ? value : -1
      return this.count(index, label, answer, 1, answer === label, false)
    }
    const probability = scale === 'logits' ? 1 / (1 + Math.exp(-value)) : value
    const answer = probability > 0.5 ? 1 : 0
    this.count(index, label, answer, answer ? probability : 1 - probability, true, false)
  }

  private count(
    index: number,
    label: number,
    answer: number,
    score: number,
    top5: boolean,
    bad: boolean,
  ): void {
    const { samples } = this
    recordSample(samples, index, label, answer, score)
    this.present[label]!++
    if (bad) this.nonFinite++
    if (top5) this.inTop5++
    if (answer < 0) return
    this.answered[answer]!++
    if (this.confusion) this.confusion[label * this.choice.classes + answer]!++
    if (answer !== label) return
    this.right++
    this.truePositives[label]!++
  }

  result(): Measured {
    const { classes, form } = this.choice
    const n = this.samples.index.length
    const others: Record<string, number> = { f1: this.macroF1() }
    if (classes > 5 && form === 'scores') others.top5 = n ? this.inTop5 / n : 0
    const { confusion, samples } = this
    const right = samples.label.map((label, i) => (samples.answer[i] === label ? 1 : 0))
    return {
      quality: {
        metric: 'accuracy',
        value: n ? this.right / n : 0,
        samples: n,
        interval: wilson(this.right, n),
        higherIsBetter: true,
        others,
      },
      samples,
      reweighted: (weights) => weightedMean(right, weights),
      nonFinite: this.nonFinite,
      notes: [],
      ...(confusion && {
        confusion: Array.from({ length: classes }, (_, row) => [
          ...confusion.subarray(row * classes, (row + 1) * classes),
        ]),
      }),
    }
  }

  /** Mean F1 over the classes that occur in truth or answers, as scikit-learn's macro average. */
  private macroF1(): number {
    let sum = 0
    let counted = 0
    for (let c = 0; c < this.choice.classes; c++) {
      const size = this.present[c]! + this.answered[c]!
      if (size === 0) continue
      sum += (2 * this.truePositives[c]!) / size
      counted++
    }
    return counted ? sum / counted : 0
  }
}

export const classification: TaskDeclaration = {
  id: 'classification',
  metric: 'accuracy',
  choose,
  meter: (choice) => new ClassificationMeter(choice),
  protects: 'class',
  comparison: byAnswer,
  answerText: classText,
  threshold: ({ form, scale }) => (form !== 'single-score' ? undefined : scale === 'logits' ? 0 : 0.5),
  loss: {
    fits: (dims, labels) =>
      dims.length >= 2
        ? sizeOf(dims.slice(2)) === 1
        : labels !== undefined && sizeOf(dims) === labels.dims[0],
    labels: ([, classes = 1]) =>
      classes === 1
        ? { kind: 'binary-cross-entropy', classAxis: -1 }
        : { kind: 'cross-entropy', classAxis: 1 },
    augmentable: true,
  },
}
