/** What is kept on disk of a project. Results of the engine are stored as they came; of them what is read is asked for. */
import { z } from 'zod'
import { DataRoles, DataSpec, Preprocessing } from '../contract/dataset'
import { Goal } from '../contract/goal'
import type { ModelInspection } from '../contract/model'
import type { LoadedData, RunStatus } from '../contract/project'
import { Recipe } from '../contract/recipe'
import type { StepRecord } from '../contract/report'
import {
  Id,
  StoredError,
  StoredQuality,
  StoredReport,
  StoredStep,
  StoredTrialPoint,
} from '../contract/stored'

const Inspection = z.looseObject({
  path: z.string(),
  sha256: z.string(),
  inputs: z.array(z.looseObject({ name: z.string() })),
  outputs: z.array(z.looseObject({ name: z.string() })),
  operators: z.array(z.looseObject({ op: z.string() })),
  layers: z.array(z.looseObject({ layer: z.string() })),
  issues: z.array(z.looseObject({ message: z.string() })),
}) as unknown as z.ZodType<ModelInspection>

const Loaded = z.looseObject({
  summary: z.looseObject({
    kind: z.string(),
    task: z.string(),
    description: z.string(),
    splits: z.record(z.string(), z.looseObject({ samples: z.number() })),
    preprocessing: Preprocessing,
    notes: z.array(z.string()),
  }),
  spec: DataSpec,
  baseline: StoredQuality,
  doubts: z.array(z.looseObject({ message: z.string() })),
}) as unknown as z.ZodType<LoadedData>

/** What was read of a file can be read again: where it is not what it should be, it is as if it never was. */
const again = <T>(value: z.ZodType<T>) => value.optional().catch(undefined)

const ModelRecord = z.object({
  file: Id,
  value: again(Inspection),
  error: again(StoredError),
})
type ModelRecord = z.output<typeof ModelRecord>

export const DataRecord = z.object({
  file: Id,
  tokenizer: Id.optional(),
  /** Where an archive was unpacked. */
  unpacked: z.string().optional(),
  preprocessing: Preprocessing.optional(),
  classes: z.array(z.string()).optional(),
  roles: DataRoles.optional(),
  /** The data spec that came with the data; what is set by hand goes before it. */
  spec: DataSpec.optional(),
  splits: z.object({ calibration: z.number(), validation: z.number(), seed: z.number() }).optional(),
  value: again(Loaded),
  error: again(StoredError),
})
export type DataRecord = z.output<typeof DataRecord>

export const CandidateRecord = z.object({
  n: z.int(),
  recipe: Recipe,
  report: StoredReport,
  steps: z.array(StoredStep),
  /** Absolute folder of its files. */
  folder: z.string(),
})
export type CandidateRecord = z.output<typeof CandidateRecord>

const STATUS = {
  queued: true,
  running: true,
  paused: true,
  done: true,
  failed: true,
  cancelled: true,
  interrupted: true,
} satisfies Record<RunStatus, true>

const CurvePoint = z.object({
  epoch: z.number(),
  loss: z.number().nullable(),
  quality: z.number().nullable().optional(),
}) as unknown as z.ZodType<NonNullable<StepRecord['curve']>[number]>

export const RunRecord = z
  .object({
    id: Id,
    project: Id,
    name: z.string(),
    goal: Goal,
    status: z.enum(Object.keys(STATUS) as RunStatus[]),
    createdAt: z.string(),
    seconds: z.number(),
    done: z.number(),
    /** What it was started with: results belong to these, whatever is chosen later. */
    model: z.object({ file: Id, name: z.string(), sha256: z.string() }),
    data: z.object({ name: z.string(), key: z.string(), record: DataRecord.optional() }),
    recipes: z.array(Recipe),
    original: StoredReport.optional(),
    candidates: z.array(CandidateRecord),
    /** Steps of the recipe that ran last. */
    steps: z.array(StoredStep),
    curve: z.array(CurvePoint).optional(),
    trials: z.array(StoredTrialPoint).optional(),
    explanation: z.string().optional(),
    error: again(StoredError),
  })
  .refine(({ candidates, original }) => candidates.length === 0 || original !== undefined, {
    message: 'the original that candidates were measured beside is missing',
  })
export type RunRecord = z.output<typeof RunRecord>

const SittingRecord = z.object({
  /** Ids, in the order of `reports`. */
  candidates: z.array(z.string()),
  original: StoredReport,
  reports: z.array(StoredReport),
})
export type SittingRecord = z.output<typeof SittingRecord>

const ExportOnDisk = z.object({
  id: Id,
  candidate: z.string(),
  target: z.string(),
  where: z.string(),
  bytes: z.number(),
  at: z.string(),
  path: z.string(),
})
type ExportOnDisk = z.output<typeof ExportOnDisk>

export const ProjectRecord = z.object({
  id: Id,
  name: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  model: ModelRecord.optional(),
  data: DataRecord.optional(),
  goal: Goal.optional(),
  /** Newest first. */
  runs: z.array(RunRecord),
  exports: z.array(ExportOnDisk),
  /** Newest first. */
  sittings: z.array(SittingRecord).optional(),
})
export type ProjectRecord = z.output<typeof ProjectRecord>

/** Equal keys are equal data read in the same way. */
export function dataKey(data: DataRecord | undefined): string {
  if (!data) return 'random'
  const { file, tokenizer, preprocessing, classes, splits, roles, spec } = data
  const read = [file, tokenizer ?? null, preprocessing ?? null, classes ?? null, splits ?? null]
  return JSON.stringify([...read, ...(roles || spec ? [roles ?? null] : []), ...(spec ? [spec] : [])])
}
