/** What `run.json` holds: the work that was asked for and how far it came. */
import { z } from 'zod'
import { Recipe } from '../../contract/recipe'

export const WrittenFile = z.object({ name: z.string().min(1), bytes: z.int(), sha256: z.string() })
export type WrittenFile = z.output<typeof WrittenFile>

/** A finished pass. `record` is a StepRecord; it is only ever shown, so its shape is not checked again. */
export const Checkpoint = z.object({
  /** Hash of everything that decides the result: model, data, settings and all steps up to this one. */
  key: z.string(),
  record: z.record(z.string(), z.unknown()),
  /** Its learning, or that of a pass before it, was ended early: nothing to go on from in another run. */
  partial: z.boolean().optional(),
  /** The model after this pass; absent where the pass failed and the model before it stands. */
  files: z
    .array(WrittenFile)
    .min(1)
    .refine((files) => files.every(({ name }) => /^checkpoints[\\/][\w-]+\.onnx(\.data)?$/.test(name)), {
      message: 'a checkpoint lies in the folder of checkpoints',
    })
    .optional(),
})
export type Checkpoint = z.output<typeof Checkpoint>

export const FinishedCandidate = z.object({
  n: z.int(),
  /** Key of its last step. */
  key: z.string(),
  recipe: Recipe,
  /** Relative to the candidate's folder; model.onnx first. */
  files: z.array(WrittenFile),
})
export type FinishedCandidate = z.output<typeof FinishedCandidate>

export const RunState = z.object({
  pare: z.literal(1),
  original: z.object({ path: z.string(), bytes: z.int(), sha256: z.string() }),
  /** Id of what the results are for. */
  target: z.string().default('any'),
  checkpoints: z.array(Checkpoint),
  candidates: z.array(FinishedCandidate),
})
export type RunState = z.output<typeof RunState>
