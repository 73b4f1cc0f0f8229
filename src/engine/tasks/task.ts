/**
 * A task is declared once: what is asked of a model, how its answers are judged, shown and learned, and what a search
 * keeps from changing. Everything else asks the declaration what it says and knows no task by its name.
 */
import type { SamplePreview, Task } from '../../contract/dataset'
import type { SampleResults } from '../../contract/report'
import type { SampleView } from '../../contract/sample-views'
import type { Value, Values } from '../runtime/value'
import type { Comparison } from './comparisons'
import type { MetricFamily, OutputChoice } from './metric'

export type LossKind = 'cross-entropy' | 'binary-cross-entropy' | 'squared-error'

/** How labels are learned: which output they are held against, and by which loss. */
export interface TaskLoss {
  /** Whether an output of these dimensions can be held against the labels. */
  fits(dims: readonly number[], labels: Value | undefined): boolean
  /**
   * Absent where labels cannot be learned yet: then the original's own outputs are imitated, by their squared error.
   * `classAxis` is counted from the front; −1 is the last.
   */
  labels?(dims: readonly number[]): { kind: LossKind; classAxis: number }
  /** Of labels that outputs are held against as wholes: texts, sets of boxes. */
  structured?: StructuredLoss
  /** The augmented picture of a sample has the label of the sample. */
  augmentable?: boolean
}

/** Loss of each sample, 0 where its label teaches nothing, and the slope of the sum by every output, in its shape. */
export interface StructuredMeasure {
  losses: readonly number[]
  slopes: Values
}

/** A loss that is told beside the graph, from what outputs gave; from the slopes on it goes back through the graph. */
export interface StructuredLoss {
  /** Operators at the end of a model that it wants undone. */
  closing: readonly string[]
  /** What keeps labels from being learned by outputs so read, as the end of "the original was imitated, as …". */
  trouble?(choice: OutputChoice): string | undefined
  /** What keeps labels from being learned beside a teacher that gave these outputs, as the end of the same sentence. */
  doubt?(outputs: Values, labels: Value, choice: OutputChoice): string | undefined
  /** What values of the first output are compared with a teacher's by. `classAxis` as in `labels`. */
  taught(choice: OutputChoice): { kind: LossKind; classAxis: number }
  /** `outputs` are those of the choice, at least as many samples as labels; what is beyond these has no slope. */
  measure(outputs: Values, labels: Value, choice: OutputChoice): StructuredMeasure
}

/** Scores of characters at every step: the strongest of each, repeats once, the blank left out. */
export interface Spelling {
  /** Axis of the scores in an output of [samples, …]. */
  axis: 1 | 2
  /** Position of the score that stands for no character. */
  blank: number
  /** By position; the blank's is empty. */
  characters: readonly string[]
}

/** One sample through every model, for its page. */
export interface Shown {
  /** All outputs of each model for the one sample, the original's first. */
  outputs: readonly Values[]
  choice: OutputChoice
  classes?: readonly string[]
  label?: Value
  /** Of texts, what stands between spaces. */
  words?: readonly string[]
  /** Of tasks that look at clips as wholes, all steps of the sample's: outputs of each model, labels, inputs, and which is the sample. */
  steps?: {
    outputs: readonly (readonly Values[])[]
    labels: readonly Value[]
    inputs: readonly Values[]
    at: number
  }
  /** Of tasks that look at samples beside each other, the first of the split: their vectors by each model. */
  gallery?: Gallery
}

export interface Gallery {
  /** Of the sample itself, which may be one of them. */
  index: number
  indices: readonly number[]
  /** Output `choice.names[0]` of each model for these samples, [samples, …]. */
  outputs: readonly Value[]
  labels?: Value
  preview(index: number): Promise<SamplePreview>
}

export interface TaskDeclaration extends MetricFamily {
  id: Task
  /**
   * What of the answers a search keeps from changing: the class of a sample (`class`) or of every position (`classes`),
   * which of several classes hold (`several`), or how near all outputs stay (`values`).
   */
  protects: 'class' | 'classes' | 'several' | 'values'
  /** What the main metric is without any skill; a model at or below it is only guessing. */
  noSkill?: number
  /** When a candidate's answer to a sample counts as changed. */
  comparison(original: SampleResults): Comparison
  /** An answer or a label of a row of samples in words. */
  answerText(value: number, classes?: readonly string[]): string
  /** The label of one sample in words; absent where it is a class, or nothing to tell in words. */
  labelText?(label: Value, classes?: readonly string[]): string
  /** What its classes are called; default "classes". */
  classNoun?: string
  /** Labels that a bundle's samples carry along where they are no classes: numbers, or texts as `labelText` gives them. */
  carries?: 'numbers' | 'texts'
  /** How a program reads an output in which a sample has a text, where scores alone do not say. */
  spelling?(choice: OutputChoice): Spelling
  /** The value that tells a yes from a no, where every value of the output is one of these. */
  threshold?(choice: OutputChoice): number | undefined
  loss: TaskLoss
  /** The page of a sample draws the whole clip that it is a step of. */
  clips?: boolean
  /** The page of a sample shows it beside at most so many others. */
  gallery?: number
  /** What the page of a sample draws of each model's outputs, in their order; absent or undefined: numbers, and pictures where outputs are some. */
  view?(shown: Shown): SampleView[] | undefined | Promise<SampleView[] | undefined>
}
