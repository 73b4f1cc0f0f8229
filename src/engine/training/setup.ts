/** What a training is made of. */
import type { Task } from '../../contract/dataset'
import type { Random } from '../math/random'
import type { Model } from '../onnx'
import type { Augment } from './augmentation'
import type { LossSpec } from './losses'
import type { Samples } from '../data/sample-store'
import type { LearningSettings } from './settings'
import type { LossSettings } from './step'
import type { Teacher } from './teacher'
import type { Parameters } from './trainable'

/** What a pass adds to the plain loop. `done` is 0 … 1 of the whole training. */
export interface Constraint {
  /** Before an update: may change gradients, add a penalty's. */
  gradients?(values: Float32Array, gradients: Float32Array, done: number): void
  /** After an update: may change values. */
  values?(values: Float32Array, done: number): void
  /** False while weights are not yet what the pass promises, so that such an epoch is never kept. */
  eligible?(done: number): boolean
  /** Weights were set from outside: after a trial, or from a checkpoint. */
  restart?(): void
}

export interface TrainSetup {
  model: Model
  spec: LossSpec
  task: Task
  parameters: Parameters
  samples: Samples
  training: readonly number[]
  /** What judges the epochs: of the training samples where it has none of its own. */
  validation?: { indices: readonly number[]; samples?: Samples }
  micro: number
  settings: LearningSettings
  loss: LossSettings
  /** Share of batches of blended samples; needs a teacher. */
  mixup?: number
  /** How samples are augmented when they are seen. */
  augment?: Augment
  teacher?: Teacher
  classes?: readonly string[]
  constraints?: readonly Constraint[]
  random: Random
  threads?: number
  /** Tells this training from others in checkpoints. */
  key: string
  scratch: string
  /** 0 … 1; throws `cancelled`. */
  progress(done: number, doing?: string): void
  /** True once a person wants the best so far; asked after each update. */
  stopRequested?(): boolean
  /** Of so many seconds of learning, the share that there is time for; 1 and more where there is enough. */
  timeFor?(seconds: number): number
  point?(at: { epoch: number; loss: number; quality?: number }): void
}
