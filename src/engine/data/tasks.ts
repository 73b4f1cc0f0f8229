/** Recognises what is learned from labels and output shapes: the one place that decides it. */
import type { Task } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import { sizeOf, type Dim, type Model } from '../onnx'
import { sampleDims, signatureOf } from '../runtime/signature'
import { isAdded, taskOf } from '../tasks'
import { asTheyAre } from './as-they-are'
import { shapeText } from './convert'
import type { LabelFacts, TargetPlan } from './labels'
import { isTags, nextToken, tokenInput } from './token-input'

interface Recognised {
  task: Task
  targets: TargetPlan
  /** Class names in the order of the model's outputs, where there are classes. */
  classes?: readonly string[]
  /** The order of the classes is only that of their names. */
  guessedOrder?: boolean
  /** Why, in plain words. */
  reason: string
}

export interface TaskHints {
  task?: Task
  /** Class names in order, where a person or a file beside the data says so. */
  classes?: readonly string[]
  /** Samples are steps of clips. */
  clips?: boolean
}

/** What a model gives for one sample. */
export interface Output {
  name: string
  /** Shape of one sample's output; unknown axes are not numbers. */
  dims: readonly Dim[]
}

/** The output that is evaluated: the one that is named, else the first. Throws `data/spec` where there is none such. */
export function evaluatedOutput(model: Model, named?: string): Output {
  const { outputs } = signatureOf(model)
  const port = named === undefined ? outputs[0] : outputs.find(({ name }) => name === named)
  if (!port && named !== undefined && outputs.length > 0)
    throw new PareError('data/spec', {
      reason: `the model has no output “${named}”; it has ${outputs.map(({ name }) => name).join(', ')}`,
    })
  if (!port) throw new PareError('model/invalid', { file: model.file, reason: 'the model has no output' })
  return { name: port.name, dims: sampleDims(port) }
}

const EMBEDDING = /embed|feature|pool|sentence|hidden|vector|representation/i

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i))

/** Throws `data/labels-out-of-range` and `data/shape-mismatch` (input "labels"). */
export function recogniseTask(
  model: Model,
  output: Output,
  facts: LabelFacts,
  hints: TaskHints = {},
): Recognised {
  // Throws for one that nobody knows.
  if (hints.task && isAdded(taskOf(hints.task).id)) return asTheyAre(facts, hints.task)
  const together = hints.task === 'embedding' ? classesTogether(facts) : undefined
  if (together) return together
  const recognised = asEvents(fromLabels(model, output, facts, hints), output, hints)
  if (!hints.task || hints.task === recognised.task) return recognised
  if (hints.task === 'regression' && facts.kind === 'numbers')
    return {
      task: 'regression',
      targets: { kind: 'values', dims: dimsOf(output) ?? facts.dims },
      reason: 'chosen',
    }
  if (hints.task === 'multi-label' && facts.kind === 'numbers' && facts.binary)
    return {
      task: 'multi-label',
      targets: { kind: 'values', dims: facts.dims },
      classes: outputSize(output) === 1 ? recognised.classes?.slice(-1) : recognised.classes,
      reason: 'chosen',
    }
  const { targets } = recognised
  if (
    targets.kind === 'class-map' &&
    targets.dims.length === 1 &&
    (hints.task === 'tagging' || hints.task === 'language-model')
  )
    return { ...recognised, task: hints.task, reason: 'chosen' }
  if (hints.task === 'restoration' && recognised.task === 'regression')
    return { ...recognised, task: 'restoration', reason: 'chosen' }
  if (hints.task === 'unlabelled' || hints.task === 'embedding')
    return { task: hints.task, targets: { kind: 'none' }, reason: 'chosen' }
  if (hints.task === 'language-model') {
    const ids = tokenInput(model)
    if (ids) return { task: 'language-model', targets: nextToken(model, ids.name), reason: 'chosen' }
  }
  throw new PareError('data/shape-mismatch', {
    input: 'labels',
    expected: `labels for ${hints.task}`,
    got: `labels for ${recognised.task} (${recognised.reason})`,
  })
}

/** Vectors of samples of one class should be near each other. */
function classesTogether(facts: LabelFacts): Recognised | undefined {
  const reason = 'chosen; samples of one class belong together'
  if (facts.kind === 'names') {
    const classes = facts.names
    return {
      task: 'embedding',
      targets: { kind: 'class', classes, offset: 0, byName: true },
      classes,
      reason,
    }
  }
  if (facts.kind === 'numbers' && facts.dims.length === 0 && facts.integer)
    return { task: 'embedding', targets: { kind: 'values', dims: [] }, reason }
  return undefined
}

/** Two classes told by one score are events where samples follow each other, or where somebody says so. */
function asEvents(recognised: Recognised, output: Output, { task, clips }: TaskHints): Recognised {
  const isOneOfTwo = recognised.task === 'classification' && outputSize(output) === 1
  if (!isOneOfTwo || !(task === 'events' || (clips && task === undefined))) return recognised
  const reason = task ? 'chosen' : 'labels are 0 or 1 at every step of clips, and the model has one score'
  return { task: 'events', targets: { kind: 'values', dims: [1] }, reason }
}

