/** What was measured on a model. Accuracies are fractions of 1; sizes bytes; times milliseconds. */
import type { DataSpec, SplitName, Task } from './dataset'
import type { ErrorData } from './errors'

export interface Quality {
  /** 'accuracy', 'r2', 'perplexity', 'cosine' …; see `METRICS`. */
  metric: string
  value: number
  samples: number
  /** 95% interval of `value`. */
  interval: [low: number, high: number]
  higherIsBetter: boolean
  /** Every other metric of the task by name: top5, f1, mae, rmse … */
  others: Record<string, number>
  /** Of a candidate, outputs that no label judges: how like the original's each is. What they lose is lost as well. */
  beside?: { output: string; likeness: number }[]
  /** On which samples; 'random' where no dataset was given. */
  split: SplitName | 'random'
  task: Task
}

/** Agreement with the original on the same samples; always measured for candidates. */
export interface Fidelity {
  /** Absent of outputs of one number a sample: there it is always ±1. */
  cosine?: number
  /** Signal to quantization noise of the outputs, decibel. */
  sqnr: number
  /** Share of samples whose top answer stays the same; absent without classes. */
  agreement?: number
  maxAbsoluteError: number
  samples: number
}

export interface LatencyStats {
  p50: number
  p95: number
  runs: number
  batch: number
  provider: string
  threads: number
}

export interface LayerReport {
  /** Name of the node's first output in the original, the same in every report of a run. */
  layer: string
  /** Name of the node in the original, where it has one. */
  node?: string
  op: string
  /** What was done: 'int8 per-channel', 'kept in float', 'pruned 41%'. */
  treatment: string
  bytesBefore?: number
  bytesAfter?: number
  /** Decibel, weights against the original's. */
  weightSqnr?: number
  /** Decibel, outputs of the layer against the original's, on calibration data. */
  activationSqnr?: number
  reason?: string
}

/** Time on a device that is not here, from operator costs: an estimate, always shown as one. */
export interface LatencyEstimate {
  target: string
  /** Over the original's on the same device: below 1 is faster. */
  ratio: number
  /** Where the figures of the device come from. */
  source: string
}

/** What a model takes on a microcontroller, or why it cannot be had there. Bytes. */
export type Footprint = { target: string } & (
  | {
      /** Constant tables and code. */
      flashBytes: number
      /** Arena, states, one sample of inputs and outputs, and stack where it is known. */
      ramBytes: number
      constantBytes: number
      arenaBytes: number
      stackBytes?: number
      /** Of one run, an estimate from its multiply-accumulates; absent where no chip is named. */
      milliseconds?: number
      /** How code and stack were counted. */
      source: string
      /** What the chip has, where one is named: everything is held against that, whatever else is asked for. */
      has?: { flashBytes?: number; ramBytes?: number }
    }
  | { reason: string }
)

export interface Report {
  /** Absolute. */
  path: string
  bytes: number
  /** Size of the model's own entries inside the zip. */
  downloadBytes: number
  parameters: number
  nonzeroParameters: number
  /** Null where a shape they hang on could not be traced, as within If and Loop; so is the energy then. */
  macs: number | null
  quality: Quality
  /** Quality minus the original's on the same samples, in the metric's unit, with the 95% interval of that difference. */
  qualityChange?: { value: number; interval: [low: number, high: number] }
  fidelity?: Fidelity
  latencyMs: LatencyStats
  /** Time over the original's, measured in turn with it: below 1 is faster. 95% interval. */
  latencyRatio?: { value: number; interval: [low: number, high: number] }
  /** The original's times when these were taken: a candidate measured again has another sitting. */
  originalLatencyMs?: LatencyStats
  targetLatency?: LatencyEstimate
  /** Where the target is a microcontroller. */
  footprint?: Footprint
  /** Growth of resident memory while the session runs, in a process of its own. */
  peakMemoryBytes: number
  energyMicrojoules: number | null
  energySource: string
  sha256: string
  /** Samples whose output held NaN or infinity; each counts as one the model has no skill on. */
  nonFinite?: number
  /** How the samples were read; absent where inputs were random. */
  dataSpec?: DataSpec
  /** Which output was read, and why, in plain words. */
  output?: string
  /** Confusion matrix, rows = truth, columns = answers; only for classification up to 200 classes. */
  confusion?: number[][]
  classes?: string[]
  layers?: LayerReport[]
  /** Plain sentences: int8 is slower here than float; the mask stays in float; … */
  notes: string[]
}

/** Per sample, kept beside the report for the Compare step; parallel arrays. */
export interface SampleResults {
  index: number[]
  label: (number | null)[]
  /** Top class, or the first output value for regression. */
  answer: number[]
  /** Probability or score of the answer; absolute error for regression. */
  score: number[]
  /** The answers themselves, where they are words. */
  text?: string[]
  /** And what they should be. */
  truth?: string[]
}

export interface StepRecord {
  pass: string
  /** The pass by its title, with what was not as it comes: as the name of a recipe has it. Absent in what older versions kept. */
  told?: string
  params: Record<string, unknown>
  seconds: number
  /** One plain sentence of what it did. */
  summary: string
  skipped: { layer: string; reason: string }[]
  layers?: LayerReport[]
  /** What the steps before said of layers holds no more: the result was made from the original. */
  restarts?: boolean
  /** Loss and quality per epoch, for passes that learn. */
  curve?: { epoch: number; loss: number; quality?: number }[]
  /** True where the pass failed and the run went on with what it had; `error` says why. */
  failed?: boolean
  error?: ErrorData
}

export interface CompressResult {
  original: Report
  candidate: Report
  steps: StepRecord[]
  files: string[]
}
