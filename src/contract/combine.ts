/** Scores of several models as one. */
import { z } from 'zod'
import { Id } from './stored'

export const COMBINE_BY = ['max', 'min', 'mean', 'sum'] as const
export type CombineBy = (typeof COMBINE_BY)[number]

export const CombineRequest = z.strictObject({
  project: Id,
  files: z.array(Id).min(2).max(100),
  by: z.enum(COMBINE_BY),
  /** Of a sum, one for each score. */
  weights: z.array(z.number()).optional(),
})
export type CombineRequest = z.output<typeof CombineRequest>
