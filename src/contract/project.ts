/** What the backend owns and the window shows. Paths never appear: files are known by id and name. */
import type { DataRoles, DatasetSummary, DataSpec, Doubt, Preprocessing, SamplePreview } from './dataset'
import type { ErrorData } from './errors'
import type { Goal } from './goal'
import type { ModelInspection } from './model'
import type { Recipe } from './recipe'
import type { Quality, Report, StepRecord } from './report'
import type { TrialPoint } from './trial'

export interface FileRef {
  id: string
  name: string
  bytes: number
  /** Told apart by content. */
  kind: 'model' | 'dataset' | 'recipe' | 'data-spec' | 'tokenizer' | 'unknown'
}

/** Data that is open while the original is still being scored on it: what it is, and the first of its samples. */
export interface OpenedData {
  summary: DatasetSummary
  samples: SamplePreview[]
}

export type Loading<T> =
  | { state: 'empty' }
  | { state: 'loading'; file: FileRef; doing: string; opened?: OpenedData }
  | { state: 'ready'; file: FileRef; value: T }
  | { state: 'failed'; file: FileRef; error: ErrorData }

/** A way to read the dataset that was tried and scored. */
export interface PreprocessingTrial {
  preprocessing: Preprocessing
  /** Only where another order of classes is part of what was tried. */
  classes?: string[]
  score: number
  /**
   * Where the data has no labels, what the model itself tells, which the score then is, and what it tells of the plain
   * reading: 'separation', deviations of its scores by which the first class stands above the second; 'statistics', minus
   * the nats per channel by which what reaches its first BatchNormalization is off what that layer learned.
   */
  by?: { measure: 'separation' | 'statistics'; plain: number }
  /** Better than the plain reading, and than guessing, by more than chance explains. */
  better: boolean
  explanation: string
}

export interface LoadedData {
  summary: DatasetSummary
  /** All of how it is read, so that it can be read so again. */
  spec: DataSpec
  /** Score of the original on the validation split with the current preprocessing. */
  baseline: Quality
  looksLikeChance: boolean
  /** Why the score may say less than it seems to, the gravest first. */
  doubts: Doubt[]
  /** Ranked, best first; present when variants were tried. */
  trials?: PreprocessingTrial[]
}

export interface Project {
  id: string
  name: string
  createdAt: string
  updatedAt: string
  model: Loading<ModelInspection>
  data: Loading<LoadedData>
  /** What a person said of labels, inputs and what is judged. */
  roles?: DataRoles
  goal?: Goal
  /** Newest first. */
  runs: Run[]
  exports: ExportRecord[]
  /** Candidates that were measured anew together, newest first. */
  sittings: Sitting[]
  /** Plain words for steps whose results no longer belong to what is chosen now; empty when all is current. */
  stale: { step: 'data' | 'goal' | 'compress' | 'compare' | 'export'; reason: string }[]
}

export interface ProjectSummary {
  id: string
  name: string
  updatedAt: string
  model?: string
  data?: string
  /** One line: "lenet5 · 12.4× smaller download, −0.2 points". */
  result?: string
  /** The newest run. */
  run?: { id: string; status: RunStatus; resumable: boolean; createdAt: string }
  /** The candidates as a small trade-off picture, the original being at 1 and 0. */
  points?: SummaryPoint[]
  /** The bundle saved last. */
  bundle?: Pick<ExportRecord, 'id' | 'where'>
}

export interface SummaryPoint {
  /** Of the original's download. */
  share: number
  pointsLost: number
  insideLimit: boolean
}

export type RunStatus = 'queued' | 'running' | 'paused' | 'done' | 'failed' | 'cancelled' | 'interrupted'

export interface RunProgress {
  /** 0 … 1 over the whole run. */
  done: number
  doing: string
  etaSeconds?: number
}

export interface RunStep {
  pass: string
  title: string
  state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped'
  record?: StepRecord
}

export interface Candidate {
  id: string
  run: string
  name: string
  recipe: Recipe
  report: Report
  /** "11.8× smaller download, 2.4× faster, −0.2 points: inside your limit" */
  verdict: string
  /** Not beaten in size and quality by another candidate of the project that is not clearly slower. */
  onFront: boolean
  insideLimit: boolean
}

/** Original and candidates measured together, timed in turn: the figures of each belong beside those of the others. */
export interface Sitting {
  original: Report
  candidates: Candidate[]
}

export interface Run {
  id: string
  project: string
  name: string
  goal: Goal
  status: RunStatus
  createdAt: string
  seconds: number
  progress: RunProgress
  steps: RunStep[]
  candidates: Candidate[]
  original?: Report
  /** Equal where the same model was measured on the same data: only then candidates compare. */
  basis: string
  curve?: StepRecord['curve']
  /** What a search has tried so far. */
  trials?: TrialPoint[]
  /** Plain paragraph at the end of a search: what was done, what it cost, what was tried and lost. */
  explanation?: string
  error?: ErrorData
  /** True when it can go on from its last finished pass. */
  resumable: boolean
}

export interface ExportRecord {
  id: string
  candidate: string
  target: string
  /** Where it was put, as a person reads it. */
  where: string
  bytes: number
  at: string
}

export interface BundleEntry {
  name: string
  bytes: number
  /** Compressed in the zip. */
  downloadBytes: number
  what: string
}

export interface TargetCheck {
  ok: boolean
  severity: 'info' | 'warning' | 'error'
  /** What was looked at and found, and what to do. */
  message: string
  /** The pass that puts it right, where one does. */
  pass?: string
}

export interface BundlePlan {
  entries: BundleEntry[]
  bytes: number
  downloadBytes: number
  checks: TargetCheck[]
  /** Ready-to-paste code by language. */
  snippets: { language: string; title: string; code: string }[]
}
