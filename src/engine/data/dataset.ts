/** Samples with inputs, optional labels and a task, in three disjoint splits. */
import type {
  DataSpec,
  DatasetKind,
  DatasetSummary,
  Preprocessing,
  SamplePreview,
  SplitName,
  SplitSummary,
  Task,
} from '../../contract/dataset'
import type { SampleForm } from '../../contract/sample-form'
import type { Value, Values } from '../runtime/value'
import type { GoesOn } from './clips'
import type { RawFile } from './source'

export interface Batch {
  /** Position of each sample within its split. */
  indices: number[]
  /** By input name of the model, first axis = samples, ready to be fed. */
  inputs: Values
  /**
   * classification: int64 [N]; multi-label: float32 [N, classes]; regression: float32 [N, …outputs];
   * language-model: int64 [N, T] next tokens, −100 where not scored; segmentation: int64 [N, H, W];
   * matting: float32 [N, 1, H, W] of shares; detection: see
   * `tasks/detection/label-rows.ts`; keypoints: see `tasks/keypoints/people.ts`; transcription: see `tasks/transcription/texts.ts`.
   */
  labels?: Value
  /**
   * Where samples are steps of clips: whether each goes on where the one read before it ended, that of the batch before
   * counting too. Its states are those that the original made of what came before.
   */
  follows?: boolean[]
}

export interface BatchOptions {
  /** Reads at most this many samples, from the start of the split (or of the shuffled order). */
  limit?: number
  /** Shuffles with this seed, clips as wholes; without it the order of the dataset. */
  shuffle?: number
  /** Only these positions, in this order. */
  indices?: readonly number[]
  signal?: AbortSignal
}

export interface RawSample {
  files: RawFile[]
  /** Name of the class, the text, or the numbers of a regression or of several labels; absent for other tasks. */
  label?: string | number[]
}

export interface Split {
  readonly name: SplitName
  readonly length: number
  readonly origin: SplitSummary['origin']
  /** Streams batches; nothing is loaded whole. The last batch may be smaller. */
  batches(size: number, options?: BatchOptions): AsyncIterable<Batch>
  /** `side`: the longest side of a thumbnail, pixels. */
  preview(index: number, side?: number): Promise<SamplePreview>
  /** Absent where samples are no steps of clips. */
  readonly goesOn?: GoesOn
  /** As it was before Pare read it, with what is expected of it; absent where samples have no such form. */
  raw?(index: number): Promise<RawSample>
}

export interface Variant {
  preprocessing?: Preprocessing
  /** The same class names in the order of the model's outputs. */
  classes?: readonly string[]
}

export interface Dataset {
  readonly kind: DatasetKind
  readonly task: Task
  readonly path: string
  readonly classes?: readonly string[]
  /** The order of the classes is only that of their names; the model may have another. */
  readonly guessedOrder?: boolean
  /** What calibration samples are, in words, where no data was given, and how often they were read. */
  readonly standIn?: { readonly words: string; readonly reads: number }
  readonly preprocessing: Preprocessing
  /** All of how it is read: opened with this the data is the same. */
  readonly spec: DataSpec
  /** How a raw sample becomes the inputs, in full, and the tokenizer it needs; absent where samples have no raw form. */
  readonly form?: { readonly inputs: SampleForm; readonly tokenizer?: string }
  readonly splits: Readonly<Record<SplitName, Split>>
  summary(): DatasetSummary
  /**
   * The same samples read or named differently. Shares files with this dataset: close the original, after use
   * of both. Throws `data/shape-mismatch` where the preprocessing is of another kind, or the classes others.
   */
  variant(change: Variant): Dataset
  close(): Promise<void>
}
