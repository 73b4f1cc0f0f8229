/**
 * A tag for every token: F1, precision and recall of whole entities (micro), as seqeval has them, and how many tokens are
 * right. Tokens labelled below zero are left out. Interval: bootstrap over samples.
 */
import type { TextPart, TextView } from '../../../contract/sample-views'
import { PareError } from '../../../contract/errors'
import { argmax } from '../../math/argmax'
import { seeded } from '../../math/random'
import { bootstrap } from '../../math/statistics'
import { floatsOf, type Value, type Values } from '../../runtime/value'
import { byScore, entitiesText } from '../comparisons'
import {
  emptySamples,
  isFloatValue,
  labelNumbers,
  noOutputFits,
  perSample,
  preferNamed,
  recordSample,
  scoresIn,
} from '../metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from '../metric'
import type { Shown, TaskDeclaration } from '../task'
import { entitiesOf, sameEntities, tagOf, type Entity } from './entities'

interface TagChoice extends OutputChoice {
  tags?: readonly string[]
}

function choose(outputs: Values, { rows, labels, classes }: MetricContext): TagChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: 'entityF1' })
  const steps = labels.dims[1]
  const fitting = perSample(outputs, rows).filter(
    ([, value]) =>
      isFloatValue(value) && value.dims.length === 3 && value.dims[1] === steps && value.dims[2]! > 1,
  )
  const best = preferNamed(fitting, [/logit|tag|score/i, /^(out|y)/i])
  if (!best) throw noOutputFits(`an output of scores of tags at each of ${steps} tokens`, outputs)
  const [name, { dims }] = best
  const tags = classes?.length === dims[2] ? classes : undefined
  return {
    ...scoresIn(name, dims[2]!, false, `${name} scores ${dims[2]} tags at every token`),
    ...(tags && { tags }),
  }
}

interface Tagged {
  given: number[]
  truth: number[]
  bad: boolean
}

/** Tags of one sample at the tokens that are labelled. */
function tagged(scores: Float32Array, truth: readonly number[], classes: number): Tagged {
  const at = [...truth.keys()].filter((t) => truth[t]! >= 0)
  const given = at.map((t) => argmax(scores, t * classes, classes))
  return { given, truth: at.map((t) => truth[t]!), bad: scores.some(Number.isNaN) }
}

const entitiesIn = (tags: readonly number[], { tags: names }: TagChoice): Entity[] =>
  entitiesOf(tags.map((tag) => tagOf(tag, names)))

class TagMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly counts: [right: number, given: number, there: number][] = []
  private tokens = 0
  private rightTokens = 0
  private nonFinite = 0

  constructor(private readonly choice: TagChoice) {}

  add({ indices, rows, outputs, labels }: Observation): void {
    const { names, classes } = this.choice
    const data = floatsOf(outputs[names[0]!]!)
    const all = labelNumbers(labels, 'entityF1')
    const [size, steps] = [data.length / rows, all.length / rows]
    for (let row = 0; row < rows; row++) {
      const wanted = Array.from({ length: steps }, (_, t) => checked(all[row * steps + t]!, classes))
      const { given, truth, bad } = tagged(data.subarray(row * size, (row + 1) * size), wanted, classes)
      if (bad) this.nonFinite++
      const there = entitiesIn(truth, this.choice)
      const found = bad ? [] : entitiesIn(given, this.choice)
      const right = sameEntities(found, there)
      this.counts.push([right, found.length, there.length])
      this.tokens += truth.length
      this.rightTokens += bad ? 0 : truth.filter((tag, t) => tag === given[t]).length
      recordSample(this.samples, indices[row]!, null, found.length, f1(right, found.length + there.length))
    }
  }

  result(): Measured {
    const { counts, samples } = this
    const n = counts.length
    const total = (weights?: Float64Array): [number, number, number] =>
      counts.reduce<[number, number, number]>(
        (sum, count, i) => {
          const weight = weights ? weights[i]! : 1
          return [sum[0] + weight * count[0], sum[1] + weight * count[1], sum[2] + weight * count[2]]
        },
        [0, 0, 0],
      )
    const value = (weights?: Float64Array): number => {
      const [right, given, there] = total(weights)
      return f1(right, given + there)
    }
    const [right, given, there] = total()
    return {
      quality: {
        metric: 'entityF1',
        value: value(),
        samples: n,
        interval: n ? bootstrap(n, value, seeded(17)) : [0, 1],
        higherIsBetter: true,
        others: {
          precision: given ? right / given : 0,
          recall: there ? right / there : 0,
          accuracy: this.tokens ? this.rightTokens / this.tokens : 0,
        },
      },
      samples,
      reweighted: value,
      nonFinite: this.nonFinite,
      notes: this.choice.tags
        ? []
        : [
            'What the tags are called is not known: every stretch of one tag but 0 counts as an entity. Name them with --classes, such as O,B-PER,I-PER.',
          ],
    }
  }
}

function checked(label: number, classes: number): number {
  if (label < classes) return label
  throw new PareError('data/labels-out-of-range', { label: String(label), classes })
}

const f1 = (right: number, all: number): number => (all > 0 ? (2 * right) / all : 1)

/** Stretches of tokens with their entity; those that the other does not have are wrong. */
function partsOf(own: readonly Entity[], other: readonly Entity[], words: readonly string[]): TextPart[] {
  const parts: TextPart[] = []
  const plain = (from: number, to: number): void => {
    if (to > from) parts.push({ text: `${words.slice(from, to).join(' ')} ` })
  }
  let at = 0
  for (const entity of own) {
    plain(at, entity.from)
    const text = words.slice(entity.from, entity.to).join(' ')
    const wrong = sameEntities([entity], other) === 0
    parts.push({ text, mark: entity.name, ...(wrong && { wrong }) }, { text: ' ' })
    at = entity.to
  }
  plain(at, words.length)
  return parts
}

function view({ outputs, choice, label, words }: Shown): TextView[] {
  const wanted = Array.from(labelNumbers(label, 'entityF1'), Number)
  const at = [...wanted.keys()].filter((t) => wanted[t]! >= 0)
  // Tokens of which no text is known go by their place.
  const spoken = at.map((t, i) => (words?.length === at.length ? words[i]! : String(t + 1)))
  return outputs.map((values) => {
    const { given, truth } = tagged(floatsOf(values[choice.names[0]!]!), wanted, choice.classes)
    const [found, there] = [given, truth].map((tags) => entitiesIn(tags, choice))
    return { kind: 'text', parts: partsOf(found!, there!, spoken), truth: partsOf(there!, found!, spoken) }
  })
}

/** "2 entities: PER, LOC" of the labels of one sample. */
function labelText(label: Value, classes?: readonly string[]): string {
  const tags = Array.from(labelNumbers(label, 'entityF1'), Number).filter((tag) => tag >= 0)
  return (
    entitiesOf(tags.map((tag) => tagOf(tag, classes)))
      .map(({ name }) => name)
      .join(', ') || 'nothing'
  )
}

export const tagging: TaskDeclaration = {
  id: 'tagging',
  metric: 'entityF1',
  choose,
  meter: (choice) => new TagMeter(choice),
  protects: 'classes',
  noSkill: 0,
  comparison: byScore,
  answerText: entitiesText,
  labelText,
  classNoun: 'tags',
  loss: {
    fits: (dims) => dims.length === 3,
    labels: () => ({ kind: 'cross-entropy', classAxis: -1 }),
  },
  view,
}
