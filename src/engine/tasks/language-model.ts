/**
 * Next tokens: perplexity = exp(mean negative log-likelihood of a token, nats) and top-1 accuracy.
 * The interval treats every text as one cluster, since tokens of a text depend on each other.
 */
import { ratioInterval } from '../math/statistics'
import { floatsOf, type Values } from '../runtime/value'
import { PareError } from '../../contract/errors'
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
  scoresIn,
  weightedMean,
} from './metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from './metric'
import { byAnswer, countText } from './comparisons'
import type { TaskDeclaration } from './task'

/** Labels below zero are not scored. */
function choose(outputs: Values, { rows, labels }: MetricContext): OutputChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: 'perplexity' })
  const tokens = labels.dims[1] ?? 1
  const fitting = perSample(outputs, rows).filter(
    ([, value]) =>
      isFloatValue(value) && value.dims.length === 3 && value.dims[1] === tokens && value.dims[2]! > 1,
  )
  const best = preferNamed(fitting, [/logit/i, /prob|score/i, /^(output|y)/i])
  if (!best) throw noOutputFits(`an output of [samples, ${tokens} tokens, vocabulary]`, outputs)
  const classes = best[1].dims[2]!
  const probabilities = looksLikeProbabilities(floatsOf(best[1]), rows * tokens, classes)
  const reason = `${best[0]} has one value for each of ${classes} tokens at every position`
  return scoresIn(best[0], classes, probabilities, reason)
}

class LanguageModelMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly losses: number[] = []
  private readonly tokens: number[] = []
  private right = 0
  private nonFinite = 0

  constructor(private readonly choice: OutputChoice) {}

  add({ indices, rows, outputs, labels }: Observation): void {
    const { classes, names } = this.choice
    const data = floatsOf(outputs[names[0]!]!)
    const truth = labelNumbers(labels, 'perplexity')
    const positions = truth.length / rows
    for (let row = 0; row < rows; row++) {
      let loss = 0
      let count = 0
      let bad = false
      let last: { label: number; answer: number } | undefined
      for (let t = 0; t < positions; t++) {
        const label = Number(truth[row * positions + t])
        if (label < 0) continue
        const scored = this.score(data, (row * positions + t) * classes, checkedLabel(label, classes))
        if (scored.bad) bad = true
        if (scored.answer === label) this.right++
        loss += scored.loss
        count++
        last = { label, answer: scored.answer }
      }
      if (bad) this.nonFinite++
      this.losses.push(loss)
      this.tokens.push(count)
      recordSample(
        this.samples,
        indices[row]!,
        last?.label ?? null,
        last?.answer ?? -1,
        count ? Math.exp(-loss / count) : 0,
      )
    }
  }

  /** Loss of one token in nats. A position that is not finite counts as a guess among all tokens. */
  private score(
    data: Float32Array,
    start: number,
    label: number,
  ): { loss: number; answer: number; bad: boolean } {
    const { classes, scale } = this.choice
    let answer = 0
    let best = -Infinity
    let bad = false
    for (let c = 0; c < classes; c++) {
      const value = data[start + c]!
      if (!(value < Infinity)) bad = true
      if (value > best) {
        best = value
        answer = c
      }
    }
    if (bad || best === -Infinity) return { loss: Math.log(classes), answer: -1, bad: true }
    if (scale === 'probabilities')
      return { loss: -Math.log(Math.max(data[start + label]!, 1e-45)), answer, bad }
    let sum = 0
    for (let c = 0; c < classes; c++) sum += Math.exp(data[start + c]! - best)
    // A label the model rules out (−∞) would make the mean infinite: float32's smallest likelihood instead.
    return { loss: Math.min(103.3, Math.log(sum) + best - data[start + label]!), answer, bad }
  }

  result(): Measured {
    const tokens = this.tokens.reduce((a, b) => a + b, 0)
    const mean = tokens ? this.losses.reduce((a, b) => a + b, 0) / tokens : 0
    const [low, high] = ratioInterval(this.losses, this.tokens)
    return {
      quality: {
        metric: 'perplexity',
        value: Math.exp(mean),
        samples: this.samples.index.length,
        interval: [Math.exp(low), Math.exp(high)],
        higherIsBetter: false,
        others: { accuracy: tokens ? this.right / tokens : 0, loss: mean, tokens },
      },
      samples: this.samples,
      reweighted: (weights) =>
        Math.exp(weightedMean(this.losses, weights) / weightedMean(this.tokens, weights)),
      nonFinite: this.nonFinite,
      notes: [],
    }
  }
}

export const languageModel: TaskDeclaration = {
  id: 'language-model',
  metric: 'perplexity',
  choose,
  meter: (choice) => new LanguageModelMeter(choice),
  protects: 'classes',
  comparison: byAnswer,
  answerText: countText,
  loss: {
    fits: (dims) => dims.length === 3,
    labels: () => ({ kind: 'cross-entropy', classAxis: -1 }),
  },
}