function fromLabels(model: Model, output: Output, facts: LabelFacts, hints: TaskHints): Recognised {
  if (facts.kind === 'none') return withoutLabels(model, output)
  if (facts.kind === 'made') {
    const classes = facts.ordered ? facts.names : (hints.classes ?? facts.names)
    return {
      task: facts.task,
      targets: { kind: 'made', classes },
      ...(classes.length > 0 && { classes }),
      reason: facts.reason,
    }
  }
  if (facts.kind === 'names') return fromNames(output, facts.names, hints)
  return facts.dims.length === 0
    ? fromSingles(model, output, facts, hints)
    : fromArrays(model, output, facts, hints)
}

function withoutLabels(model: Model, output: Output): Recognised {
  const ids = tokenInput(model)
  const last = output.dims.at(-1)
  if (ids && output.dims.length === 2 && last === ids.vocabulary)
    return {
      task: 'language-model',
      targets: nextToken(model, ids.name),
      reason: `the output scores each of ${last} tokens at every position, so the next token is the label`,
    }
  if (EMBEDDING.test(output.name))
    return {
      task: 'embedding',
      targets: { kind: 'none' },
      reason: `no labels, and the output is called ${output.name}`,
    }
  return { task: 'unlabelled', targets: { kind: 'none' }, reason: 'no labels were found' }
}

/** How many numbers the output has for a sample, where its shape is known. */
function dimsOf(output: Output): number[] | undefined {
  return output.dims.every((dim) => typeof dim === 'number') ? (output.dims as number[]) : undefined
}

const outputSize = (output: Output): number | undefined => {
  const dims = dimsOf(output)
  return dims && sizeOf(dims)
}

const isInteger = (name: string): boolean => /^\d{1,6}$/.test(name)

function fromNames(output: Output, names: string[], hints: TaskHints): Recognised {
  const size = outputSize(output) ?? hints.classes?.length ?? names.length
  if (size === 1 && names.length <= 2) return oneOfTwo(names, hints)
  const asNumbers = names.every(isInteger) && names.every((name) => Number(name) < size)
  if (asNumbers && !hints.classes) {
    const classes = numbered(size)
    return {
      ...classification(
        { kind: 'class', classes, offset: 0, byName: false },
        `labels are class numbers, ${size} outputs`,
      ),
      guessedOrder: true,
    }
  }
  const classes = hints.classes ?? names
  const known = new Set(classes)
  if (classes.length > size || names.some((name) => !known.has(name))) {
    const label = names.find((name) => !known.has(name)) ?? classes[size]!
    throw new PareError('data/labels-out-of-range', { label, classes: size })
  }
  const recognised = classification(
    { kind: 'class', classes, offset: 0, byName: true },
    `${names.length} class names, ${size} outputs`,
  )
  return hints.classes ? recognised : { ...recognised, guessedOrder: true }
}

/** The score is that of the second. */
function oneOfTwo(names: readonly string[], hints: TaskHints): Recognised {
  const [first, second = `not ${first}`] = names
  const classes = hints.classes?.length === 2 ? hints.classes : [first!, second]
  const label = names.find((name) => !classes.includes(name))
  if (label !== undefined) throw new PareError('data/labels-out-of-range', { label, classes: 2 })
  const targets = { kind: 'class', classes, offset: 0, byName: true } as const
  const guessed = classes !== hints.classes
  return { ...classification(targets, 'two classes and one output'), ...(guessed && { guessedOrder: true }) }
}

function classification(targets: TargetPlan & { classes: readonly string[] }, reason: string): Recognised {
  return { task: 'classification', targets, classes: targets.classes, reason }
}

type NumberFacts = Extract<LabelFacts, { kind: 'numbers' }>

function fromSingles(model: Model, output: Output, facts: NumberFacts, hints: TaskHints): Recognised {
  const size = outputSize(output) ?? hints.classes?.length ?? facts.max + 1
  if (size === 1) {
    const sigmoid = model.graph.producer(output.name)?.is('Sigmoid') ?? false
    if (facts.binary || (sigmoid && isTwoNumbers(facts))) {
      const { said, ...numbering } = numberingOf(facts, 2)
      const classes = hints.classes?.length === 2 ? hints.classes : numbered(2)
      const targets = { kind: 'class', classes, ...numbering, byName: false } as const
      return classification(targets, `labels are one of two numbers${said}, and the model has one output`)
    }
    const dims = dimsOf(output) ?? [1]
    return {
      task: 'regression',
      targets: { kind: 'values', dims },
      reason: 'one number as label and as output',
    }
  }
  if (!facts.integer)
    throw new PareError('data/shape-mismatch', {
      input: 'labels',
      expected: `class numbers or ${size} values per sample, as the output ${output.name} has ${shapeText(output.dims)}`,
      got: `one number with a fraction per sample (${facts.min} to ${facts.max})`,
    })
  const named = hints.classes?.some((name, i) => name !== String(i)) ? hints.classes : undefined
  if (named?.length === size && [facts.floor ?? facts.min, facts.max].every((v) => named.includes(String(v))))
    return classification(
      {
        kind: 'class',
        classes: named,
        offset: 0,
        ...(facts.floor !== undefined && { ignored: facts.min }),
        byName: true,
      },
      `labels are class numbers in an order of their own, ${size} outputs`,
    )
  const { said, ...numbering } = numberingOf(facts, size)
  const classes = hints.classes?.length === size ? hints.classes : numbered(size)
  return classification(
    { kind: 'class', classes, ...numbering, byName: false },
    `labels are class numbers${said}, ${size} outputs`,
  )
}

