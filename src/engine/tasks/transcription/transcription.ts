/**
 * Texts read from pictures and sounds by connectionist temporal classification: character and word error rates over
 * all samples, as jiwer has them, and how many texts are wholly right. Interval: ratio of sums over samples.
 */
import type { TextPart, TextView } from '../../../contract/sample-views'
import { PareError } from '../../../contract/errors'
import { ratioInterval } from '../../math/statistics'
import type { Value, Values } from '../../runtime/value'
import { byText, numberText } from '../comparisons'
import { emptySamples, isFloatValue, noOutputFits, perSample, recordSample, weightedMean } from '../metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from '../metric'
import type { Shown, TaskDeclaration } from '../task'
import { alphabetsOf, pathsOf, textOf, type Alphabet } from './ctc'
import { aligned, editDistance } from './edits'
import { doubtTexts, measureTexts, stepsOf } from './text-loss'
import { textsOf, wordsOf } from './texts'

interface TextChoice extends OutputChoice {
  alphabet: Alphabet
  /** Axis of the scores. */
  axis: 1 | 2
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const charactersIn = (text: string): string[] => Array.from(text)

const OF = { form: 'values', scale: 'probabilities', classes: 0 } as const

/** The way to read an output that makes the fewest mistakes on these samples. */
function choose(outputs: Values, { rows, labels, classes = [] }: MetricContext): TextChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: 'cer' })
  const truth = textsOf(labels)
  let best: { choice: TextChoice; errors: number } | undefined
  for (const [name, value] of perSample(outputs, rows)) {
    if (value.dims.length !== 3 || !isFloatValue(value)) continue
    for (const axis of [2, 1] as const)
      for (const alphabet of alphabetsOf(classes, value.dims[axis]!)) {
        const texts = pathsOf(value, axis).map((path) => textOf(path, alphabet))
        const errors = sum(texts.map((text, i) => editDistance(charactersIn(text), charactersIn(truth[i]!))))
        if (best && errors >= best.errors) continue
        const reason = `${name} scores ${value.dims[axis]} characters at ${value.dims[3 - axis]} steps, ${alphabet.words}`
        best = { choice: { ...OF, names: [name], reason, alphabet, axis }, errors }
      }
  }
  if (best) return best.choice
  const wanted = [0, 1, 2].map((more) => classes.length + more).join(', ')
  throw noOutputFits(
    `an output of [samples, steps, scores] with ${wanted} scores for ${classes.length} characters`,
    outputs,
  )
}

const read = (outputs: Values, { names, axis, alphabet }: TextChoice): string[] =>
  pathsOf(outputs[names[0]!]!, axis).map((path) => textOf(path, alphabet))

class TextMeter implements Meter {
  private readonly samples = { ...emptySamples(), text: [] as string[], truth: [] as string[] }
  private readonly errors: number[] = []
  private readonly lengths: number[] = []
  private words = 0
  private wrongWords = 0
  private nonFinite = 0

  constructor(private readonly choice: TextChoice) {}

  add({ indices, outputs, labels }: Observation): void {
    if (!labels) throw new PareError('data/labels-missing', { by: 'cer' })
    const { names, axis, alphabet } = this.choice
    const paths = pathsOf(outputs[names[0]!]!, axis)
    for (const [row, truth] of textsOf(labels).entries()) {
      if (paths[row]![0] === -1) this.nonFinite++
      const text = textOf(paths[row]!, alphabet)
      const length = charactersIn(truth).length
      const errors = editDistance(charactersIn(text), charactersIn(truth))
      this.errors.push(errors)
      this.lengths.push(length)
      this.words += wordsOf(truth).length
      this.wrongWords += editDistance(wordsOf(text), wordsOf(truth))
      recordSample(this.samples, indices[row]!, null, errors, errors / Math.max(1, length))
      this.samples.text.push(text)
      this.samples.truth.push(truth)
    }
  }

  result(): Measured {
    const { errors, lengths, samples, words } = this
    const n = errors.length
    const [low, high] = ratioInterval(errors, lengths)
    return {
      quality: {
        metric: 'cer',
        value: sum(errors) / Math.max(1, sum(lengths)),
        samples: n,
        interval: [Math.max(0, low), high],
        higherIsBetter: false,
        others: {
          wer: this.wrongWords / Math.max(1, words),
          exact: n ? errors.filter((count) => count === 0).length / n : 0,
        },
      },
      samples,
      reweighted: (weights) => weightedMean(errors, weights) / weightedMean(lengths, weights),
      nonFinite: this.nonFinite,
      notes: [],
    }
  }
}

/** Neighbours of one kind joined. */
function joined(parts: readonly TextPart[]): TextPart[] {
  const out: TextPart[] = []
  for (const part of parts) {
    const last = out.at(-1)
    if (last && last.wrong === part.wrong) last.text += part.text
    else if (part.text !== '') out.push({ ...part })
  }
  return out
}

function view({ outputs, choice, label }: Shown): TextView[] {
  const [truth] = textsOf(label!)
  return outputs.map((values) => {
    const [text] = read(values, choice as TextChoice)
    const pairs = aligned(charactersIn(text!), charactersIn(truth!))
    const side = (of: 'given' | 'truth'): TextPart[] =>
      joined(
        pairs.map((pair) => ({ text: pair[of] ?? '', ...(pair.given !== pair.truth && { wrong: true }) })),
      )
    return { kind: 'text', parts: side('given'), truth: side('truth') }
  })
}

export const transcription: TaskDeclaration = {
  id: 'transcription',
  metric: 'cer',
  choose,
  meter: (choice) => new TextMeter(choice as TextChoice),
  protects: 'classes',
  comparison: byText,
  answerText: numberText,
  labelText: (label: Value) => textsOf(label)[0]!,
  carries: 'texts',
  spelling: (choice) => {
    const { axis, alphabet } = choice as TextChoice
    return { axis, blank: alphabet.blank, characters: alphabet.characters }
  },
  classNoun: 'characters',
  loss: {
    fits: (dims) => dims.length === 3,
    structured: {
      closing: ['Softmax', 'LogSoftmax'],
      taught: (choice) => stepsOf(choice as TextChoice),
      doubt: (outputs, labels, choice) => doubtTexts(outputs, labels, choice as TextChoice),
      measure: (outputs, labels, choice) => measureTexts(outputs, labels, choice as TextChoice),
    },
  },
  view,
}
