/** What a reader of one format gives: raw samples by position, before splits, classes and tasks. */
import type { Preprocessing, SamplePreview, Task } from '../../contract/dataset'
import type { SampleForm } from '../../contract/sample-form'
import type { DType } from '../onnx'
import type { Value, Values } from '../runtime/value'

/** One array, column or other series of equal-shaped rows, read by position. */
export interface Rows {
  readonly length: number
  /** Shape of one row; [] for scalars. */
  readonly dims: readonly number[]
  readonly dtype: DType
  /** Rows in the order asked for: [indices.length, …dims]. */
  read(indices: readonly number[]): Promise<Value>
  close(): Promise<void>
}

/** Labels as they were found; a task makes targets of them. */
export type RawLabels =
  /** One name per sample, as an index into `names` (−1: no label). */
  { kind: 'names'; names: readonly string[]; of: Int32Array } | { kind: 'rows'; rows: Rows } | MadeLabels

/** Labels of a form of one task alone, which make its targets themselves. */
export interface MadeLabels {
  kind: 'made'
  task: Task
  /** Classes in the order of the model's outputs; empty where there are none. */
  names: readonly string[]
  /** Whether that order is known: no list of classes says another. */
  ordered?: boolean
  /** "12 classes of boxes". */
  reason: string
  /**
   * Targets of these samples, first axis the samples; those of more or fewer parts are padded with −1 along the second.
   * `classes` are the names in the order that the model has them in.
   */
  make(indices: readonly number[], preprocessing: Preprocessing, classes: readonly string[]): Promise<Value>
}

export interface Reading {
  /** By input name, first axis = samples. */
  inputs: Values
  /** Which of the positions asked for could be read, where some could not. */
  kept?: readonly number[]
}

export interface SourcePreview extends Pick<SamplePreview, 'title' | 'thumbnail' | 'text'> {
  /** What the model is fed, where a picture of the numbers is the best there is. */
  inputs?: Values
  /** What each number of an input is called, where the data says so. */
  columns?: Readonly<Record<string, readonly string[]>>
}

/** A raw sample is one file or, of arrays, one a name. */
export interface RawFile {
  /** 'image', 'sound', 'text', 'row', or the name of an array. */
  name: string
  /** Ending of the file, with the dot. */
  ending: string
  bytes: Uint8Array
}

/** Samples as they are before Pare reads them, and how they are read, in full. */
export interface RawSamples {
  form(preprocessing: Preprocessing): SampleForm
  /** Path of the tokenizer.json of the texts. */
  tokenizer?: string
  files(index: number): Promise<RawFile[]>
}

export interface Source {
  readonly length: number
  readonly labels?: RawLabels | undefined
  /** How samples become inputs, as far as the model and the data say. */
  readonly suggested: Preprocessing
  /** What a person should know about these samples. */
  readonly notes: readonly string[]
  /** Samples as the model wants them. `indices` are positions within the source. */
  read(indices: readonly number[], preprocessing: Preprocessing, signal?: AbortSignal): Promise<Reading>
  /** `side`: the longest side of a thumbnail, pixels. */
  preview(index: number, preprocessing: Preprocessing, side?: number): Promise<SourcePreview>
  /** Absent where samples have no form of their own. */
  readonly raw?: RawSamples | undefined
  /** Whether the inputs of each sample lack a number, or hold NaN or infinity; absent where none ever can. */
  hasGap?(indices: readonly number[]): Promise<boolean[]>
  /** Whether a sample is the next step of the clip that the sample before it belongs to; absent where all stand alone. */
  follows?(index: number): boolean
  /** Bytes that decide whether two samples are the same one; absent where that is too costly to ask. */
  identity?(indices: readonly number[]): Promise<Uint8Array[]>
  close(): Promise<void>
}