/** Two classes counted from 1, or as −1 and 1. */
const isTwoNumbers = ({ integer, min, max, floor }: NumberFacts): boolean =>
  integer && ((min === 1 && max === 2) || (min === -1 && max === 1 && floor === 1))

/** How labels count the classes. Throws `data/labels-out-of-range`. */
function numberingOf(
  { min, max, floor }: NumberFacts,
  size: number,
): { offset: number; step?: number; ignored?: number; said: string } {
  // Support vector machines call two classes −1 and 1.
  if (size === 2 && min === -1 && floor === 1 && max === 1)
    return { offset: -1, step: 2, said: ' (−1 and 1)' }
  // −1, 0, 1 of three outputs leaves none over for a label that stands for nothing.
  if (min === -1 && floor === 0 && max === size - 2) return { offset: -1, said: ', counted from −1' }
  const lowest = floor ?? min
  // Counted from one, as MATLAB and some spreadsheets do: only then does the number of classes itself occur.
  const offset = lowest === 1 && max === size ? 1 : 0
  if (lowest < 0 || max - offset >= size)
    throw new PareError('data/labels-out-of-range', { label: String(lowest < 0 ? min : max), classes: size })
  const counted = offset === 1 ? ', counted from 1' : ''
  return floor === undefined
    ? { offset, said: counted }
    : { offset, ignored: min, said: `${counted}, ${min} for none` }
}

function fromArrays(model: Model, output: Output, facts: NumberFacts, hints: TaskHints): Recognised {
  const size = sizeOf(facts.dims)
  const outputs = outputSize(output) ?? size
  if (size === outputs) {
    const classes = hints.classes?.length === size ? hints.classes : numbered(size)
    if (facts.oneHot && facts.dims.length === 1)
      return classification({ kind: 'one-hot', classes }, 'labels are one-hot')
    const targets: TargetPlan = { kind: 'values', dims: dimsOf(output) ?? facts.dims }
    if (facts.binary && facts.dims.length === 1)
      return { task: 'multi-label', targets, classes, reason: 'several labels of 0 and 1 per sample' }
    if (isPicture(facts.dims))
      return { task: 'restoration', targets, reason: 'labels and output are pictures of one size' }
    return { task: 'regression', targets, reason: `labels and output both have ${size} numbers per sample` }
  }
  const plane = facts.dims.filter((dim, i) => !(i === 0 && dim === 1 && facts.dims.length === 3))
  const map = facts.integer ? classAxis(output, plane) : undefined
  if (map && plane.length === 1 && isTags(model, map))
    return {
      task: 'tagging',
      targets: { kind: 'class-map', classes: map, dims: plane },
      ...(hints.classes?.length === map && { classes: hints.classes }),
      reason: `one of ${map} tags per token`,
    }
  if (map && plane.length === 1)
    return {
      task: 'language-model',
      targets: { kind: 'class-map', classes: map, dims: plane },
      reason: `one token per position, ${map} scores each`,
    }
  if (map)
    return {
      task: 'segmentation',
      targets: { kind: 'class-map', classes: map, dims: plane },
      reason: `one class per pixel, ${map} scores each`,
    }
  throw new PareError('data/shape-mismatch', {
    input: 'labels',
    expected: `${shapeText(output.dims)} or a class number per sample, as the output ${output.name}`,
    got: shapeText(facts.dims),
  })
}

/** Sides below this are no picture. */
const LEAST_SIDE = 16

/** Channels first or last: one, three or four. */
function isPicture(dims: readonly number[]): boolean {
  const [a, b, c] = dims
  if (dims.length !== 3) return false
  const of = (channels: number, height: number, width: number): boolean =>
    [1, 3, 4].includes(channels) && Math.min(height, width) >= LEAST_SIDE
  return of(a!, b!, c!) || of(c!, a!, b!)
}

/** Length of the one axis an output has beyond the positions of the labels: first, else last. */
function classAxis(output: Output, positions: readonly number[]): number | undefined {
  if (output.dims.length !== positions.length + 1) return undefined
  const agree = (dims: readonly Dim[]): boolean =>
    dims.every((dim, i) => typeof dim !== 'number' || dim === positions[i])
  const [first] = output.dims
  const last = output.dims.at(-1)
  if (positions.length > 1 && typeof first === 'number' && agree(output.dims.slice(1))) return first
  return typeof last === 'number' && agree(output.dims.slice(0, -1)) ? last : undefined
}
