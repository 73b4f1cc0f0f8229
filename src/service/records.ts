/** What is kept on disk of a project. Results of the engine are stored as they came and are shown, not interpreted. */
import { z } from 'zod'
import type { Preprocessing } from '../contract/dataset'
import type { ErrorData } from '../contract/errors'
import { Goal } from '../contract/goal'
import type { ModelInspection } from '../contract/model'
import type { LoadedData, RunStatus } from '../contract/project'
import { Recipe } from '../contract/recipe'
import type { Report, StepRecord } from '../contract/report'
import type { TrialPoint } from '../contract/trial'

const Failure = z.custom<ErrorData>()

const ModelRecord = z.object({
  file: z.string(),
  value: z.custom<ModelInspection>().optional(),
  error: Failure.optional(),
})
type ModelRecord = z.output<typeof ModelRecord>

export const DataRecord = z.object({
  file: z.string(),
  tokenizer: z.string().optional(),
  /** Where an archive was unpacked. */
  unpacked: z.string().optional(),
  preprocessing: z.custom<Preprocessing>().optional(),
  classes: z.array(z.string()).optional(),
  splits: z.object({ calibration: z.number(), validation: z.number(), seed: z.number() }).optional(),
  value: z.custom<LoadedData>().optional(),
  error: Failure.optional(),
})
export type DataRecord = z.output<typeof DataRecord>

export const CandidateRecord = z.object({
  n: z.int(),
  recipe: Recipe,
  report: z.custom<Report>(),
  steps: z.array(z.custom<StepRecord>()),
  /** Absolute folder of its files. */
  folder: z.string(),
})
export type CandidateRecord = z.output<typeof CandidateRecord>

export const RunRecord = z.object({
  id: z.string(),
  project: z.string(),
  name: z.string(),
  goal: Goal,
  status: z.custom<RunStatus>(),
  createdAt: z.string(),
  seconds: z.number(),
  done: z.number(),
  /** What it was started with: results belong to these, whatever is chosen later. */
  model: z.object({ file: z.string(), name: z.string(), sha256: z.string() }),
  data: z.object({ name: z.string(), key: z.string(), record: DataRecord.optional() }),
  recipes: z.array(Recipe),
  original: z.custom<Report>().optional(),
  candidates: z.array(CandidateRecord),
  /** Steps of the recipe that ran last. */
  steps: z.array(z.custom<StepRecord>()),
  curve: z.custom<NonNullable<StepRecord['curve']>>().optional(),
  trials: z.array(z.custom<TrialPoint>()).optional(),
  explanation: z.string().optional(),
  error: Failure.optional(),
})
export type RunRecord = z.output<typeof RunRecord>

const ExportOnDisk = z.object({
  id: z.string(),
  candidate: z.string(),
  target: z.string(),
  where: z.string(),
  bytes: z.number(),
  at: z.string(),
  path: z.string(),
})
type ExportOnDisk = z.output<typeof ExportOnDisk>

export const ProjectRecord = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  model: ModelRecord.optional(),
  data: DataRecord.optional(),
  goal: Goal.optional(),
  /** Newest first. */
  runs: z.array(RunRecord),
  exports: z.array(ExportOnDisk),
})
export type ProjectRecord = z.output<typeof ProjectRecord>

/** Equal keys are equal data read in the same way. */
export function dataKey(data: DataRecord | undefined): string {
  if (!data) return 'random'
  const { file, tokenizer, preprocessing, classes, splits } = data
  return JSON.stringify([file, tokenizer ?? null, preprocessing ?? null, classes ?? null, splits ?? null])
}
