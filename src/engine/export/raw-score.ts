/** What the answers of a bundle to raw samples say of it, by its own labels.txt. */
import { formatMetric } from '../../contract/metrics'
import { metricWords } from '../../contract/metric-table'
import type { Batch, Dataset, RawSample } from '../data/dataset'
import { skillOfClasses, skillOfNumbers } from '../data/skill'
import { secondsOf } from '../evaluate/quality'
import { floatsOf, type Value } from '../runtime'
import { concatRows } from '../runtime/value'
import { taskOf } from '../tasks'
import { editDistance } from '../tasks/transcription/edits'
import { pathsOf, textOf } from '../tasks/transcription/ctc'
import { labelLine } from './companions'
import type { Manifest } from './manifest'

/** One sample that has a label: what the bundle's model gave, what is expected, and how Pare had read it. */
export interface Answered {
  value: Value
  label: NonNullable<RawSample['label']>
  measured: Omit<Batch, 'inputs'>
}

interface Score {
  text: string
  isChance: boolean
}

interface Bundle {
  answer: Manifest['answer']
  /** Lines of labels.txt. */
  names: readonly string[] | undefined
  dataset: Dataset
}

/** Standard errors above guessing: below, chance explains the answers one time in 40. */
const BEYOND_GUESSING = 2

/** Undefined where answers cannot be held against labels one by one. */
export function scoreOf(answers: readonly Answered[], bundle: Bundle): Score | undefined {
  if (answers.length === 0) return undefined
  if (bundle.answer.text) return scoreOfTexts(answers, bundle.answer.text, bundle.names!)
  return answers.every(({ label }) => typeof label === 'string')
    ? scoreOfClasses(answers, bundle)
    : scoreOfNumbers(answers, bundle)
}

/** What the first sample of an output says. A reader that knows nothing has as many mistakes as there are characters, or more. */
function scoreOfTexts(
  answers: readonly Answered[],
  { axis, blank }: NonNullable<Manifest['answer']['text']>,
  characters: readonly string[],
): Score {
  const texts = answers.map(({ value }) => textOf(pathsOf(value, axis)[0]!, { blank, characters }))
  const truth = answers.map(({ label }) => Array.from(label as string))
  const errors = texts.map((text, i) => editDistance(Array.from(text), truth[i]!))
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
  const right = errors.filter((count) => count === 0).length
  const length = sum(truth.map((text) => text.length))
  return {
    text: `${right} of ${texts.length} texts are right, ${sum(errors)} of ${length} characters wrong`,
    isChance: beyondNone(truth.map((text, i) => text.length - errors[i]!)) < BEYOND_GUESSING,
  }
}

/** Standard errors of the mean above zero. */
function beyondNone(values: readonly number[]): number {
  const mean = values.reduce((sum, v) => sum + v / values.length, 0)
  const spread = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, values.length - 1)
  return mean / Math.sqrt(spread / values.length || Number.MIN_VALUE)
}

function scoreOfClasses(answers: readonly Answered[], { answer, names }: Bundle): Score | undefined {
  const { classes, threshold } = answer
  const width = classes ?? (threshold === undefined ? Infinity : 1)
  const scores = answers.map(({ value }) => floatsOf(value).slice(0, width))
  if (!names || scores.some((row) => row.length < width)) return undefined
  const labels = answers.map(({ label }) => names.indexOf(labelLine(label as string)))
  const top = scores.map((row) =>
    classes === undefined ? Number(row[0]! > threshold!) : row.indexOf(Math.max(...row)),
  )
  const { each, z } = skillOfClasses(top, labels)
  const right = each.reduce((sum, one) => sum + one, 0)
  return {
    text: `${right} of ${top.length} answers are right`,
    isChance: new Set(labels).size > 1 && z < BEYOND_GUESSING,
  }
}

/** By the measure of the task: numbers may be yes and no, of which no squared error tells anything. */
function scoreOfNumbers(answers: readonly Answered[], { answer, dataset }: Bundle): Score | undefined {
  const task = taskOf(dataset.task)
  const labels = answers.map(({ label }) => label as number[])
  const values = answers.map(({ value }) => Array.from(floatsOf(value)))
  if (values.some((row, i) => row.length !== labels[i]!.length)) return undefined
  const outputs = { [answer.output]: concatRows(answers.map(({ value }) => value)) }
  const measured = answers.map(({ measured }) => measured)
  const truth = concatRows(measured.map(({ labels }) => labels!))
  const rows = answers.length
  const meter = task.meter(
    task.choose(outputs, {
      rows,
      labels: truth,
      ...(dataset.classes && { classes: dataset.classes }),
      seconds: secondsOf(dataset),
    }),
  )
  meter.add({
    indices: measured.flatMap(({ indices }) => indices),
    rows,
    outputs,
    labels: truth,
    reference: outputs,
    follows: measured.map(({ follows }) => follows?.[0] ?? false),
  })
  const { metric, value } = meter.result().quality
  const isTold = labels.some((row) => String(row) !== String(labels[0]))
  const isGuess =
    task.protects === 'values'
      ? skillOfNumbers(values, labels).z < BEYOND_GUESSING
      : task.noSkill !== undefined && value <= task.noSkill
  return {
    text: `${metricWords(metric).name} ${formatMetric(metric, value)} of ${rows}`,
    isChance: isTold && isGuess,
  }
}
